"""SearchEngine: query in, hits out; several models over one corpus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search_core.corpus.filter import admitted
from search_core.encoder import (
    Encoder,
    encode_corpus,
    load_encoder,
    read_file_vectors,
    vectors_of_files,
    write_file_vectors,
)
from search_core.index import Index, Neighbours, build_index, load_index
from search_core.lexical import LexicalIndex
from search_core.ranking import (
    FITTED,
    CodeFeatures,
    Weights,
    code_aware,
    fuse,
    lexical_weight,
    order,
    query_kind,
    top_rows,
)
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

FILES = "files"
"""Folder of the files' vectors, beside the index."""

PORTION = 256
"""Queries that are ranked at once: of what is retrieved for one only ids and scores are kept."""

EVERYTHING = SearchFilter()
NOTHING_RETRIEVED = Neighbours([], np.empty(0, np.float32))


About = Callable[[NDArray[np.int64]], NDArray[np.float32]]
"""Numbers of files → how much each is about a query."""


class Ranking(NamedTuple):
    """Document ids, best first, with their scores (n,) float32."""

    ids: list[str]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class DenseModel:
    """A model that is ready to search.

    files: (n_files, dim) float32, what each file of code is about; None for a data set.
    encoded, encode_s: texts that had to be encoded for it, names of files among them, and the seconds
        that took; 0 where every vector came from the cache.
    """

    encoder: Encoder
    index: Index
    files: NDArray[np.float32] | None = None
    encoded: int = 0
    encode_s: float = 0.0

    def about(self, query: NDArray[np.float32]) -> About | None:
        """query: (dim,). None where there are no files."""
        files = self.files
        if files is None:
            return None

        def products(numbers: NDArray[np.int64]) -> NDArray[np.float32]:
            wanted, about = np.zeros(len(files), bool), np.zeros(len(files), np.float32)
            wanted[numbers] = True
            about[wanted] = files[wanted] @ query
            return np.asarray(about[numbers])

        return products


class Admission(NamedTuple):
    """What may be found: (n_documents,) bool, and the keys of entries that hold one of them; None: all."""

    documents: NDArray[np.bool_]
    keys: frozenset[str] | None


class SearchEngine:
    """Searches one corpus lexically at once, and with each model as soon as it is added.

    Retrieval works on entries: distinct encoded texts, named by their content key. An
    entry stands for every document with that text, so equal texts score exactly equal.
    Safe to search from many threads while another adds a model.
    """

    def __init__(
        self,
        corpus: Corpus,
        settings: Settings,
        weights: Weights = FITTED,
        earlier: LexicalIndex | None = None,
    ) -> None:
        """Builds the lexical index. weights: of the signals that lexical and hybrid search of code add.

        earlier: the lexical index of a corpus with mostly the same texts, which makes this one quicker.

        Raises StudioError for a corpus without documents.
        """
        if not corpus.documents:
            raise StudioError(f"Corpus {corpus.spec!r} has no documents to search.")
        self.corpus = corpus
        self._settings = settings
        self.weights = weights
        self._workspace = Workspace(settings.workspace)
        self._row_of = {key: row for row, key in enumerate(corpus.texts)}
        self._keys = tuple(self._row_of)
        self._entries = np.fromiter(map(self._row_of.__getitem__, corpus.content_keys), np.int64)
        self._lexical = LexicalIndex.build(list(corpus.texts.values()), earlier)
        in_files = any(document.path for document in corpus.documents)
        self._features = CodeFeatures.of(corpus.documents) if in_files else None
        self._models: dict[str, DenseModel] = {}
        self._adding = threading.Lock()  # held for as long as it takes to prepare a model
        self._replacing = threading.Lock()
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
                with self._replacing:
                    self._models = {**self._models, spec: ready}
                return ready
            return self._models[spec]

    def remove_model(self, spec: str) -> None:
        """Free its memory as soon as no search uses it; nothing happens where it was not added."""
        with self._replacing:
            self._models = {other: ready for other, ready in self._models.items() if other != spec}

    def over(self, corpus: Corpus, progress: Progress = silent) -> SearchEngine:
        """The same models over a corpus, say as it is after an edit: only texts that are new get encoded.

        This engine goes on answering from what it has. Raises StudioError as add_model does.
        """
        engine = SearchEngine(corpus, self._settings, self.weights, self._lexical)
        for spec, ready in self._models.items():
            engine._models[spec] = engine._prepared(ready.encoder, progress)
        return engine

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
        return self._timed(model, mode, lambda: self._retrieve([query], k, model, mode, filter)[0])

    def similar(
        self,
        document: Document,
        k: int = 10,
        *,
        model: str | None = None,
        mode: Mode = "dense",
        filter: SearchFilter = EVERYTHING,
    ) -> SearchResult:
        """The k documents most like one of the corpus, without itself: its text is the query.

        Raises like search.
        """

        def retrieve() -> list[tuple[float, Document]]:
            text = document.encoded[:MAX_QUERY_CHARACTERS]
            check_request([text], k, mode)
            others = np.array([other.id != document.id for other in self.corpus.documents], bool)
            admission = self._admission(filter)
            vectors = None if mode == "lexical" else self.model(model).encoder.encode_documents([text])
            without_it = Admission(others & admission.documents, admission.keys)
            weights = replace(self.weights, definition=0)  # code names what it calls, not what is like it
            return self._found([text], vectors, k + 1, model, mode, without_it, weights)[0][:k]

        return self._timed(model, mode, retrieve)

    def document_at(self, path: str, line: int) -> Document:
        """The innermost document that holds a line, from 1. Raises StudioError where there is none."""
        there = [document for document in self.corpus.documents if document.path == path]
        holding = [one for one in there if (one.start_line or 0) <= line <= (one.end_line or 0)]
        if not holding:
            what = f"no document at line {line}" if there else "no such file"
            raise StudioError(f"Corpus {self.corpus.spec!r} has {what}: {path}.")
        return min(holding, key=lambda one: ((one.end_line or 0) - (one.start_line or 0), one.id))

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
        check_request(queries, k, mode)
        return [
            Ranking(
                [document.id for _, document in found], np.array([score for score, _ in found], np.float32)
            )
            for start in range(0, len(queries), PORTION)
            for found in self._retrieve(queries[start : start + PORTION], k, model, mode, filter)
        ]

    def _timed(
        self, model: str | None, mode: Mode, retrieve: Callable[[], list[tuple[float, Document]]]
    ) -> SearchResult:
        started = time.perf_counter()
        hits = [Hit(rank, score, document) for rank, (score, document) in enumerate(retrieve(), 1)]
        latency_ms = 1_000 * (time.perf_counter() - started)
        return SearchResult(None if mode == "lexical" else model, mode, latency_ms, hits)

    def _retrieve(
        self, queries: Sequence[str], k: int, model: str | None, mode: Mode, filter: SearchFilter
    ) -> list[list[tuple[float, Document]]]:
        check_request(queries, k, mode)
        vectors = None if mode == "lexical" else self.model(model).encoder.encode_queries(queries)
        return self._found(queries, vectors, k, model, mode, self._admission(filter), self.weights)

    def _found(
        self,
        queries: Sequence[str],
        vectors: NDArray[np.float32] | None,
        k: int,
        model: str | None,
        mode: Mode,
        admission: Admission,
        weights: Weights,
    ) -> list[list[tuple[float, Document]]]:
        """vectors: (n_queries, dim), None in lexical mode. weights: of code's signals."""
        if vectors is None:
            return [self._lexical_hits(query, k, admission, weights) for query in queries]
        depth = HYBRID_DEPTH if mode == "hybrid" else k
        ready = self.model(model)
        lists = ready.index.search(vectors, depth, admission.keys)
        if mode == "dense":
            return [self._expanded(neighbours, k, admission) for neighbours in lists]
        return [
            self._fused(query, dense, self._lexical_share(query), k, admission, weights, ready.about(vector))
            for query, vector, dense in zip(queries, vectors, lists, strict=True)
        ]

    def _lexical_scores(self, query: str, keys: frozenset[str] | None) -> NDArray[np.float32]:
        scores = self._lexical.scores(query)
        if keys is None:
            return scores
        rows = self._rows(keys)
        masked = np.zeros_like(scores)
        masked[rows] = scores[rows]
        return masked

    def _lexical_hits(
        self, query: str, k: int, admission: Admission, weights: Weights
    ) -> list[tuple[float, Document]]:
        if self._features:
            return self._fused(query, NOTHING_RETRIEVED, 1.0, k, admission, weights)
        scores = self._lexical_scores(query, admission.keys)
        rows = top_rows(scores, k, above=0)
        return self._expanded(Neighbours([self._keys[row] for row in rows], scores[rows]), k, admission)

    def _lexical_share(self, query: str) -> float:
        return self.weights.lexical[query_kind(query)] if self._features else lexical_weight(query)

    def _fused(
        self,
        query: str,
        dense: Neighbours,
        share: float,
        k: int,
        admission: Admission,
        weights: Weights,
        about: About | None = None,
    ) -> list[tuple[float, Document]]:
        """Candidates are the tops of both lists; share: of the lexical one in the score."""
        lexical = self._lexical_scores(query, admission.keys)
        dense_rows = self._rows(dense.ids)
        dense_scores = np.full(len(self._keys), -np.inf, np.float32)
        dense_scores[dense_rows] = dense.scores
        retrieved = dense_scores > -np.inf
        retrieved[top_rows(lexical, HYBRID_DEPTH, above=0)] = True
        rows = np.flatnonzero(retrieved)
        scores = np.full(len(self._keys), -np.inf, np.float32)
        scores[rows] = fuse(dense_scores[rows], lexical[rows], share)
        candidates = self._documents_of(retrieved, admission)
        total = scores[self._entries[candidates]]
        if self._features:
            near = about(self._features.files[candidates]) if about else None
            total = code_aware(query, total, candidates, self._features, weights, near)
        return self._best(candidates, total, k)

    def _rows(self, keys: Sequence[str] | frozenset[str]) -> NDArray[np.int64]:
        return np.fromiter(map(self._row_of.__getitem__, keys), np.int64, len(keys))

    def _documents_of(self, entries: NDArray[np.bool_], admission: Admission) -> NDArray[np.int64]:
        """entries: (n_entries,) bool. Rows of their documents, those that the filter lets through."""
        chosen = entries[self._entries]
        return np.flatnonzero(chosen & admission.documents)

    def _expanded(self, neighbours: Neighbours, k: int, admission: Admission) -> list[tuple[float, Document]]:
        """Entries to documents."""
        scores = np.full(len(self._keys), -np.inf, np.float32)
        scores[self._rows(neighbours.ids)] = neighbours.scores
        candidates = self._documents_of(scores > -np.inf, admission)
        return self._best(candidates, scores[self._entries[candidates]], k)

    def _best(
        self, rows: NDArray[np.int64], scores: NDArray[np.float32], k: int
    ) -> list[tuple[float, Document]]:
        """The k best documents, in the order of the contract: score, then id, both descending."""
        best = top_rows(scores, k)
        documents = [self.corpus.documents[row] for row in rows[best].tolist()]
        ranked = order(scores[best], [document.id for document in documents])[:k].tolist()
        return [(float(scores[best[place]]), documents[place]) for place in ranked]

    def _admitted_by(self, filter: SearchFilter) -> Admission:
        if filter == EVERYTHING:
            return Admission(np.ones(len(self.corpus.documents), bool), None)
        documents = admitted(filter, self.corpus)
        return Admission(documents, frozenset(self._keys[row] for row in np.unique(self._entries[documents])))

    def _prepared(self, encoder: Encoder, progress: Progress) -> DenseModel:
        source = f"{self.corpus.fingerprint}/{encoder.fingerprint}"
        folder = self._workspace.folder("indexes", self.corpus.id, encoder.fingerprint[:16])
        stored = load_index(folder, self._settings, source=source) if self.corpus.id else None
        files = read_file_vectors(folder / FILES, source) if self.corpus.id and self._features else None
        if stored is not None and (files is not None or self._features is None):
            progress(len(stored), len(stored))
            return DenseModel(encoder, stored, files)
        names = self._features.names if self._features else ()
        made = encode_corpus(encoder, self.corpus, self._workspace, progress, names)
        index = stored or build_index(made.keys, made.vectors, self._settings)
        if self._features:
            files = vectors_of_files(made.beside, self._features.files, self._entries, made.vectors)
        if self.corpus.id:
            with self._workspace.writing(folder):
                if stored is None:
                    index.save(folder, {"source": source})
                if files is not None:
                    write_file_vectors(folder / FILES, files, source)
        return DenseModel(encoder, index, files, made.encoded, made.seconds)


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
