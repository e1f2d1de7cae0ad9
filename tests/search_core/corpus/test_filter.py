"""A filter lets through what has its language, its kind and its path."""

from __future__ import annotations

import pytest

from search_core.corpus.filter import admitted
from search_core.types import Corpus, Document, Kind, SearchFilter, StudioError


def document(path: str, kind: Kind, language: str) -> Document:
    return Document(path, path, path, path=path, kind=kind, language=language)


CORPUS = Corpus(
    "corpus",
    (
        document("net/fetch.py", "function", "python"),
        document("net/client.py", "method", "python"),
        document("net/client.go", "method", "go"),
        document("README.md", "section", "markdown"),
    ),
)


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (SearchFilter(), [True, True, True, True]),
        (SearchFilter(language="python"), [True, True, False, False]),
        (SearchFilter(kind="method"), [False, True, True, False]),
        (SearchFilter(path="net/*.py"), [True, True, False, False]),
        (SearchFilter(kind="method", language="python"), [False, True, False, False]),  # all must fit
    ],
)
def test_all_that_a_filter_names_must_fit(filter: SearchFilter, found: list[bool]) -> None:
    assert admitted(filter, CORPUS).tolist() == found


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        (SearchFilter(language="cobol"), "in language 'cobol'; this corpus has: python, go, markdown"),
        (SearchFilter(kind="class"), "of kind 'class'; this corpus has: method, function, section"),
    ],
)
def test_what_the_corpus_does_not_have_is_named(filter: SearchFilter, message: str) -> None:
    with pytest.raises(StudioError, match=message):
        admitted(filter, CORPUS)
