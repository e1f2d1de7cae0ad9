"""Scores of benchmarks/repositories.py: pure figures and their tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.queries import CATEGORIES
from search_core.significance import bootstrap_ci95, sign_flip_p_values

K = 10
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Row:
    """One query's nDCG@10 by two rankings; reference: None where there is nothing to compare with."""

    package: str
    query: str
    category: str
    language: str
    reference: float | None
    ours: float


@dataclass(frozen=True)
class Comparison:
    """Means of a group of queries, and of ours − reference, paired, with 95% interval and two-sided p."""

    group: str
    queries: int
    ours: float
    paired: Paired | None


@dataclass(frozen=True)
class Paired:
    reference: float
    difference: float
    ci95: tuple[float, float]
    p_value: float

    @property
    def is_significantly_below(self) -> bool:
        return self.difference < 0 and self.p_value < SIGNIFICANT


def ndcg_at_10(paths: Sequence[str], targets: Sequence[str]) -> float:
    """nDCG@10 of one query over files: each counts at the rank of its first chunk, with gain 1.

    paths: files of the best chunks, best first, repeated as chunks are. targets: all files that answer,
        whether a chunk covers them or not; the ideal ranking begins with them.

    >>> ndcg_at_10(["b", "b", "a"], ["a"])  # rank 3: 1 / log2(3 + 1)
    0.5
    """
    top = list(paths[:K])
    ranks = [top.index(target) + 1 for target in targets if target in top]
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(K, len(targets)) + 1))
    return sum(1 / math.log2(rank + 1) for rank in ranks) / ideal


def compare(group: str, rows: Sequence[Row]) -> Comparison:
    """A group is paired where every query of it has a reference."""
    ours = np.array([row.ours for row in rows])
    references = [row.reference for row in rows if row.reference is not None]
    paired = compare_paired(np.array(references), ours) if len(references) == len(rows) else None
    return Comparison(group, len(rows), float(ours.mean()), paired)


def compare_paired(reference: NDArray[np.float64], ours: NDArray[np.float64]) -> Paired:
    """reference, ours: (n_queries,)."""
    differences = (ours - reference)[None, :]
    (low, high), (p_value,) = bootstrap_ci95(differences)[0], sign_flip_p_values(differences)
    mean = float(differences.mean())
    return Paired(float(reference.mean()), mean, (float(low), float(high)), float(p_value))


def comparisons(rows: Sequence[Row]) -> Iterator[Comparison]:
    """All queries, then by kind, language and package."""
    yield compare("all", rows)
    for category in sorted({row.category for row in rows}, key=CATEGORIES.index):
        yield compare(category, [row for row in rows if row.category == category])
    for language in sorted({row.language for row in rows}):
        yield compare(language, [row for row in rows if row.language == language])
    for package in dict.fromkeys(row.package for row in rows):
        yield compare(f"  {package}", [row for row in rows if row.package == package])


def comparison_lines(compared: Sequence[Comparison], reference: str) -> Iterator[str]:
    difference = f"ours − {reference}, 95%"
    yield f"{'nDCG@10':14} {'queries':>7} {'ours':>7} {reference:>7}   {difference:24} {'p':>6}"
    for group in compared:
        line = f"{group.group:14} {group.queries:7d} {group.ours:7.3f}"
        if paired := group.paired:
            low, high = paired.ci95
            line += (
                f" {paired.reference:7.3f}   {paired.difference:+.3f} [{low:+.3f}, {high:+.3f}]"
                f"  {paired.p_value:7.4f}{'  significantly below' if paired.is_significantly_below else ''}"
            )
        yield line
