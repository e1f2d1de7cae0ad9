"""From scores to ranks: the contract's order, and the best rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def order(scores: NDArray[np.float32], ids: Sequence[str]) -> NDArray[np.int64]:
    """Rows in the order of every ranking: score descending, equal scores by id descending (code points).

    scores: (n,), without NaN. ids: n different strings. Returns (n,) int64.

    >>> order(np.array([0.5, 0.9, 0.5], np.float32), ["a", "b", "c"])
    array([1, 2, 0])
    """
    rows = np.argsort(-scores, kind="stable")
    ranked = scores[rows]
    bounds = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1], True])
    for run in np.flatnonzero(np.diff(bounds) > 1):
        tied = slice(bounds[run], bounds[run + 1])
        rows[tied] = sorted(rows[tied], key=ids.__getitem__, reverse=True)
    return rows


def top_rows(scores: NDArray[np.float32], k: int, above: float = -np.inf) -> NDArray[np.int64]:
    """Rows of the k best scores that exceed `above`, and every row tied with the k-th.

    scores: (n,), without NaN. Returns int64 rows, score descending, equal scores by row.
    Lexical retrieval passes above=0: a text without any term of the query is no hit.
    Raises ValueError for k below 1.

    >>> top_rows(np.array([0.2, 0.9, 0.2, 0.1], np.float32), k=2)
    array([1, 0, 2])
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    kth = np.partition(scores, -k)[-k] if k < len(scores) else -np.inf
    rows = np.flatnonzero((scores >= kth) & (scores > above))
    return rows[np.argsort(-scores[rows], kind="stable")]
