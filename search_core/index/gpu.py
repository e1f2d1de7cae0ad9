"""A copy of an index on the first GPU, made when it is first searched."""

from __future__ import annotations

import threading

import faiss
import numpy as np
from numpy.typing import NDArray

DEEPEST = 2_048
"""Largest number of neighbours, and of probed lists, that FAISS's GPU kernels take."""


class GpuClone:
    """FAISS's GPU indexes answer one thread at a time, know no id filters and cannot remove."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resources: faiss.StandardGpuResources | None = None
        self._clone: faiss.Index | None = None

    @staticmethod
    def takes(fetch: int, parameters: faiss.SearchParameters | None) -> bool:
        """Whether there is a GPU and it can do such a search. (The GPU names exist in CPU builds, too.)"""
        deepest = max(fetch, getattr(parameters, "nprobe", 0))
        filtered = parameters is not None and parameters.sel is not None
        return bool(faiss.get_num_gpus()) and deepest <= DEEPEST and not filtered

    def search(
        self,
        original: faiss.Index,
        queries: NDArray[np.float32],
        fetch: int,
        parameters: faiss.SearchParameters | None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows, (n_queries, fetch) each."""
        with self._lock:
            if self._clone is None:
                self._resources = faiss.StandardGpuResources()
                self._clone = faiss.index_cpu_to_gpu(self._resources, 0, original)
            scores, rows = self._clone.search(queries, fetch, params=parameters)
        return scores, rows
