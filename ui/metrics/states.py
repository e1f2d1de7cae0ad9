"""What the Metrics tab says around a board: what runs, which reports there are, nothing yet. No Gradio."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, get_args

from markupsafe import Markup

from ui.markup import NOTHING, join, visible
from ui.metrics.board import HEADLINE, MOST_REPORTS, Board
from ui.metrics.evaluations import Job, StoredReport
from ui.metrics.figures import columns, panel, queries_table, scrolled
from ui.states import time_left
from ui.words import model_name

PAGE_ROWS = 12
MOST_LISTED = 100
"""Reports in the list, the newest."""

Which = Literal["all", "better", "worse"]
WHICH: tuple[Which, ...] = get_args(Which)


@dataclass(frozen=True)
class View:
    """What a visitor looks at. reports: ids, the baseline first; fewer than two show no board.

    other: which of the others is set against the baseline. page: of its queries, from 0.
    gains_first: the queries are in the order of their change, the greatest gain first or the greatest loss.
    """

    reports: tuple[str, ...] = ()
    other: int = 0
    which: Which = "all"
    gains_first: bool = True
    page: int = 0


def status(jobs: Sequence[Job], now_s: float, *, hint: str) -> Markup:
    """Of the evaluations that are given: the one that runs, those that failed; else the hint."""
    failed = join(
        Markup('<p class="cs-failed" role="alert"><b>{} was not evaluated.</b> {}</p>').format(
            visible(model_name(job.lane.model)), visible(job.step.error)
        )
        for job in jobs
        if job.step.stage == "failed"
    )
    waiting = [job for job in jobs if not job.step.settled]
    if not waiting:
        return failed or Markup('<p class="cs-hint">{}</p>').format(hint)
    job = next((job for job in waiting if job.step.stage == "working"), waiting[0])
    step = job.step
    if step.total == 0:
        doing = "getting ready"
    elif step.done < step.total:
        left = time_left(step.seconds_left(now_s))
        doing = f"encoding, {step.done:,} of {step.total:,} texts{left}"
    else:
        doing = "ranking the queries"
    bar = Markup(' max="{}" value="{}"').format(step.total, step.done) if step.total else NOTHING
    more = f"; {len(waiting) - 1} more to come" if len(waiting) > 1 else ""
    return failed + Markup(
        '<div class="cs-banner" role="status"><span class="cs-spin"></span><p><b>Evaluating {}</b> on {}, '
        'split {}: {}{}.</p><progress{} aria-label="Progress"></progress></div>'
    ).format(visible(model_name(job.lane.model)), visible(step.corpus), visible(job.split), doing, more, bar)


def empty() -> Markup:
    return Markup(
        '<div class="cs-empty"><h2>No report yet</h2><p>An evaluation asks every judged query of a split and '
        "sees where its answers rank. Choose a corpus and two or more models above, then press Evaluate: "
        "their figures appear here side by side.</p></div>"
    )


def choose_more(picked: int, unknown: Sequence[str]) -> Markup:
    """Where too few reports are chosen for a board."""
    missing = (
        Markup("<p>Not here any more: <b>{}</b>.</p>").format(visible(", ".join(unknown)))
        if unknown
        else NOTHING
    )
    words = "Choose one more report of the same kind" if picked else "Choose two or more reports"
    return Markup('<div class="cs-note"><h2>{} to compare them</h2>{}</div>').format(words, missing)


def incomparable(reason: str) -> Markup:
    return Markup(
        '<div class="cs-note bad" role="alert"><h2>These reports cannot share a table</h2><p>{}</p></div>'
    ).format(visible(reason))


def report_list(reports: Sequence[StoredReport], picked: Sequence[str], board: Board | None = None) -> Markup:
    """The newest reports, by what they were judged on; each is a switch that puts it on the board.

    board: the one that is shown; its reports are what the page's address names.
    """
    if not reports:
        return NOTHING
    listed = reports[:MOST_LISTED]
    kinds = list(dict.fromkeys(stored.report.judged_on for stored in listed))
    ordered = sorted(listed, key=lambda stored: kinds.index(stored.report.judged_on))
    heads = ("Report", "Mode", "nDCG@10", "Queries", "Measured (UTC)")
    bodies = join(
        Markup('<tbody><tr class="cs-group"><th scope="rowgroup" colspan="{}">{}</th></tr>{}</tbody>').format(
            len(heads), visible(kind), join(_report_row(stored, picked) for stored in group)
        )
        for kind, group in groupby(ordered, key=lambda stored: stored.report.judged_on)
    )
    table = Markup('<table class="cs-table picks">{}{}</table>').format(columns(*heads), bodies)
    count = (
        f"the newest {MOST_LISTED} of {len(reports):,}" if len(reports) > MOST_LISTED else f"{len(reports):,}"
    )
    note = f"{count}; choose two or more of a kind, the baseline first"
    body = Markup('<div data-board="{}">{}</div>').format(
        ",".join(board.ids) if board else "", scrolled("Reports", table)
    )
    return panel("Reports", note, body, "cs-reports")


def _report_row(stored: StoredReport, picked: Sequence[str]) -> Markup:
    report, place = stored.report, picked.index(stored.id) if stored.id in picked else None
    made = f"{stored.phase} training {stored.run.id}" if stored.run else ""
    role = "" if place is None else "baseline" if place == 0 else f"compared, {place}"
    return Markup(
        '<tr data-id="{}"><th scope="row"><button type="button" class="cs-pick" data-do="pick" '
        'aria-pressed="{}"><span class="cs-series s{}">{}</span></button> <small>{}</small> '
        '<small class="cs-role">{}</small></th><td>{}</td><td>{:.3f}</td><td>{:,}</td>'
        '<td><time datetime="{}">{:%Y-%m-%d %H:%M}</time></td></tr>'
    ).format(
        stored.id,
        str(place is not None).lower(),
        "x" if place is None else place,
        visible(model_name(report.model)),
        visible(made),
        role,
        report.mode,
        report.metrics[HEADLINE],
        len(report.per_query),
        stored.made_at.isoformat(timespec="seconds"),
        stored.made_at,
    )


def picked_with(view: View, id: str, reports: Sequence[StoredReport]) -> View:
    """The view after a report's switch was pressed: one of another kind than those chosen starts anew."""
    kinds = {stored.id: stored.report.judged_on for stored in reports}
    if id not in kinds:
        return view
    if id in view.reports:
        return View(tuple(chosen for chosen in view.reports if chosen != id))
    return View((*(chosen for chosen in view.reports if kinds.get(chosen) == kinds[id]), id))


def left_of(view: View, there: Collection[str]) -> View:
    """The view without the reports that are not there any more."""
    left = tuple(id for id in view.reports if id in there)
    if left == view.reports:
        return view
    return replace(view, reports=left, other=min(view.other, max(0, len(left) - 2)), page=0)


def newest_together(reports: Sequence[StoredReport]) -> View:
    """What is shown at first: the newest reports that can be compared, one for each model and mode.

    The older come first, as a baseline does. reports: the newest first.
    """
    kinds: dict[tuple[str, int, int], dict[tuple[str | None, str], str]] = {}
    for stored in reports:
        report = stored.report
        kind = (report.judged_on, report.documents, len(report.per_query))
        kinds.setdefault(kind, {}).setdefault((report.model, report.mode), stored.id)
    together = next((list(ids.values()) for ids in kinds.values() if len(ids) > 1), [])
    return View(tuple(reversed(together[:MOST_REPORTS])))


def queries_panel(board: Board, view: View, corpora: Sequence[str], models: Sequence[str]) -> Markup:
    """One page of the queries, with what chooses and sorts them."""
    changes = sorted(board.changes(view.other), key=lambda row: row.change, reverse=view.gains_first)
    chosen = [row for row in changes if view.which in ("all", row.verdict)]
    pages = max(1, -(-len(chosen) // PAGE_ROWS))
    page = min(max(view.page, 0), pages - 1)
    shown = chosen[page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
    rows = [(row, board.search_link(view.other, row.a.query, corpora, models)) for row in shown]
    first = "greatest gain first" if view.gains_first else "greatest loss first"
    order = Markup(
        '<button type="button" class="cs-link" data-do="order" '
        'aria-label="Change of nDCG@10, {}: turn round">Change {}</button>'
    ).format(first, "↓" if view.gains_first else "↑")
    counts = {"all": len(changes)} | {
        verdict: sum(row.verdict == verdict for row in changes) for verdict in ("better", "worse")
    }
    filters = join(
        Markup(
            '<button type="button" class="cs-pill" data-do="which" data-query="{}" aria-pressed="{}">{} {:,}'
            "</button>"
        ).format(which, str(which == view.which).lower(), which, counts[which])
        for which in WHICH
    )
    table = (
        scrolled("Query by query", queries_table(board, view.other, rows, order))
        if rows
        else Markup('<p class="cs-hint">No query is {}.</p>').format(view.which)
    )
    tools = Markup('<div class="cs-pills" role="group" aria-label="Queries shown">{}{}</div>').format(
        filters, _pager(page, pages)
    )
    opened = board.search_link(view.other, "", corpora, models) is not None
    return panel("Query by query", _queries_note(board, opened=opened), tools + table)


def _queries_note(board: Board, *, opened: bool) -> str:
    if not opened:
        return "rank of the first right answer; Search does not offer this corpus with both models"
    if board.report.derived_qrels:
        return "rank of the first right answer; a click opens the query in Search, over the whole corpus"
    return "rank of the first right answer; a click opens the query in Search"


def _pager(page: int, pages: int) -> Markup:
    if pages == 1:
        return NOTHING
    step = Markup(
        '<button type="button" class="cs-pill" data-do="page" data-query="{}" aria-label="{} page"{}>{}'
        "</button>"
    )
    off = Markup(" disabled")
    return Markup('<span class="cs-pager">{}<span>{} of {}</span>{}</span>').format(
        step.format(page - 1, "Previous", off if page == 0 else NOTHING, "‹"),
        page + 1,
        pages,
        step.format(page + 1, "Next", off if page == pages - 1 else NOTHING, "›"),
    )
