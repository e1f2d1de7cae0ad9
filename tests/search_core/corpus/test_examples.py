"""Example queries come from the corpus itself, always the same ones."""

from __future__ import annotations

import json
from pathlib import Path

from search_core.corpus import load_corpus
from search_core.corpus.examples import said_in
from search_core.settings import Settings
from search_core.types import Corpus, Document


def documented(path: str, docstring: str) -> Document:
    return Document(f"{path}::{docstring}", "", "", path=path, kind="function", docstring=docstring)


def test_code_is_asked_for_by_short_plain_first_sentences_one_a_module() -> None:
    corpus = Corpus(
        "code",
        (
            documented("a.py", "Too short."),
            documented("a.py", "Copy a file over.\n\nWith its metadata."),
            documented("a.py", "Remove a file for good."),  # the module has its turn
            documented("b.py", "Return ``x`` as :class:`Y` instance"),  # markup
            documented("c.py", "Read all lines"),
            documented("tests/d.py", "Test that it works"),
        ),
    )
    assert set(said_in(corpus)) == {"Copy a file over", "Read all lines"}


def test_there_are_four_at_most_and_they_do_not_depend_on_the_order() -> None:
    words = ("one", "two", "three", "four", "five", "six")
    documents = tuple(documented(f"{word}.py", f"Count up to {word}.") for word in words)
    found = said_in(Corpus("code", documents))
    assert len(found) == 4
    assert said_in(Corpus("code", documents[::-1])) == found


def test_a_data_set_is_asked_its_own_queries_of_splits_to_test_on(
    small_dataset: Path, settings: Settings
) -> None:
    lines = (small_dataset / "queries.jsonl").read_text().splitlines()
    texts = {query["_id"]: query["text"] for query in map(json.loads, lines)}
    judged = [
        json.loads(line)["query-id"]
        for split in ("valid", "test")
        for line in (small_dataset / "qrels" / f"{split}.jsonl").read_text().splitlines()
    ]
    queries = load_corpus(f"dataset:{small_dataset}", settings).queries
    assert len(queries) == 4
    assert set(queries) <= {texts[id_] for id_ in judged}
