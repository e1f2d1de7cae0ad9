"""Approximate search: inverted lists of 8-bit vectors, as accurate as asked for."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from search_core.index.faiss_index import (
    FaissIndex,
    Found,
    Selection,
    checked_entries,
    checked_vectors,
    open_vectors,
)
from search_core.index.id_table import IdTable
from search_core.index.kinds import POINTS_PER_LIST, lists_for
from search_core.store import Artifact

DEPTH = 10
STAND_INS = 1_000
STAND_IN_NOISE = 1.5
"""Length of the noise in a stand-in query, whose documents' part has length 1."""

logger = logging.getLogger(__name__)


class Tuning(NamedTuple):
    """nprobe: inverted lists to search.
    recall: share of the true ten nearest found that way.
    recall_target: what was asked for.
    """

    nprobe: int
    recall: float
    recall_target: float


class IvfIndex(FaissIndex):
    """Compares with the vectors of the inverted lists nearest to the query.

    Rows are permanent: a removed one stays blank.
    """

    kind = "ivf"

    def __init__(
        self, vectors: faiss.IndexIVF, ids: IdTable, threads: int, tuning: Tuning, *, mapped: bool = False
    ) -> None:
        super().__init__(vectors, ids, threads, mapped=mapped)
        self.tuning = tuning

    @classmethod
    def build(
        cls,
        ids: Sequence[str],
        vectors: NDArray[np.float32],
        threads: int,
        recall_target: float,
        sample_queries: NDArray[np.float32] | None = None,
    ) -> IvfIndex:
        """Train, add and tune; without sample queries on `stand_in_queries`."""
        dim = vectors.shape[1]
        table, vectors = checked_entries(ids, vectors, dim)
        queries = stand_in_queries(vectors) if sample_queries is None else sample_queries
        faiss.omp_set_num_threads(threads)
        trained = train(vectors)
        return cls(
            trained, table, threads, tune(trained, vectors, checked_vectors(queries, dim), recall_target)
        )

    @classmethod
    def open(cls, artifact: Artifact, threads: int) -> IvfIndex:
        tuning = Tuning(*(artifact.metadata[name] for name in Tuning._fields))
        return cls(*open_vectors(artifact), threads, tuning, mapped=True)

    @property
    def recall(self) -> float:
        return self.tuning.recall

    def _nearest(
        self, queries: NDArray[np.float32], fetch: int, selection: Selection | None, effort: int
    ) -> Found:
        available = len(self) if selection is None else selection.size
        # Where a filter passes one entry in ten, ten times the lists hold as many candidates.
        nprobe = math.ceil(self.tuning.nprobe * effort * len(self) / available)
        parameters = faiss.SearchParametersIVF(nprobe=min(nprobe, self._vectors.nlist))
        if selection is not None:
            parameters.sel = selection.selector
        return self._found(queries, fetch, parameters)

    def _append(self, vectors: NDArray[np.float32]) -> None:
        first = len(self._ids)
        self._vectors.add_with_ids(vectors, np.arange(first, first + len(vectors)))

    def _ids_without(self, rows: NDArray[np.int64]) -> IdTable:
        return self._ids.blanked(rows)

    def _approximation(self) -> dict[str, Any]:
        return self.tuning._asdict()


def train(vectors: NDArray[np.float32]) -> faiss.IndexIVF:
    """An index that holds the vectors, labelled by position."""
    count, dim = vectors.shape
    index = faiss.index_factory(dim, f"IVF{lists_for(count)},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = POINTS_PER_LIST  # more take longer and find no better lists
    index.train(vectors)
    index.add(vectors)
    return index


def tune(
    index: faiss.IndexIVF, vectors: NDArray[np.float32], queries: NDArray[np.float32], target: float
) -> Tuning:
    """The least effort whose recall@10 against exact search over `vectors` reaches the target.

    It must do so by one standard error of the sample, so that other queries are likely to as well.
    Logs a warning where all lists together do not: rounding to 8 bits alone costs about 0.01.
    """
    depth = min(DEPTH, len(vectors))
    _, truth = faiss.knn(queries, vectors, depth, metric=faiss.METRIC_INNER_PRODUCT)
    for nprobe in _ladder(index.nlist):
        _, found = index.search(queries, depth, params=faiss.SearchParametersIVF(nprobe=nprobe))
        recalls = (found[:, :, None] == truth[:, None, :]).any(axis=2).mean(axis=1)
        tuning = Tuning(nprobe, float(recalls.mean()), target)
        if tuning.recall - recalls.std() / math.sqrt(len(recalls)) >= target:
            return tuning
    logger.warning("The index reaches recall@10 %.3f; %.3f was asked for", tuning.recall, target)
    return tuning


def stand_in_queries(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1000, dim) unit rows as hard to answer as real queries, for where none are at hand.

    Documents would flatter the index: text is further from code than code is, and needs three times
    the effort. The mean direction of two random documents under noise needs as much as text does, or
    a little more (docs/decisions/index.md).
    """
    random = np.random.default_rng(0)
    first, second = random.integers(len(vectors), size=(2, STAND_INS))
    noise = random.standard_normal((STAND_INS, vectors.shape[1]))
    return unit_rows(unit_rows(vectors[first] + vectors[second]) + STAND_IN_NOISE * unit_rows(noise))


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows scaled to length 1; zero rows stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _ladder(highest: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 11, 16 … and the highest: each about √2 times the one before."""
    steps = math.ceil(2 * math.log2(highest))
    return sorted({min(round(2 ** (step / 2)), highest) for step in range(steps + 1)})
