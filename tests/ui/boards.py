"""Reports whose figures can be worked out by hand, and boards of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from search_core.report import Report
from tests.train.run_folder import AFTER, BEFORE, COSQA, report
from ui.metrics.board import Board, board_of
from ui.metrics.evaluations import StoredReport

START = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
HOSTILE = "<img src=x onerror='window.__x=1'></script>${window.__x=2} {{value}} `"
TIMED = {"python": "3.12.1", "processor": "A processor", "cores": 2, "backend": "openvino f32"}


def stored(id: str, report: Report, minutes: int = 0) -> StoredReport:
    """minutes: after START."""
    return StoredReport(id, report, START + timedelta(minutes=minutes))


def measured(ranks: Sequence[int], model: str | None = "minilm", **changed: object) -> Report:
    """Of eight queries whose one relevant document has these ranks, 1 or 2. changed: fields of the report."""
    made = report(COSQA, ranks, model or "")
    return replace(made, model=model, environment=TIMED, **changed)  # type: ignore[arg-type]


def two() -> Board:
    """The baseline finds two of eight first, the other one seven; the rest come second."""
    return board_of(stored("base", measured(BEFORE)), stored("tuned", measured(AFTER, "studio"), 1))


def three() -> Board:
    """And keywords, which find what the baseline finds."""
    keywords = measured(BEFORE, None, mode="lexical", model_fingerprint=None)
    return board_of(*(entry.stored for entry in two().entries), stored("words", keywords, 2))


def hostile() -> Board:
    """Model and queries that would run scripts in a careless page."""
    reports = [measured(ranks, HOSTILE) for ranks in (BEFORE, AFTER)]
    said = [
        replace(
            one, per_query=tuple(replace(row, query=f"{HOSTILE} \ud800 {row.query}") for row in one.per_query)
        )
        for one in reports
    ]
    return board_of(stored("base", said[0]), stored("tuned", replace(said[1], mode="hybrid"), 1))
