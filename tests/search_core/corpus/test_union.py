"""Several corpora of code, searched as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_core.corpus import load_corpus, load_judged
from search_core.corpus.judged import DERIVED_SPLITS, split_of_module
from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import SkippedFile, StudioError


@pytest.fixture
def spec(tmp_path: Path) -> str:
    for part, name in (("left/src", "render"), ("right/src", "parse")):
        folder = tmp_path / part
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / f"{name}.py").write_text(
            f"def {name}(text):\n    '''{name.title()} the given text.'''\n"
        )
        (folder / "broken.py").write_bytes(b"\0")
    return f"{tmp_path / 'left/src'} + {tmp_path / 'right/src'}"


def test_ids_and_paths_open_with_the_name_of_the_part(spec: str, settings: Settings) -> None:
    corpus = load_corpus(spec, settings)
    functions = [document for document in corpus.documents if document.kind == "function"]
    assert [(document.id, document.path) for document in functions] == [
        ("src/sub/render.py::render", "src/sub/render.py"),
        ("src-2/sub/parse.py::parse", "src-2/sub/parse.py"),
    ]
    assert corpus.skipped == (
        SkippedFile("src/broken.py", "binary file"),
        SkippedFile("src-2/broken.py", "binary file"),
    )
    assert (corpus.spec, corpus.files, corpus.parts) == (spec, 2, ("src", "src-2"))


def test_the_parts_are_stored_and_the_union_only_has_a_name(spec: str, settings: Settings) -> None:
    corpus = load_corpus(spec, settings)
    parts = {load_corpus(part, settings).id for part in spec.split(" + ")}
    assert {folder.name for folder in (settings.workspace / "corpora").iterdir()} == parts
    assert corpus.id and corpus.id not in parts


def test_one_question_is_answered_from_every_part(spec: str, settings: Settings) -> None:
    engine = SearchEngine(load_corpus(spec, settings), settings)
    found = engine.search("text", mode="lexical").hits
    assert {hit.document.path for hit in found} == {"src/sub/render.py", "src-2/sub/parse.py"}


def test_a_module_is_in_the_split_that_it_has_in_its_own_corpus(spec: str, settings: Settings) -> None:
    queries = {"Parse the given text.": "sub/parse.py", "Render the given text.": "sub/render.py"}
    found = {}
    for split in DERIVED_SPLITS:
        try:
            judged = load_judged(spec, split, "content", settings)
        except StudioError:  # no query in this split
            continue
        found |= dict.fromkeys(judged.queries.values(), split)
    assert found == {query: split_of_module(path) for query, path in queries.items()}
    assert split_of_module("src-2/sub/parse.py") != split_of_module("sub/parse.py")  # the prefix would show
