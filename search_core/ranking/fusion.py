"""Dense and lexical scores in one list.

docs/decisions/fusion.md has the figures behind the fusion and its weights.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

QUESTION_WEIGHT = 0.25
"""Lexical share of a hybrid score where the query is a question in words."""
NAME_WEIGHT = 0.7
"""The same where the query is one name, which says itself what to match."""

_NAME = re.compile(r"\s*[\w.:#$]+(?:\(\))?\s*")


def fuse(dense: NDArray[np.float32], lexical: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Hybrid score of each candidate: (1 - weight) · z(dense) + weight · z(lexical).

    dense: (n,), -inf where dense retrieval did not return the candidate, which then counts as its last.
    lexical: (n,), 0 where no term of the query occurs.
    weight: the lexical share, 0 to 1. Returns (n,) float32.

    z is the standard score over the candidates (Bruch et al., TOIS 42(1), 2023, compare it with
    other convex combinations and with reciprocal rank fusion); 0 where all scores are equal.

    >>> fuse(np.array([0.9, 0.1], np.float32), np.array([0.0, 5.0], np.float32), weight=0.25)
    array([ 0.5, -0.5], dtype=float32)
    """
    retrieved = dense > -np.inf
    last = dense[retrieved].min() if retrieved.any() else 0.0
    fused = (1 - weight) * standardized(np.maximum(dense, last)) + weight * standardized(lexical)
    return fused.astype(np.float32)


def standardized(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Standard score of each, (n,); 0 where all are equal."""
    wide = scores.astype(np.float64)
    if not wide.size or wide.min() == wide.max():  # rounding may leave equal scores a deviation above 0
        return np.zeros_like(wide)
    standardized: NDArray[np.float64] = (wide - wide.mean()) / wide.std()
    return standardized


def lexical_weight(query: str) -> float:
    """What `fuse` is given for a query: more where it is one name than where it is a question.

    >>> lexical_weight("HTTPConnection.request") > lexical_weight("send a request")
    True
    """
    return NAME_WEIGHT if is_name(query) else QUESTION_WEIGHT


def is_name(query: str) -> bool:
    """Whether the query is one word, dots and parentheses included."""
    return _NAME.fullmatch(query) is not None
