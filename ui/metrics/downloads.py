"""Files that hold what a board shows: made when asked for, never written to disk. No Gradio."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from search_core.metrics import METRIC_NAMES
from search_core.types import Corpus
from ui.metrics.board import Board
from ui.metrics.training_record import TrainingRecord

CSV, JSON, HTML = "text/csv", "application/json", "text/html"


@dataclass(frozen=True)
class Contents:
    """What a download may hold. corpus: None where it is not at hand. records: one for each of the others."""

    board: Board
    corpus: Corpus | None
    records: Sequence[TrainingRecord | None]


class Download(NamedTuple):
    """label: of the button. type: as browsers name it."""

    label: str
    type: str
    make: Callable[[Contents], str]


def figures_csv(contents: Contents) -> str:
    """A row for each report and metric: value and interval, and how it differs from the baseline."""
    board = contents.board
    head = (
        *("report", "model", "mode", "metric", "value", "ci95_low", "ci95_high"),
        *("change", "relative_pct", "change_ci95_low", "change_ci95_high", "p_value"),
    )
    rows: list[Sequence[object]] = [head]
    for place, entry in enumerate(board.entries):
        of = (entry.stored.id, entry.report.model or "", entry.report.mode)
        for name in METRIC_NAMES:
            row = (*of, name, entry.report.metrics[name], *entry.ci95[name])
            found = board.comparisons[place - 1].metrics[name] if place else None
            change = (found.absolute, found.relative_pct, *found.ci95, found.p_value) if found else [""] * 5
            rows.append((*row, *("" if value is None else value for value in change)))
    return _csv(rows)


def queries_csv(contents: Contents) -> str:
    """A row for each report and query."""
    rows: list[Sequence[object]] = [("report", "query_id", "query", "first_relevant_rank", *METRIC_NAMES)]
    for entry in contents.board.entries:
        for row in entry.report.per_query:
            rank = "" if row.first_relevant_rank is None else row.first_relevant_rank
            figures = (row.metrics[name] for name in METRIC_NAMES)
            rows.append((entry.stored.id, row.query_id, row.query, rank, *figures))
    return _csv(rows)


def summary_json(contents: Contents) -> str:
    """The reports without their queries, their comparisons, and how their models were trained."""
    board = contents.board
    records = (None, *contents.records)
    reports = [
        {"id": entry.stored.id, "label": entry.label, "measured_at": entry.stored.made_at.isoformat()}
        | {key: value for key, value in entry.report.as_dict().items() if key != "per_query"}
        | {"ci95": {name: list(entry.ci95[name]) for name in METRIC_NAMES}}
        | {"training_info": _training(record)}
        for entry, record in zip(board.entries, records, strict=True)
    ]
    comparisons = [
        comparison.as_dict() | {"a": board.baseline.stored.id, "b": other.stored.id}
        for other, comparison in zip(board.others, board.comparisons, strict=True)
    ]
    summary = {
        "judged_on": board.report.judged_on,
        "reports": reports,
        "comparisons": comparisons,
        "published": [asdict(figure) for figure in board.published],
    }
    return json.dumps(summary, indent=1, allow_nan=False) + "\n"


def _training(record: TrainingRecord | None) -> Mapping[str, Any] | None:
    if record is None:
        return None
    return {"run": record.run_id, **record.info, "config": asdict(record.config), "pairs": record.pairs}


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace").decode()


def _cell(value: object) -> object:
    """Spreadsheets take text that begins like a formula for one: an apostrophe keeps it text.

    >>> _cell("=HYPERLINK(1)"), _cell("copy a file"), _cell(-0.5)
    ("'=HYPERLINK(1)", 'copy a file', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
