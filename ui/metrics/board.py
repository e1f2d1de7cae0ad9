"""Reports side by side: the first is the baseline, and each of the others is compared with it. No Gradio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

import numpy as np

from search_core.evaluation import Comparison, compare
from search_core.metrics import METRIC_NAMES, ROUNDING
from search_core.report import QueryMetrics, Report
from search_core.significance import bootstrap_ci95
from search_core.types import StudioError
from ui.lanes import Lane
from ui.metrics.evaluations import StoredReport
from ui.metrics.published import PublishedFigure, published_figures
from ui.words import model_name

MOST_REPORTS = 5
"""As many as can be told apart by colour in both themes."""
HEADLINE = "ndcg@10"
TITLES: Mapping[str, str] = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "MRR@10",
    "map": "MAP",
    "mrr": "MRR",
} | {name: name.replace("recall", "Recall") for name in METRIC_NAMES if name.startswith("recall")}
"""Metric to what people call it."""


@dataclass(frozen=True)
class Entry:
    """A report on the board. label: tells it from the others. ci95: metric to the interval of its mean.

    mrr: the mean of 1 / first relevant rank, as others publish it; 0 for a query without one.
    """

    stored: StoredReport
    label: str
    ci95: Mapping[str, tuple[float, float]]
    mrr: float

    @property
    def report(self) -> Report:
        return self.stored.report

    def figure(self, metric: str) -> float:
        return self.mrr if metric == "mrr" else self.report.metrics[metric]


@dataclass(frozen=True)
class QueryChange:
    """One query in the baseline's report and in another one."""

    a: QueryMetrics
    b: QueryMetrics

    @property
    def change(self) -> float:
        """Of nDCG@10; 0 where only the order of adding differs."""
        difference = self.b.metrics[HEADLINE] - self.a.metrics[HEADLINE]
        return difference if abs(difference) > ROUNDING else 0.0

    @property
    def verdict(self) -> str:
        return "better" if self.change > 0 else "worse" if self.change < 0 else "equal"


@dataclass(frozen=True)
class Board:
    """entries: the baseline first. comparisons: of each of the others with it, in their order."""

    entries: tuple[Entry, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def baseline(self) -> Entry:
        return self.entries[0]

    @property
    def others(self) -> tuple[Entry, ...]:
        return self.entries[1:]

    @property
    def report(self) -> Report:
        """Of the baseline: what it was judged on holds for all."""
        return self.baseline.report

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(entry.stored.id for entry in self.entries)

    @property
    def published(self) -> tuple[PublishedFigure, ...]:
        return published_figures(self.report.corpus, self.report.split, self.report.protocol)

    def changes(self, other: int) -> list[QueryChange]:
        """Query by query, from the baseline to one of the others; in the baseline's order."""
        rows = {row.query_id: row for row in self.others[other].report.per_query}
        return [QueryChange(row, rows[row.query_id]) for row in self.report.per_query]

    def search_link(
        self, other: int, query: str, corpora: Sequence[str], models: Sequence[str]
    ) -> str | None:
        """Address of the query in Search, with the two that are compared side by side.

        None where Search does not offer the corpus or one of the two.
        """
        lanes = [Lane(entry.report.model, entry.report.mode) for entry in (self.baseline, self.others[other])]
        offered = all(lane.mode == "lexical" or lane.model in models for lane in lanes)
        if self.report.corpus not in corpora or not offered:
            return None
        link = {"q": query, "corpus": self.report.corpus}
        modes = {lane.mode for lane in lanes} - {"lexical"}
        a, b = (lane.name if len(modes) == 1 else lane.choice for lane in lanes)
        link |= {"a": a, "b": b} | ({"mode": modes.pop()} if len(modes) == 1 else {})
        return "?" + urlencode(link, errors="replace")


@lru_cache(maxsize=16)
def board_of(*reports: StoredReport) -> Board:
    """Raises StudioError for fewer than two or more than five, and where they differ in what was judged."""
    if not 2 <= len(reports) <= MOST_REPORTS:
        raise StudioError(f"Choose two to {MOST_REPORTS} reports to compare, not {len(reports)}.")
    baseline, *others = reports
    comparisons = tuple(compare(baseline.report, other.report) for other in others)
    entries = zip(reports, labels([stored.report for stored in reports]), strict=True)
    return Board(tuple(_entry(stored, label) for stored, label in entries), comparisons)


def labels(reports: Sequence[Report]) -> list[str]:
    """Short names that tell the reports apart: by mode where models do not, by number where nothing does."""
    names = [model_name(report.model) for report in reports]
    if len({report.mode for report in reports if report.model}) > 1:
        names = [
            f"{name} {report.mode}" if report.model else name
            for name, report in zip(names, reports, strict=True)
        ]
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} #{seen[name]}" if seen[name] > 1 else name)
    return numbered


def _entry(stored: StoredReport, label: str) -> Entry:
    rows = stored.report.per_query
    values = np.array([[row.metrics[name] for row in rows] for name in METRIC_NAMES])
    found = np.array([row.first_relevant_rank or np.inf for row in rows])
    reciprocal = 1 / found
    intervals = bootstrap_ci95(np.vstack([values, reciprocal])).tolist()
    ci95 = {name: (low, high) for name, (low, high) in zip((*METRIC_NAMES, "mrr"), intervals, strict=True)}
    return Entry(stored, label, ci95, float(reciprocal.mean()))
