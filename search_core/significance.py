"""How sure a mean difference is: a bootstrap interval and a randomisation test, both paired by query."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from search_core.metrics import ROUNDING

SAMPLES = 10_000
"""Bootstrap resamples, and sign flips."""
SEED = 0
CHUNK_WEIGHTS = 1_000_000
"""Weights drawn at a time: 8 MB of float64."""


def bootstrap_ci95(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """95% percentile interval of each row's mean (Efron and Tibshirani, 1993, chapter 13).

    differences: (n_metrics, n_queries), paired. Returns (n_metrics, 2), low and high: the
    2.5th and 97.5th percentile of the mean over 10,000 resamples of the queries.
    """

    def times_drawn(random: np.random.Generator, samples: int, n: int) -> NDArray[np.float64]:
        drawn = random.integers(n, size=(samples, n)) + n * np.arange(samples)[:, None]
        return np.bincount(drawn.ravel(), minlength=samples * n).reshape(samples, n).astype(np.float64)

    means = _weighted_sums(differences, times_drawn) / differences.shape[1]
    intervals: NDArray[np.float64] = np.percentile(means, [2.5, 97.5], axis=0).T
    return intervals


def sign_flip_p_values(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two-sided paired randomisation test of each row's mean (Smucker, Allan and Carterette, CIKM 2007).

    differences: (n_metrics, n_queries), paired. Returns (n_metrics,).

    Were a and b alike, each query's difference could as well have the other sign. p is the
    share of 10,000 random sign flips whose mean is at least as far from 0 as the one seen,
    which counts as a flip too: (1 + hits) / (1 + 10,000), so p is never 0 (Phipson and
    Smyth, Statistical Applications in Genetics and Molecular Biology 9(1), 2010).
    """

    def signs(random: np.random.Generator, samples: int, n: int) -> NDArray[np.float64]:
        return 2 * random.integers(2, size=(samples, n), dtype=np.int8).astype(np.float64) - 1

    flipped = np.abs(_weighted_sums(differences, signs))
    hits = (flipped >= np.abs(differences.sum(axis=1)) - ROUNDING).sum(axis=0)
    p_values: NDArray[np.float64] = (1 + hits) / (1 + SAMPLES)
    return p_values


def _weighted_sums(
    differences: NDArray[np.float64],
    draw_weights: Callable[[np.random.Generator, int, int], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """(SAMPLES, n_metrics) sums over queries, each query weighted at random: one product per chunk."""
    random = np.random.default_rng(SEED)
    n = differences.shape[1]
    rows = max(1, CHUNK_WEIGHTS // n)
    return np.concatenate(
        [
            draw_weights(random, min(rows, SAMPLES - start), n) @ differences.T
            for start in range(0, SAMPLES, rows)
        ]
    )
