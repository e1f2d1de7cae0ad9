"""What a published run says of the corpus that it was trained on: nothing that is this machine's alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.train.run_folder import QUERIES, build_run
from train.finished_run import is_public_corpus, public_corpus, read_finished_run, shareable_files

REPOSITORY = "https://github.com/owner/name"


@pytest.mark.parametrize(
    ("spec", "public"),
    [
        ("stdlib", True),
        ("package:requests", True),
        ("dataset:CoIR-Retrieval/cosqa", True),
        (REPOSITORY, True),
        (f"stdlib + package:requests + {REPOSITORY}", True),
        ("https://10.0.0.1/owner/name", False),
        ("https://gitlab/owner/name", False),
        (f"{REPOSITORY} + https://gitlab/owner/name", False),
        ("/home/ada/secret", False),  # not here any more
        ("package:requests + /home/ada/secret", False),
        (f"{REPOSITORY} + ./secret", False),
    ],
)
def test_a_union_is_public_only_if_all_its_parts_are(spec: str, public: bool) -> None:
    assert is_public_corpus(spec) is public


def test_a_union_is_named_part_by_part(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    assert public_corpus(f"package:requests + {secret}") == "package:requests + secret"
    assert public_corpus(f"{secret} + stdlib + /home/ada/gone") == "secret + stdlib + gone"
    assert public_corpus("https://gitlab/team/name + stdlib") == "name + stdlib"


def test_where_private_hosts_are_allowed_no_repository_counts_as_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CODESEARCH_ALLOW_PRIVATE_HOSTS", "true")
    assert not is_public_corpus(REPOSITORY)
    assert not is_public_corpus(f"stdlib + {REPOSITORY}")
    assert is_public_corpus("stdlib")


def test_nothing_of_a_unions_private_part_is_shared(tmp_path: Path) -> None:
    secret, model = tmp_path / "secret", tmp_path / "model"
    secret.mkdir()
    model.mkdir()
    run = build_run(tmp_path / "run", model=model, corpus=f"package:requests + {secret}")
    files = shareable_files(read_finished_run(run), "alice/code-finder")
    assert not [name for name, text in files.items() if str(tmp_path) in text]
    report = json.loads(files["reports/after.json"])
    assert {row["query"] for row in report["per_query"]} == {""}
    assert [row["query_id"] for row in report["per_query"]] == [
        str(number) for number in range(1, len(QUERIES) + 1)
    ]
