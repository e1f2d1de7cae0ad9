"""Queries to try on a corpus: what people asked of it, or what its authors say of their functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from search_core.corpus.datasets import RetrievalDataset
from search_core.corpus.judged import first_sentence
from search_core.types import Corpus

COUNT = 4
WORDS = range(3, 9)
"""How many words make a query that reads at a glance."""
PLAIN = re.compile(r"[A-Za-z][A-Za-z ,'’-]+[.?]?")


def asked_of(dataset: RetrievalDataset) -> tuple[str, ...]:
    """Queries with an answer, of splits that no model is trained on where there are such."""
    judged = zip(*(dataset.qrels[name] for name in ("split", "query", "score")), strict=True)
    answered = {query: split for split, query, score in judged if score > 0 and query in dataset.queries}
    order = sorted(answered, key=lambda id_: (answered[id_] == "train", _digest(id_)))
    return _first(dataset.queries[id_] for id_ in order)


def said_in(corpus: Corpus) -> tuple[str, ...]:
    """First sentences of docstrings, each of another module; the order is none that a reader could guess."""
    modules: dict[str, list[str]] = {}
    for document in corpus.documents:
        if document.docstring and document.path and document.kind in ("function", "method"):
            modules.setdefault(document.path, []).append(document.docstring)
    sentences = (
        next((sentence for sentence in map(first_sentence, modules[path]) if _is_query(sentence)), "")
        for path in sorted(modules, key=_digest)
        if "test" not in path
    )
    return _first(sentences)


def _first(queries: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}  # a set that keeps its order
    for query in queries:
        if _is_query(query):
            found[query.rstrip(".")] = None
        if len(found) == COUNT:
            break
    return tuple(found)


def _is_query(sentence: str) -> bool:
    return bool(PLAIN.fullmatch(sentence)) and len(sentence.split()) in WORDS


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
