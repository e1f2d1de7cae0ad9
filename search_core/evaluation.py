"""A model's rankings of judged queries → Report; two reports → Comparison."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_core.metrics import (
    ABSENT_RANK,
    METRIC_NAMES,
    METRICS,
    ROUNDING,
    first_relevant_rank,
    relevance_by_rank,
)
from search_core.report import (
    QueryMetrics,
    Report,
    Timing,
    describe_environment,
    named,
    read_report,
    report_table,
    write_report,
)
from search_core.settings import Settings
from search_core.significance import bootstrap_ci95, sign_flip_p_values
from search_core.types import MAX_K, JudgedCorpus, Mode, Progress, StudioError, silent

__all__ = [
    "Comparison",
    "Difference",
    "Report",
    "Side",
    "Timing",
    "compare",
    "comparison_table",
    "evaluate",
    "read_report",
    "report_table",
    "score_rankings",
    "write_report",
]


def evaluate(
    judged: JudgedCorpus, model: str, mode: Mode, settings: Settings, progress: Progress = silent
) -> Report:
    """Rank every judged query with a model and mode, and score the rankings.

    model: a model spec, not used in lexical mode. Vectors come from the workspace's cache
    where they can.

    Raises StudioError where there is nothing to judge, the model cannot be loaded or a query
    cannot be searched.
    """
    from search_core.engine import SearchEngine  # comparing reports needs no engine

    if not judged.queries:
        raise StudioError(
            f"Nothing to evaluate: no query of split {judged.split!r} in {judged.corpus.spec} has a relevant "
            f"document ({judged.skipped_queries:,} left out). Choose another split or corpus."
        )
    engine = SearchEngine(judged.corpus, settings)
    served = None if mode == "lexical" else model
    dense = engine.add_model(served, progress) if served else None
    started = time.perf_counter()
    rankings = engine.rank(list(judged.queries.values()), MAX_K, model=served, mode=mode)
    search_s = time.perf_counter() - started
    timing = Timing(search_s=search_s, queries_per_s=len(rankings) / search_s)
    if dense and dense.encoded:
        documents_per_s = dense.encoded / dense.encode_s
        timing = replace(timing, encode_documents_s=dense.encode_s, documents_per_s=documents_per_s)
    return score_rankings(
        judged,
        [ranking.ids for ranking in rankings],
        model=served,
        model_fingerprint=dense.encoder.fingerprint if dense else None,
        mode=mode,
        timing=timing,
        environment=describe_environment(dense.encoder.backend if dense else None),
    )


def score_rankings(
    judged: JudgedCorpus,
    rankings: Sequence[Sequence[str]],
    *,
    model: str | None,
    model_fingerprint: str | None,
    mode: Mode,
    timing: Timing,
    environment: Mapping[str, Any],
) -> Report:
    """Score rankings against the qrels.

    rankings: document ids, best first, one ranking per query in the order of `judged.queries`;
        those after 1,000 are ignored.

    Raises ValueError where there are no queries, the rankings are not one per query, or one
    names a document twice.
    """
    relevant = [judged.qrels[query_id] for query_id in judged.queries]
    relevance = relevance_by_rank(rankings, relevant)
    n_relevant = np.array([len(ids) for ids in relevant])
    values = {name: metric(relevance, n_relevant) for name, metric in METRICS.items()}
    by_query = zip(*(column.tolist() for column in values.values()), strict=True)
    ranks = first_relevant_rank(relevance).tolist()
    rows = tuple(
        QueryMetrics(
            query_id, text, rank if rank < ABSENT_RANK else None, dict(zip(METRIC_NAMES, row, strict=True))
        )
        for (query_id, text), rank, row in zip(judged.queries.items(), ranks, by_query, strict=True)
    )
    return Report(
        corpus=judged.corpus.spec,
        split=judged.split,
        protocol=judged.protocol,
        model=model,
        model_fingerprint=model_fingerprint,
        mode=mode,
        derived_qrels=judged.derived,
        skipped_queries=judged.skipped_queries,
        documents=len(judged.corpus.documents),
        metrics={name: column.mean().item() for name, column in values.items()},
        per_query=rows,
        timing=timing,
        environment=environment,
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two reports compared. file: where it was read from, if from a file."""

    model: str | None
    mode: Mode
    file: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes in one metric from a to b, over the same queries.

    absolute: b - a, of which ci95 and p_value speak.
    relative_pct: 100 (b - a) / a; None where a is 0, or where a is a logarithm.
    """

    a: float
    b: float
    absolute: float
    relative_pct: float | None
    ci95: tuple[float, float]
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"ci95": list(self.ci95)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Report b against report a.

    ln_first_relevant_rank: of the mean natural logarithm of the first relevant rank, 1,001
        where there is none. Lower is better; it sees changes that rank cut-offs hide.
    wins, losses, ties: queries whose nDCG@10 is higher, lower or equal in b.
    judged_on: what both reports are about, in words.
    """

    a: Side
    b: Side
    metrics: Mapping[str, Difference]
    ln_first_relevant_rank: Difference
    wins: int
    losses: int
    ties: int
    judged_on: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "a": asdict(self.a),
            "b": asdict(self.b),
            "metrics": {name: difference.as_dict() for name, difference in self.metrics.items()},
            "ln_first_relevant_rank": self.ln_first_relevant_rank.as_dict(),
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
        }


def compare(a: Report, b: Report, file_a: str | None = None, file_b: str | None = None) -> Comparison:
    """How b differs from a, query by query.

    Every metric sees the same resamples, so the result depends on the reports alone.
    Raises StudioError, naming which, where corpus, split, protocol or queries differ.
    """
    _require_comparable(a, b)
    query_ids = [row.query_id for row in a.per_query]
    values_a, values_b = _values(a, query_ids), _values(b, query_ids)
    *metrics, ln_rank = _differences(values_a, values_b)
    gains = (values_b - values_a)[METRIC_NAMES.index("ndcg@10")]
    wins, losses = int((gains > ROUNDING).sum()), int((gains < -ROUNDING).sum())
    return Comparison(
        a=Side(a.model, a.mode, file_a),
        b=Side(b.model, b.mode, file_b),
        metrics=dict(zip(METRIC_NAMES, metrics, strict=True)),
        ln_first_relevant_rank=replace(ln_rank, relative_pct=None),
        wins=wins,
        losses=losses,
        ties=len(query_ids) - wins - losses,
        judged_on=a.judged_on,
    )


def _require_comparable(a: Report, b: Report) -> None:
    differing = [
        f"{name} ({of_a!r} and {of_b!r})"
        for name, of_a, of_b in [
            ("corpus", a.corpus, b.corpus),
            ("number of documents", a.documents, b.documents),
            ("split", a.split, b.split),
            ("protocol", a.protocol, b.protocol),
        ]
        if of_a != of_b
    ]
    queries_a, queries_b = ({(row.query_id, row.query) for row in report.per_query} for report in (a, b))
    if queries_a != queries_b:
        only_a, only_b = len(queries_a - queries_b), len(queries_b - queries_a)
        differing.append(f"queries ({only_a:,} only in the first, {only_b:,} only in the second)")
    if differing:
        raise StudioError(
            f"The reports cannot be compared, they differ in {', '.join(differing)}. Evaluate both alike."
        )


def _values(report: Report, query_ids: Sequence[str]) -> NDArray[np.float64]:
    """(n_metrics + 1, n_queries) in the given order: METRIC_NAMES, then ln of the first relevant rank."""
    rows = {row.query_id: row for row in report.per_query}
    ordered = [rows[query_id] for query_id in query_ids]
    ranks = [row.first_relevant_rank or ABSENT_RANK for row in ordered]
    return np.array([*([row.metrics[name] for row in ordered] for name in METRIC_NAMES), np.log(ranks)])


def _differences(values_a: NDArray[np.float64], values_b: NDArray[np.float64]) -> Iterator[Difference]:
    differences = values_b - values_a
    intervals, p_values = bootstrap_ci95(differences), sign_flip_p_values(differences)
    for a, b, interval, p_value in zip(
        values_a.mean(axis=1).tolist(), values_b.mean(axis=1).tolist(), intervals, p_values, strict=True
    ):
        relative_pct = 100 * (b - a) / a if a else None
        yield Difference(a, b, b - a, relative_pct, tuple(interval.tolist()), p_value.item())


def comparison_table(comparison: Comparison) -> str:
    """The comparison for a terminal, one metric a line."""
    a, b = comparison.a, comparison.b
    return "\n".join(
        [
            comparison.judged_on,
            f"a: {named(a.model, a.mode)} {a.file or ''}".rstrip(),
            f"b: {named(b.model, b.mode)} {b.file or ''}".rstrip(),
            "",
            f"{'':<10}  {'a':>7}  {'b':>7}  {'b - a':>8}  {'95% interval':>18}  {'relative':>8}  {'p':>6}",
            *(_difference_line(name, difference) for name, difference in comparison.metrics.items()),
            _difference_line("ln(rank)", comparison.ln_first_relevant_rank),
            "",
            f"nDCG@10 per query: b wins {comparison.wins:,}, loses {comparison.losses:,}, "
            f"ties {comparison.ties:,}",
            "ln(rank): of the first relevant document, 1,001 where there is none; lower is better",
        ]
    )


def _difference_line(name: str, found: Difference) -> str:
    interval = f"[{found.ci95[0]:+.4f}, {found.ci95[1]:+.4f}]"
    relative = "" if found.relative_pct is None else f"{found.relative_pct:+.1f}%"
    return (
        f"{name:<10}  {found.a:>7.4f}  {found.b:>7.4f}  {found.absolute:>+8.4f}  {interval:>18}  "
        f"{relative:>8}  {found.p_value:>6.4f}"
    )
