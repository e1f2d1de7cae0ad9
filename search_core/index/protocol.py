"""What the engine asks of any index: on this machine, or one day spread over many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Neighbours(NamedTuple):
    """One query's answer, by float32 score descending, then id descending by code point.

    ids, scores: (n,) each; a score is the inner product of query and entry.
    """

    ids: list[str]
    scores: NDArray[np.float32]


class Index(Protocol):
    """Vectors under string ids.

    Any number of threads may search at once; `add` and `remove` need the index to themselves.
    Wrong shapes, values that are not finite, and ids that clash raise ValueError.
    """

    @property
    def kind(self) -> str:
        """`exact`, or how it approximates."""
        ...

    @property
    def dim(self) -> int: ...

    @property
    def recall(self) -> float:
        """Share of the true ten nearest that was found when the index was built; 1 where it is exact."""
        ...

    def __len__(self) -> int: ...

    def add(self, ids: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """ids: new, distinct, not empty. vectors: (len(ids), dim)."""
        ...

    def remove(self, ids: Sequence[str]) -> int:
        """How many were there to remove; unknown ids are passed over."""
        ...

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: frozenset[str] | None = None
    ) -> list[Neighbours]:
        """The k nearest entries of each query, and every entry that ties with the k-th.

        vectors: (n_queries, dim). allowed: only these ids may be found; None allows all.
        Fewer than k come back only where fewer exist or are allowed.
        """
        ...

    def save(self, folder: Path, metadata: Mapping[str, Any]) -> None:
        """Store as an artifact. metadata: kept with it; `source` is the fingerprint of what was indexed.

        The caller holds the folder's write lock. Raises StudioError where the disk is full or read-only.
        """
        ...
