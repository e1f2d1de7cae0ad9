"""Retrieval data sets come from a folder or the Hub; what is wrong with them is said, or counted."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search_core.corpus import load_corpus, load_judged
from search_core.settings import Settings
from search_core.types import SkippedFile, StudioError
from tests.fake_hub import FakeHub, hub_environment
from tests.warm_python import WarmPython

CONFIGS = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "default": "valid.jsonl"}
Rows = list[dict[str, Any]]


def dataset(folder: Path, corpus: Rows, queries: Rows, qrels: Rows) -> str:
    """Write a data set; the spec that names it."""
    folder.mkdir(exist_ok=True)
    lines = ["---", "configs:"]
    for (config, file), rows in zip(CONFIGS.items(), (corpus, queries, qrels), strict=True):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
        lines += [f"- config_name: {config}", "  data_files:", "  - split: valid", f"    path: {file}"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))
    return f"dataset:{folder}"


DOCUMENT = {"_id": "d1", "title": "", "text": "def f(): pass"}
QUERY = {"_id": "q1", "text": "do nothing"}
JUDGMENT = {"query-id": "q1", "corpus-id": "d1", "score": 1}


def test_the_title_is_encoded_before_the_text(tmp_path: Path, settings: Settings) -> None:
    titled = {"_id": 2, "title": "nothing", "text": "def g(): pass", "language": "Python"}
    corpus = load_corpus(dataset(tmp_path / "d", [DOCUMENT, titled], [QUERY], [JUDGMENT]), settings)
    first, second = corpus.documents
    assert (first.text, first.encoded, first.language) == ("def f(): pass", "def f(): pass", None)
    assert (second.id, second.text, second.encoded) == ("2", "def g(): pass", "nothing\ndef g(): pass")
    assert second.language == "python"
    assert (second.path, second.kind, second.start_line, corpus.files) == (None, None, None, 0)


def test_unusable_rows_are_counted(tmp_path: Path, settings: Settings) -> None:
    rows = [DOCUMENT, {**DOCUMENT, "text": "other"}, {"_id": "d2", "title": "", "text": " "}]
    queries = [QUERY, {"_id": "q2", "text": ""}, {**QUERY, "text": "again"}]
    qrels = [
        JUDGMENT,
        {**JUDGMENT, "corpus-id": "nowhere"},
        {**JUDGMENT, "query-id": "q2"},  # its text is empty
        {**JUDGMENT, "query-id": "q3"},  # there is no such query
        {**JUDGMENT, "query-id": "q4", "corpus-id": "nowhere"},
    ]
    judged = load_judged(dataset(tmp_path / "d", rows, queries, qrels), "valid", "content", settings)
    assert judged.corpus.skipped == (
        SkippedFile("d1", "id occurs more than once, the first is kept"),
        SkippedFile("d2", "empty id or text"),
    )
    assert judged.queries == {"q1": "do nothing"}
    assert judged.qrels == {"q1": frozenset({"d1"})}
    assert judged.skipped_queries == 3


@pytest.mark.parametrize(
    ("corpus", "queries", "qrels", "sentence"),
    [
        (
            [{"_id": "d1", "code": "x"}],
            [QUERY],
            [JUDGMENT],
            "config 'corpus' lacks text; its columns are _id, code",
        ),
        (
            [DOCUMENT],
            [{"id": "q1", "text": "x"}],
            [JUDGMENT],
            "config 'queries' lacks _id; its columns are id, text",
        ),
        ([DOCUMENT], [QUERY], [{"query-id": "q1"}], "config 'default' lacks corpus-id, score"),
        ([DOCUMENT], [QUERY], [{**JUDGMENT, "corpus-id": "d9"}], "has no query with a relevant document"),
        ([DOCUMENT], [QUERY], [{**JUDGMENT, "score": 0}], "has no query with a relevant document"),
        ([DOCUMENT], [QUERY], [{**JUDGMENT, "score": "good"}], "score 'good' of query 'q1' is no number"),
        ([{**DOCUMENT, "text": ""}], [QUERY], [JUDGMENT], "has no document with an id and a text"),
    ],
)
def test_what_makes_a_data_set_unusable_is_said(
    tmp_path: Path, settings: Settings, corpus: Rows, queries: Rows, qrels: Rows, sentence: str
) -> None:
    spec = dataset(tmp_path / "d", corpus, queries, qrels)
    with pytest.raises(StudioError, match=sentence):
        load_judged(spec, "valid", "content", settings)


def test_a_missing_config_and_broken_json_are_named(tmp_path: Path, settings: Settings) -> None:
    spec = dataset(tmp_path / "d", [DOCUMENT], [QUERY], [JUDGMENT])
    readme = tmp_path / "d" / "README.md"
    readme.write_text(readme.read_text().replace("config_name: queries", "config_name: questions"))
    with pytest.raises(StudioError, match=r"Config 'queries' of data set .* cannot be read: .*questions"):
        load_corpus(spec, settings)
    spec = dataset(tmp_path / "d", [DOCUMENT], [QUERY], [JUDGMENT])
    (tmp_path / "d" / "corpus.jsonl").write_text("{'not': json}\n")
    with pytest.raises(StudioError, match=r"Config 'corpus' of data set .* cannot be read: ") as caught:
        load_corpus(spec, settings)
    assert "\n" not in str(caught.value)


def test_a_folder_is_read_again_when_it_changed_and_only_then(
    small_dataset: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(small_dataset, folder)
    first = load_corpus(f"dataset:{folder}", settings)
    import datasets

    loaded: list[str] = []
    real = datasets.load_dataset

    def load_dataset(path: str, config: str, **options: Any) -> Any:
        loaded.append(config)
        return real(path, config, **options)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_corpus(f"dataset:{folder}", settings) == first
    assert loaded == []
    with (folder / "corpus.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "new", "title": "", "text": "def new(): pass"}) + "\n")
    assert load_corpus(f"dataset:{folder}", settings).documents[-1].id == "new"
    assert loaded == ["corpus", "queries", "default"]


def test_a_damaged_copy_is_made_anew(
    small_dataset: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    spec = f"dataset:{small_dataset}"
    first = load_judged(spec, "valid", "official", settings)
    [queries] = settings.workspace.glob("corpora/*/queries-*.parquet")
    queries.write_bytes(queries.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert load_judged(spec, "valid", "official", settings) == first
    assert "is damaged and will be rebuilt" in caplog.text


# The Hub's address is read at import, so that its clients are processes of their own.

CLIENT = """
import json, sys, time
from pathlib import Path
import datasets
from search_core.corpus import load_corpus, load_judged
from search_core.settings import Settings
from search_core.types import StudioError

settings = Settings(workspace=Path(sys.argv[1]), hub_timeout_s=1.0)
start = time.monotonic()
for spec in sys.argv[2:]:
    try:
        corpus = load_corpus(spec, settings)
        judged = load_judged(spec, "valid", "content", settings)
        print(json.dumps([[d.id for d in corpus.documents], {q: sorted(r) for q, r in judged.qrels.items()}]))
    except StudioError as error:
        print(json.dumps([str(error), time.monotonic() - start]))
"""


Client = Callable[..., list[Any]]


@pytest.fixture
def client(warm_python: WarmPython) -> Client:
    def client(workspace: Path, environment: dict[str, str], *specs: str) -> list[Any]:
        """What a process with these variables prints about each spec."""
        done = warm_python.run(CLIENT, str(workspace), *specs, environment=environment)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return client


@pytest.fixture
def hub_folder(tmp_path: Path, small_dataset: Path) -> Path:
    shutil.copytree(small_dataset, tmp_path / "hub" / "datasets" / "acme" / "small")
    return tmp_path / "hub"


def test_the_hub_gives_what_the_folder_gives(
    client: Client, hub_folder: Path, small_dataset: Path, settings: Settings, tmp_path: Path
) -> None:
    with FakeHub(hub_folder) as hub:
        environment = hub.environment(tmp_path / "cache")
        spec, missing = "dataset:acme/small", "dataset:acme/nothing"
        from_hub, unknown = client(settings.workspace, environment, spec, missing)
        local = load_judged(f"dataset:{small_dataset}", "valid", "content", settings)
        ids = [document.id for document in local.corpus.documents]
        assert from_hub == [ids, {query: sorted(found) for query, found in local.qrels.items()}]
        assert unknown[0].startswith("There is no data set 'acme/nothing' on the Hugging Face Hub")

        hub.requests.clear()
        assert client(settings.workspace, environment, spec) == [from_hub]
        assert set(hub.requests) == {"GET /api/datasets/acme/small"}  # the same commit: nothing else is asked

        with (hub_folder / "datasets/acme/small/corpus.jsonl").open("a") as file:
            file.write(json.dumps({"_id": "new", "title": "", "text": "def new(): pass"}) + "\n")
        assert client(settings.workspace, environment, spec) == [[[*ids, "new"], from_hub[1]]]
    # The Hub is gone: the stored copy serves, and in another workspace the library's own cache, if asked for.
    assert client(settings.workspace, environment, spec) == [[[*ids, "new"], from_hub[1]]]
    offline = environment | {"HF_HUB_OFFLINE": "1"}
    assert client(tmp_path / "other", offline, spec) == [[[*ids, "new"], from_hub[1]]]


@pytest.mark.parametrize("listening", [False, True])
def test_a_hub_that_does_not_answer_fails_at_once(client: Client, tmp_path: Path, listening: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts, and never answers
        url = f"http://127.0.0.1:{server.getsockname()[1] if listening else 9}"
        [[sentence, seconds]] = client(tmp_path, hub_environment(url, tmp_path), "dataset:acme/small")
    assert sentence == (
        "Data set 'acme/small' is not stored here and the Hugging Face Hub cannot be reached "
        "(waited up to 1 s): check the connection, or give dataset:FOLDER. "
        "If it was downloaded before, set HF_HUB_OFFLINE=1."
    )
    assert seconds < 1 + 5
    assert os.listdir(tmp_path) == []  # noqa: PTH208
