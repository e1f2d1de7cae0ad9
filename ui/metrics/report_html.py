"""The report as one file: everything that a board shows, readable offline. No Gradio.

plotly.js stands in it once; figures come as data. Its policy lets no script run but the two that are
written here, whatever is in a name or a query, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from ui.markup import NOTHING, join, stylesheet, visible
from ui.metrics.board import Board
from ui.metrics.board_charts import CHARTS, Chart, board_charts
from ui.metrics.charts import loss_curve
from ui.metrics.downloads import Contents
from ui.metrics.figures import (
    figures_table,
    judged_on,
    measured_panel,
    panel,
    published_panel,
    queries_table,
    scrolled,
    tiles,
    training_panel,
)
from ui.metrics.training_record import TrainingRecord

_STYLES = ("tokens", "panels", "metrics", "report")

_DRAW = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.body.classList.toggle("dark", dark.matches);
follow();
dark.addEventListener("change", follow);
addEventListener("beforeprint", () => document.body.classList.remove("dark"));
addEventListener("afterprint", follow);
for (const box of document.querySelectorAll("[data-figure]")) {
  const { data, layout } = JSON.parse(document.getElementById(box.dataset.figure).textContent);
  const bar = { modeBarButtons: [["toImage"]], displaylogo: false };
  Plotly.newPlot(box, data, layout, { responsive: true, ...bar, toImageButtonOptions: { scale: 2 } });
}
"""


def report_html(contents: Contents) -> str:
    board = contents.board
    names = " · ".join(visible(entry.label) for entry in board.entries)
    return Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>{names}: evaluation report</title><style>{styles}</style></head>"
        '<body><main class="gradio-container"><header><h1>{names}</h1>{about}</header>{body}'
        "<footer>Made by Code Search Studio.</footer></main>"
        "<script>{plotly}</script><script>{draw}</script></body></html>\n"
    ).format(
        policy=_policy(get_plotlyjs(), _DRAW),
        names=names,
        styles=stylesheet(*_STYLES),
        about=judged_on(board),
        body=join(_parts(contents)),
        plotly=_trusted(get_plotlyjs()),
        draw=_trusted(_DRAW),
    )


def _parts(contents: Contents) -> Iterator[Markup]:
    board = contents.board
    for place, other in enumerate(board.others):
        yield Markup('<h2 class="cs-part"><span class="cs-series s{}">{}</span> against {}</h2>').format(
            place + 1, visible(other.label), visible(board.baseline.label)
        )
        yield tiles(board, place)
    yield Markup('<div class="cs-charts">{}</div>').format(join(_charts(contents)))
    if board.published:
        yield published_panel(board)
    yield figures_table(board)
    for place, other in enumerate(board.others):
        rows = sorted(board.changes(place), key=lambda row: row.change, reverse=True)
        table = queries_table(board, place, [(row, None) for row in rows])
        title = f"Query by query: {visible(other.label)}"
        yield panel(title, "rank of the first right answer; the greatest gain first", scrolled(title, table))
    yield measured_panel(board)


def _charts(contents: Contents) -> Iterator[Markup]:
    for name, chart in board_charts(contents.board, contents.corpus, None).items():
        yield _figure(name, chart)
    for place, record in enumerate(contents.records):
        if record:
            yield from _training(contents.board, place, record)


def _training(board: Board, place: int, record: TrainingRecord) -> Iterator[Markup]:
    title, note = CHARTS["loss"]
    label = visible(board.others[place].label)
    yield _figure(f"loss-{place}", Chart(f"{title}: {label}", note, loss_curve(record)))
    yield training_panel(record)


def _figure(name: str, chart: Chart) -> Markup:
    if chart.figure is None:
        return NOTHING
    body = Markup(
        '<div class="cs-plot" data-figure="figure-{name}"></div>'
        '<script type="application/json" id="figure-{name}">{data}</script>'
    ).format(name=name, data=_script_data(chart.figure))
    return panel(chart.title, chart.note, body)


def _script_data(figure: go.Figure) -> Markup:
    """JSON that cannot end the element it stands in."""
    return _trusted(figure.to_json().replace("<", "\\u003c"))


def _trusted(source: str) -> Markup:
    """A script of our own, or JSON without a way out of its element: not to be escaped."""
    return Markup(source)  # noqa: S704


def _policy(*scripts: str) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"
