"""What a board says in tiles and tables: safe markup, for the Metrics tab and for the report. No Gradio."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from markupsafe import Markup

from search_core.evaluation import Comparison, Difference
from search_core.metrics import METRIC_NAMES
from ui.markup import NOTHING, join, visible
from ui.metrics.board import HEADLINE, TITLES, Board, Entry, QueryChange
from ui.metrics.training_record import TrainingRecord

TILED = (HEADLINE, "mrr@10", "recall@10")
TONES = {"better": "up", "worse": "down", "equal": "quiet"}

Tone = Literal["up", "down", ""]


def panel(title: str, note: str | Markup, body: Markup, name: str = "") -> Markup:
    """name: a class of its own."""
    return Markup(
        '<section class="cs-panel {}" aria-label="{}"><div class="cs-panelhead"><h2>{}</h2><p>{}</p></div>{}'
        "</section>"
    ).format(name, title, title, note, body)


def scrolled(label: str, table: Markup) -> Markup:
    """A box that scrolls sideways by itself, with the keyboard too."""
    return Markup('<div class="cs-scroll" tabindex="0" role="group" aria-label="{}">{}</div>').format(
        label, table
    )


def columns(*names: str) -> Markup:
    """The head of a table."""
    heads = join(Markup('<th scope="col">{}</th>').format(name) for name in names)
    return Markup("<thead><tr>{}</tr></thead>").format(heads)


def judged_on(board: Board) -> Markup:
    """What all figures on the board are about; derived qrels are always said to be derived."""
    report = board.report
    protocol = (
        Markup("equal documents count once (<b>content</b> protocol)")
        if report.protocol == "content"
        else Markup("every id counts, copies too, as in MTEB's tables (<b>official</b> protocol)")
    )
    left_out = f", {report.skipped_queries:,} left out" if report.skipped_queries else ""
    derived = (
        Markup(
            '<span class="cs-chip warn">derived</span> The queries are first sentences of docstrings, '
            "not judged by people; the functions are ranked without them. "
        )
        if report.derived_qrels
        else NOTHING
    )
    return Markup(
        '<p class="cs-about"><b class="cs-mono">{}</b> split <b>{}</b>, {:,} queries{}, {:,} documents; '
        "{}. {}</p>"
    ).format(
        visible(report.corpus),
        visible(report.split),
        len(report.per_query),
        left_out,
        report.documents,
        protocol,
        derived,
    )


def versus(board: Board, other: int) -> Markup:
    """Which of the others is in the tiles and in the table of queries; a choice where there are several."""
    choice = Markup(
        '<button type="button" class="cs-pill s{}" data-do="other" data-query="{}" aria-pressed="{}">{}'
        "</button>"
    )
    names = (
        join(
            choice.format(place + 1, place, str(place == other).lower(), visible(entry.label))
            for place, entry in enumerate(board.others)
        )
        if len(board.others) > 1
        else Markup('<b class="cs-series s1">{}</b>').format(visible(board.others[0].label))
    )
    return Markup(
        '<div class="cs-versus"><b class="cs-series s0">{}</b> is the baseline; against it {}</div>'
    ).format(visible(board.baseline.label), names)


def tiles(board: Board, other: int) -> Markup:
    """The headline figures of one of the others, each with its change from the baseline."""
    comparison = board.comparisons[other]
    made = [*(_tile(TITLES[name], comparison.metrics[name]) for name in TILED), _verdict_tile(comparison)]
    return Markup('<div class="cs-tiles">{}</div>').format(join(made))


def _tile(title: str, found: Difference) -> Markup:
    relative = "" if found.relative_pct is None else f"{found.relative_pct:+.1f}%"
    low, high = found.ci95
    return Markup(
        '<div class="cs-tile"><span>{}</span><b>{:.3f}</b><em class="{}">{}</em>'
        "<small>from {:.3f} · change {:+.3f} to {:+.3f} (95%)</small></div>"
    ).format(title, found.b, tone(found), relative, found.a, low, high)


def _verdict_tile(comparison: Comparison) -> Markup:
    counts = (comparison.wins, comparison.ties, comparison.losses)
    bar = join(
        Markup('<i class="{}" style="flex:{}"></i>').format(name, count)
        for name, count in zip("wtl", counts, strict=True)
        if count
    )
    return Markup(
        '<div class="cs-tile"><span>Queries better · equal · worse</span><b>{:,}<u> · {:,} · {:,}</u></b>'
        '<div class="cs-wtl" role="img" aria-label="{:,} better, {:,} equal, {:,} worse">{}</div>'
        "<small>of {:,}, by nDCG@10</small></div>"
    ).format(*counts, *counts, bar, sum(counts))


def figures_table(board: Board) -> Markup:
    """Every figure, the baseline's and that of each of the others, with how sure the change is."""
    heads = ("Metric", "Baseline", "Value", "Change", "Relative", "95% of the change", "p")
    bodies = join(
        Markup("<tbody>{}{}</tbody>").format(
            _group_row(board, entry, place, len(heads)),
            join(_figure_row(title, found, lower) for title, found, lower in _differences(comparison)),
        )
        for place, (entry, comparison) in enumerate(zip(board.others, board.comparisons, strict=True), 1)
    )
    table = Markup('<table class="cs-table">{}{}</table>').format(columns(*heads), bodies)
    many = " or of models" if len(board.others) > 1 else ""
    note = (
        "paired by query: intervals by 10,000 bootstraps, p by two-sided sign flips; "
        f"not corrected for the number of metrics{many}"
    )
    return panel("All figures", note, scrolled("All figures", table))


def _group_row(board: Board, entry: Entry, place: int, columns: int) -> Markup:
    return Markup(
        '<tr class="cs-group"><th scope="rowgroup" colspan="{}"><span class="cs-series s{}">{}</span> '
        "against {}</th></tr>"
    ).format(columns, place, visible(entry.label), visible(board.baseline.label))


def _differences(comparison: Comparison) -> Iterable[tuple[str, Difference, bool]]:
    """Title, difference, whether lower is better."""
    first = (HEADLINE, "mrr@10", "map")
    for name in (*first, *(name for name in METRIC_NAMES if name not in first)):
        yield TITLES[name], comparison.metrics[name], False
    yield "ln(first rank), lower is better", comparison.ln_first_relevant_rank, True


def _figure_row(title: str, found: Difference, lower_is_better: bool) -> Markup:
    relative = "–" if found.relative_pct is None else f"{found.relative_pct:+.1f}%"
    low, high = found.ci95
    css = tone(found, lower_is_better=lower_is_better)
    return Markup(
        '<tr><th scope="row">{}</th><td>{:.4f}</td><td>{:.4f}</td><td class="{}">{:+.4f}</td>'
        '<td class="{}">{}</td><td>{:+.4f} to {:+.4f}</td><td>{}</td></tr>'
    ).format(title, found.a, found.b, css, found.absolute, css, relative, low, high, p_text(found.p_value))


def tone(found: Difference, *, lower_is_better: bool = False) -> Tone:
    """Coloured only where the interval of the change leaves out 0."""
    low, high = found.ci95
    if low <= 0 <= high:
        return ""
    return "up" if (low > 0) != lower_is_better else "down"


def p_text(p_value: float) -> str:
    """
    >>> p_text(0.0001), p_text(0.0432)
    ('< 0.001', '0.043')
    """
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def queries_table(
    board: Board, other: int, rows: Sequence[tuple[QueryChange, str | None]], order: Markup = NOTHING
) -> Markup:
    """rows: each with the address that opens it in Search, None where it cannot be opened.

    order: a button for the heading of the change.
    """
    names = (board.baseline.label, board.others[other].label)
    heads = columns("Verdict", "Query", *map(visible, names), order or "Change")
    return Markup('<table class="cs-table queries">{}<tbody>{}</tbody></table>').format(
        heads, join(_query_row(change, link) for change, link in rows)
    )


def _query_row(change: QueryChange, link: str | None) -> Markup:
    text = visible(change.a.query)[:400]
    query = Markup('<a class="cs-rowlink" data-open href="{}">{}</a>').format(link, text) if link else text
    return Markup(
        '<tr><td><span class="cs-move {}">{}</span></td><th scope="row">{}</th><td>{}</td><td>{}</td>'
        '<td class="{}">{:+.3f}</td></tr>'
    ).format(
        TONES[change.verdict],
        change.verdict,
        query,
        _rank(change.a.first_relevant_rank),
        _rank(change.b.first_relevant_rank),
        TONES[change.verdict],
        change.change,
    )


def _rank(rank: int | None) -> str:
    return f"{rank:,}" if rank else "> 1,000"


def published_panel(board: Board) -> Markup:
    """Published figures of this corpus, split and protocol, each with its source."""
    rows = join(
        Markup('<tr><th scope="row">{}</th><td>{}</td><td>{:.3f}</td><td>{}</td></tr>').format(
            figure.model, TITLES[figure.metric], figure.value, figure.source
        )
        for figure in board.published
    )
    head = columns("Published model", "Metric", "Value", "Source")
    table = Markup('<table class="cs-table sources">{}<tbody>{}</tbody></table>').format(head, rows)
    note = "of the same corpus, split and protocol, as their authors report them"
    return panel("Published figures", note, scrolled("Published figures", table))


def training_panel(record: TrainingRecord) -> Markup:
    """How the model was trained, and what became of the rows of the train split."""
    facts = join(
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, visible(value))
        for name, value in record.facts()
    )
    counts = record.pair_counts()
    most = max((count for _, count in counts), default=1)
    bars = join(
        Markup(
            '<tr><th scope="row">{}</th><td>{:,}</td><td class="cs-share-bar" aria-hidden="true">'
            '<i style="width:{:.1f}%"></i></td></tr>'
        ).format(words, count, 100 * count / most)
        for words, count in counts
    )
    pairs = (
        Markup(
            '<table class="cs-table pairs"><thead><tr><th scope="col">Rows of the train split</th>'
            '<th scope="col">Count</th><th aria-hidden="true"></th></tr></thead><tbody>{}</tbody></table>'
        ).format(bars)
        if counts
        else NOTHING
    )
    body = Markup('<dl class="cs-facts small">{}</dl>{}').format(facts, pairs)
    return panel("Training", f"run {record.run_id}", body)


def measured_panel(board: Board) -> Markup:
    """When, how fast and on what each report was measured."""
    rows = join(_measured_row(entry, place) for place, entry in enumerate(board.entries))
    head = columns("Report", "Measured", "Encoding", "Search", "On")
    table = Markup('<table class="cs-table small">{}<tbody>{}</tbody></table>').format(head, rows)
    return panel("Timings and environment", "as measured with each report", scrolled("Timings", table))


def _measured_row(entry: Entry, place: int) -> Markup:
    timing, environment = entry.report.timing, entry.report.environment
    encoding = (
        f"{timing.encode_documents_s:,.1f} s, {timing.documents_per_s:,.0f} documents/s"
        if timing.encode_documents_s is not None and timing.documents_per_s is not None
        else "vectors were there"
        if entry.report.model
        else "–"
    )
    search = (
        f"{timing.search_s:,.2f} s, {timing.queries_per_s:,.0f} queries/s"
        if timing.search_s is not None and timing.queries_per_s is not None
        else "–"
    )
    parts = [environment.get(name) for name in ("backend", "processor")]
    if cores := environment.get("cores"):
        parts.append(f"{cores} cores")
    if python := environment.get("python"):
        parts.append(f"Python {python}")
    return Markup(
        '<tr><th scope="row"><span class="cs-series s{}">{}</span></th><td>{:%Y-%m-%d %H:%M} UTC</td>'
        "<td>{}</td><td>{}</td><td>{}</td></tr>"
    ).format(
        place,
        visible(entry.label),
        entry.stored.made_at,
        encoding,
        search,
        visible(", ".join(str(part) for part in parts if part)),
    )
