"""SearchEngine: query in, hits out; several models over one corpus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pathspec
from numpy.typing import NDArray

from search_core.encoder import Encoder, encode_corpus, load_encoder
from search_core.index import Index, Neighbours, build_index, load_index
from search_core.lexical import LexicalIndex
from search_core.ranking import fuse, lexical_weight, top_rows
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import (
    MAX_K,
    MAX_QUERY_CHARACTERS,
    MODES,
    Corpus,
    Document,
    Hit,
    Mode,
    Progress,
    SearchFilter,
    SearchResult,
    StudioError,
    silent,
)

HYBRID_DEPTH = MAX_K
"""How deep each list is that hybrid fuses."""

EVERYTHING = SearchFilter()


class Ranking(NamedTuple):
    """Document ids, best first, with their scores (n,) float32."""

    ids: list[str]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class DenseModel:
    """A model that is ready to search.

    encoded, encode_s: texts that had to be encoded for it, and the seconds that took;
        0 where every vector came from the cache.
    """

    encoder: Encoder
    index: Index
    encoded: int = 0
    encode_s: float = 0.0


@dataclass(frozen=True)
class Admission:
    """What a filter lets through: document ids, and the keys of entries that hold one of them."""

    documents: frozenset[str]
    keys: frozenset[str]


class SearchEngine:
    """Searches one corpus lexically at once, and with each model as soon as it is added.

    Retrieval works on entries: distinct encoded texts, named by their content key. An
    entry stands for every document with that text, so equal texts score exactly equal.
    Safe to search from many threads while another adds a model.
    """

    def __init__(self, corpus: Corpus, settings: Settings) -> None:
        """Builds the lexical index. Raises StudioError for a corpus without documents."""
        if not corpus.documents:
            raise StudioError(f"Corpus {corpus.spec!r} has no documents to search.")
        self.corpus = corpus
        self._settings = settings
        self._workspace = Workspace(settings.workspace)
        self._documents = _entries(corpus)
        self._keys = tuple(self._documents)
        self._row_of = {key: row for row, key in enumerate(self._keys)}
        self._lexical = LexicalIndex.build([documents[0].encoded for documents in self._documents.values()])
        self._models: dict[str, DenseModel] = {}
        self._adding = threading.Lock()
        self._admission = lru_cache(maxsize=32)(self._admitted_by)

    @property
    def models(self) -> tuple[str, ...]:
        """Specs of the models that can be searched now."""
        return tuple(self._models)

    def model(self, spec: str | None) -> DenseModel:
        """Raises StudioError where the model has not been added."""
        if spec is None or spec not in self._models:
            ready = ", ".join(self._models) or "none yet"
            raise StudioError(f"Model {spec!r} is not ready over {self.corpus.spec!r}; ready: {ready}.")
        return self._models[spec]

    def add_model(self, spec: str, progress: Progress = silent) -> DenseModel:
        """Load an encoder, encode what is not cached, build or load the index. Idempotent.

        Raises StudioError for a model that cannot be loaded or a workspace that cannot be written.
        """
        with self._adding:
            if spec not in self._models:
                ready = self._prepared(load_encoder(spec, self._settings), progress)
                ready.encoder.encode_queries(["ready"])  # a runtime compiles at its first query
                self._models = {**self._models, spec: ready}
            return self._models[spec]

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        model: str | None = None,
        mode: Mode = "dense",
        filter: SearchFilter = EVERYTHING,
    ) -> SearchResult:
        """The k best hits, best first. Raises StudioError for an unusable query, k, mode, model or filter."""
        started = time.perf_counter()
        (found,) = self._retrieve([query], k, model, mode, filter)
        hits = [Hit(rank, score, document) for rank, (score, document) in enumerate(found, 1)]
        latency_ms = 1_000 * (time.perf_counter() - started)
        return SearchResult(None if mode == "lexical" else model, mode, latency_ms, hits)

    def rank(
        self,
        queries: Sequence[str],
        k: int = 10,
        *,
        model: str | None = None,
        mode: Mode = "dense",
        filter: SearchFilter = EVERYTHING,
    ) -> list[Ranking]:
        """Rank for many queries at once: encoded and searched in batches. Raises like search."""
        return [
            Ranking(
                [document.id for _, document in found], np.array([score for score, _ in found], np.float32)
            )
            for found in self._retrieve(queries, k, model, mode, filter)
        ]

    def _retrieve(
        self, queries: Sequence[str], k: int, model: str | None, mode: Mode, filter: SearchFilter
    ) -> list[list[tuple[float, Document]]]:
        check_request(queries, k, mode)
        admission = None if filter == EVERYTHING else self._admission(filter)
        keys = admission.keys if admission else None
        depth = HYBRID_DEPTH if mode == "hybrid" else k
        if mode == "lexical":
            lists = [self._lexical_list(query, depth, keys) for query in queries]
        else:
            ready = self.model(model)
            lists = ready.index.search(ready.encoder.encode_queries(queries), depth, keys)
        if mode == "hybrid":
            lists = [
                self._fused_list(query, dense, k, keys) for query, dense in zip(queries, lists, strict=True)
            ]
        return [self._expanded(neighbours, k, admission) for neighbours in lists]

    def _lexical_scores(self, query: str, keys: frozenset[str] | None) -> NDArray[np.float32]:
        scores = self._lexical.scores(query)
        if keys is None:
            return scores
        rows = self._rows(keys)
        masked = np.zeros_like(scores)
        masked[rows] = scores[rows]
        return masked

    def _lexical_list(self, query: str, depth: int, keys: frozenset[str] | None) -> Neighbours:
        scores = self._lexical_scores(query, keys)
        rows = top_rows(scores, depth, above=0)
        return Neighbours([self._keys[row] for row in rows], scores[rows])

    def _fused_list(self, query: str, dense: Neighbours, k: int, keys: frozenset[str] | None) -> Neighbours:
        """Candidates are the tops of both lists; a candidate that dense did not return counts as its last."""
        lexical = self._lexical_scores(query, keys)
        dense_rows = self._rows(dense.ids)
        rows = np.union1d(dense_rows, top_rows(lexical, HYBRID_DEPTH, above=0))
        dense_scores = np.full(len(self._keys), -np.inf, np.float32)
        dense_scores[dense_rows] = dense.scores
        scores = fuse(dense_scores[rows], lexical[rows], lexical_weight(query))
        best = top_rows(scores, k)
        return Neighbours([self._keys[row] for row in rows[best]], scores[best])

    def _rows(self, keys: Sequence[str] | frozenset[str]) -> NDArray[np.int64]:
        return np.fromiter((self._row_of[key] for key in keys), np.int64, len(keys))

    def _expanded(
        self, neighbours: Neighbours, k: int, admission: Admission | None
    ) -> list[tuple[float, Document]]:
        """Entries to documents, in the order of the contract: score, then id, both descending."""
        found = [
            (score, document)
            for key, score in zip(neighbours.ids, neighbours.scores.tolist(), strict=True)
            for document in self._documents[key]
            if admission is None or document.id in admission.documents
        ]
        found.sort(key=lambda pair: pair[1].id, reverse=True)
        found.sort(key=lambda pair: pair[0], reverse=True)
        return found[:k]

    def _admitted_by(self, filter: SearchFilter) -> Admission:
        languages = self.corpus.languages
        if filter.language is not None and filter.language not in languages:
            known = ", ".join(languages) or "none"
            raise StudioError(f"No documents in language {filter.language!r}; this corpus has: {known}.")
        matches = _path_matcher(filter.path)
        admitted = [
            (document.id, key)
            for key, documents in self._documents.items()
            for document in documents
            if (filter.language is None or document.language == filter.language) and matches(document.path)
        ]
        return Admission(frozenset(id for id, _ in admitted), frozenset(key for _, key in admitted))

    def _prepared(self, encoder: Encoder, progress: Progress) -> DenseModel:
        source = f"{self.corpus.fingerprint}/{encoder.fingerprint}"
        folder = self._workspace.folder("indexes", self.corpus.id, encoder.fingerprint[:16])
        stored = load_index(folder, self._settings, source=source) if self.corpus.id else None
        if stored is not None:
            progress(len(stored), len(stored))
            return DenseModel(encoder, stored)
        made = encode_corpus(encoder, self.corpus, self._workspace, progress)
        index = build_index(made.keys, made.vectors, self._settings)
        if self.corpus.id:
            with self._workspace.writing(folder):
                index.save(folder, {"source": source})
        return DenseModel(encoder, index, made.encoded, made.seconds)


def check_request(queries: Sequence[str], k: int, mode: Mode) -> None:
    """Raises StudioError for what no search can answer."""
    if mode not in MODES:
        raise StudioError(f"Unknown mode {mode!r}; choose from {', '.join(MODES)}.")
    if not 1 <= k <= MAX_K:
        raise StudioError(f"k must be between 1 and {MAX_K:,}, got {k:,}.")
    for query in queries:
        if not query.strip():
            raise StudioError("The query is empty: say what the code should do.")
        if len(query) > MAX_QUERY_CHARACTERS:
            raise StudioError(
                f"The query has {len(query):,} characters, but at most {MAX_QUERY_CHARACTERS:,} "
                "are searched. Shorten it."
            )


def _entries(corpus: Corpus) -> dict[str, tuple[Document, ...]]:
    """Content key to its documents, ids descending; keys in order of first appearance."""
    groups: dict[str, list[Document]] = {}
    for document, key in zip(corpus.documents, corpus.content_keys, strict=True):
        groups.setdefault(key, []).append(document)
    return {key: tuple(sorted(group, key=lambda d: d.id, reverse=True)) for key, group in groups.items()}


def _path_matcher(glob: str | None) -> Callable[[str | None], bool]:
    if glob is None:
        return lambda path: True
    try:
        spec = pathspec.GitIgnoreSpec.from_lines([glob])
    except ValueError as error:
        raise StudioError(f"Path filter {glob!r} is not a gitignore-style glob: {error}") from error
    return lambda path: path is not None and spec.match_file(path)
