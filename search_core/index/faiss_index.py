"""What both kinds of FAISS index share: ids, filters, ties and storage."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from search_core.index.gpu import GpuClone
from search_core.index.id_table import IdTable
from search_core.index.protocol import Neighbours
from search_core.store import Artifact, write_artifact

SPARE = 16
"""Neighbours fetched beyond k, so that ties with the k-th mostly show at the first try."""
ROUNDING = 1e-5
"""More than two float32 inner products of the same unit vectors differ, however they are summed."""
KEPT_SELECTIONS = 8

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Scores and rows, (n_queries, fetch) each, best first; row -1 where fewer were found."""


class Selection(NamedTuple):
    """A filter in FAISS's terms. size: how many entries pass."""

    selector: faiss.IDSelector
    size: int


class FaissIndex(ABC):
    """Implements `protocol.Index` on one machine.

    vectors: a FAISS index whose labels are the rows of `ids`.
    mapped: its arrays lie in a file; FAISS crashes on changing those, so a change reads them in first.
    """

    kind: ClassVar[str]

    def __init__(self, vectors: faiss.Index, ids: IdTable, threads: int, *, mapped: bool = False) -> None:
        self._vectors = vectors
        self._threads = 1 if sys.platform == "darwin" else threads  # beside torch's OpenMP, more may crash
        self._mapped = mapped
        self._hold(ids)

    @property
    @abstractmethod
    def recall(self) -> float: ...

    @property
    def dim(self) -> int:
        return int(self._vectors.d)

    def __len__(self) -> int:
        return int(self._vectors.ntotal)

    def add(self, ids: Sequence[str], vectors: NDArray[np.float32]) -> None:
        table, vectors = checked_entries(ids, vectors, self.dim)
        extended = self._ids.extended(table)
        self._read_in()
        self._append(vectors)
        self._hold(extended)

    def remove(self, ids: Sequence[str]) -> int:
        rows = np.flatnonzero(self._ids.mask(ids))
        if len(rows):
            self._read_in()
            self._vectors.remove_ids(rows)
            self._hold(self._ids_without(rows))
        return len(rows)

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: frozenset[str] | None = None
    ) -> list[Neighbours]:
        queries = checked_vectors(vectors, self.dim)
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        selection = None if allowed is None else self._selection(allowed)
        available = len(self) if selection is None else selection.size
        k = min(k, available)
        answers = [Neighbours([], np.empty(0, np.float32)) for _ in queries]
        pending = np.arange(len(queries) if k else 0)
        fetch, effort = min(k + SPARE, available), 1
        while len(pending):
            scores, rows = self._nearest(queries[pending], fetch, selection, effort)
            boundary = scores[:, k - 1]
            ties_complete = (fetch == available) | (scores[:, -1] < boundary - ROUNDING)
            settled = ties_complete & (rows[:, k - 1] >= 0)
            for row in np.flatnonzero(settled):
                kept = scores[row] >= boundary[row]
                answers[pending[row]] = self._ranked(scores[row, kept], rows[row, kept])
            pending = pending[~settled]
            fetch, effort = min(2 * fetch, available), 2 * effort
        return answers

    def save(self, folder: Path, metadata: Mapping[str, Any]) -> None:
        files = {"vectors.faiss": self._write_vectors, "ids.npy": self._ids.save}
        own = {"kind": self.kind, "dim": self.dim, "size": len(self)} | self._approximation()
        write_artifact(folder, files, {**metadata, **own})

    @abstractmethod
    def _nearest(
        self, queries: NDArray[np.float32], fetch: int, selection: Selection | None, effort: int
    ) -> Found:
        """effort: 1 at first, doubled as long as queries remain for which too few were found."""

    @abstractmethod
    def _append(self, vectors: NDArray[np.float32]) -> None:
        """Label them with the rows that follow the last id."""

    @abstractmethod
    def _ids_without(self, rows: NDArray[np.int64]) -> IdTable:
        """What FAISS's labels mean once these are removed."""

    @abstractmethod
    def _approximation(self) -> dict[str, Any]:
        """What the metadata say of an approximate index."""

    def _found(
        self, queries: NDArray[np.float32], fetch: int, parameters: faiss.SearchParameters | None
    ) -> Found:
        if self._gpu.takes(fetch, parameters):
            return self._gpu.search(self._vectors, queries, fetch, parameters)
        faiss.omp_set_num_threads(self._threads)  # a setting of the calling thread
        scores, rows = self._vectors.search(queries, fetch, params=parameters)
        return scores, rows

    def _ranked(self, scores: NDArray[np.float32], rows: NDArray[np.int64]) -> Neighbours:
        ids = self._ids.at(rows)
        if (scores[1:] < scores[:-1]).all():  # mostly no two are equal, and then there is nothing to sort
            return Neighbours(ids, scores)
        pairs = sorted(zip(scores.tolist(), ids, strict=True), reverse=True)
        return Neighbours([id for _, id in pairs], np.array([score for score, _ in pairs], np.float32))

    def _hold(self, ids: IdTable) -> None:
        """Take over the ids after a change, and forget what was derived from the old ones."""
        self._ids = ids
        self._selection = remembered_selections(ids)
        self._gpu = GpuClone()

    def _read_in(self) -> None:
        if self._mapped:
            self._vectors = faiss.deserialize_index(faiss.serialize_index(self._vectors))
            self._mapped = False

    def _write_vectors(self, path: Path) -> None:
        with path.open("wb") as file:  # FAISS's own writer hides a full disk in a RuntimeError
            faiss.write_index(self._vectors, faiss.PyCallbackIOWriter(file.write))


def open_vectors(artifact: Artifact) -> tuple[faiss.Index, IdTable]:
    """A stored index's two files, mapped. Raises what FAISS or NumPy do, ValueError if they do not match."""
    vectors = faiss.read_index(str(artifact.files["vectors.faiss"]), faiss.IO_FLAG_MMAP_IFC)
    if (vectors.d, vectors.ntotal) != (artifact.metadata["dim"], artifact.metadata["size"]):
        raise ValueError(f"{vectors.ntotal} vectors of {vectors.d} dimensions, unlike its manifest")
    return vectors, IdTable.load(artifact.files["ids.npy"])


def checked_entries(
    ids: Sequence[str], vectors: NDArray[np.float32], dim: int
) -> tuple[IdTable, NDArray[np.float32]]:
    """Ids and vectors of new entries, one each. Raises ValueError as `protocol.Index` says."""
    vectors = checked_vectors(vectors, dim)
    if len(ids) != len(vectors):
        raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors")
    return IdTable.of(ids), vectors


def checked_vectors(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """(n, dim), float32, contiguous. Raises ValueError for another shape or values that are not finite."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dim:
        raise ValueError(f"Expected vectors of shape (n, {dim}), got {vectors.shape}")
    if not np.isfinite(vectors.sum(axis=1)).all():
        raise ValueError("Vectors hold values that are not finite")
    return vectors


def remembered_selections(ids: IdTable) -> Callable[[frozenset[str]], Selection]:
    """Filters over these ids; a search page sends the same one again and again."""

    @lru_cache(KEPT_SELECTIONS)
    def selection(allowed: frozenset[str]) -> Selection:
        mask = ids.mask(allowed)
        selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        return Selection(selector, int(mask.sum()))

    return selection
