"""Exact search: every vector is compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from search_core.index.faiss_index import FaissIndex, Found, Selection, open_vectors
from search_core.index.id_table import IdTable
from search_core.store import Artifact


class ExactIndex(FaissIndex):
    """Rows are positions: removal moves later ones up."""

    kind = "exact"

    @classmethod
    def build(cls, ids: Sequence[str], vectors: NDArray[np.float32], threads: int) -> ExactIndex:
        index = cls(faiss.IndexFlatIP(vectors.shape[1]), IdTable.of([]), threads)
        index.add(ids, vectors)
        return index

    @classmethod
    def open(cls, artifact: Artifact, threads: int) -> ExactIndex:
        return cls(*open_vectors(artifact), threads, mapped=True)

    @property
    def recall(self) -> float:
        return 1.0

    def _nearest(
        self, queries: NDArray[np.float32], fetch: int, selection: Selection | None, effort: int
    ) -> Found:
        parameters = None if selection is None else faiss.SearchParameters(sel=selection.selector)
        scores, rows = self._found(queries, fetch, parameters)
        stored = faiss.rev_swig_ptr(self._vectors.get_xb(), len(self) * self.dim).reshape(-1, self.dim)
        for query, query_scores, query_rows in zip(queries, scores, rows, strict=True):
            # FAISS sums in an order that depends on the batch; a query's scores must not.
            query_scores[:] = np.einsum("nd,d->n", stored[query_rows], query)
        order = np.argsort(-scores, axis=1, kind="stable")
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)

    def _append(self, vectors: NDArray[np.float32]) -> None:
        self._vectors.add(vectors)

    def _ids_without(self, rows: NDArray[np.int64]) -> IdTable:
        return self._ids.without(rows)

    def _approximation(self) -> dict[str, Any]:
        return {}
