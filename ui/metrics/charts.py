"""Figures of the Metrics tab: records in, plotly figures out; no Gradio.

Colours are those of the light theme, which the download as PNG keeps. On the page the style sheet maps
each of them to its variable, so that one figure follows light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from search_core.metrics import RECALL_CUTOFFS
from ui.markup import visible
from ui.metrics.board import TITLES, Board, Entry
from ui.metrics.published import PublishedFigure
from ui.metrics.training_record import TrainingRecord

SERIES = ("#64748b", "#4f46e5", "#0f766e", "#be185d", "#0369a1")
"""Baseline, fine-tuned, further ones."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
"""Beside the colours, for those who cannot tell them apart."""
TEXT, GRID, AXIS, SURFACE = "#454e5a", "#e3e7ec", "#c5ccd5", "#ffffff"
CLEAR = "rgba(0,0,0,0)"
HEIGHT = 264
PRIMARY = ("ndcg@10", "mrr@10", "recall@10", "map")
_KS = tuple(f"recall@{k}" for k in RECALL_CUTOFFS)
_K_LABELS = [str(k) for k in RECALL_CUTOFFS]


def metric_bars(board: Board) -> go.Figure:
    """The primary metrics of all reports side by side, each with the 95% interval of its mean."""
    figure = go.Figure()
    width = 0.8 / len(board.entries)
    for place, (entry, colour) in enumerate(_coloured(board.entries)):
        figure.add_bar(
            name=_plain(entry.label),
            x=[TITLES[name].replace("@", "<br>@") for name in PRIMARY],
            y=[entry.figure(name) for name in PRIMARY],
            marker_color=colour,
            width=0.94 * width,
            offset=place * width - 0.4,
            **_whiskers(entry, PRIMARY),
        )
    return _framed(figure, y={"range": [0, 1], "tickformat": ".1f"})


def recall_curve(board: Board) -> go.Figure:
    figure = go.Figure()
    for place, (entry, colour) in enumerate(_coloured(board.entries)):
        figure.add_scatter(
            name=_plain(entry.label),
            x=_K_LABELS,
            y=[entry.figure(name) for name in _KS],
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 8, "color": colour, "symbol": SYMBOLS[place]},
            customdata=[entry.ci95[name] for name in _KS],
            hovertemplate="%{y:.3f} (95%: %{customdata[0]:.3f} to %{customdata[1]:.3f})",
        )
    return _framed(
        figure,
        x={"type": "category", "title_text": "K"},
        y={"range": [0, 1.03], "tickformat": ".1f"},
    )


def relative_gain(board: Board) -> go.Figure:
    """How much higher Recall@K is than the baseline's, in per cent of it; no bar where that is 0."""
    figure = go.Figure()
    width = 0.7 / len(board.others)
    coloured = list(_coloured(board.entries))[1:]
    gains: list[float] = [0.0]
    for place, ((entry, colour), comparison) in enumerate(zip(coloured, board.comparisons, strict=True)):
        relative = [comparison.metrics[name].relative_pct for name in _KS]
        gains += [gain for gain in relative if gain is not None]
        figure.add_bar(
            name=_plain(entry.label),
            x=_K_LABELS,
            y=relative,
            marker_color=colour,
            width=0.94 * width,
            offset=place * width - 0.35,
            text=["" if gain is None or len(coloured) > 2 else f"{gain:+.0f}%" for gain in relative],
            textposition="outside",
            constraintext="none",
            textfont={"size": 12, "color": TEXT},
            cliponaxis=False,
            hovertemplate="%{y:+.1f}%",
        )
    room = max(0.14 * (max(gains) - min(gains)), 2)  # for the figures above and below the bars
    low, high = min(gains), max(gains)
    return _framed(
        figure,
        x={"type": "category", "title_text": "K"},
        y={"range": [low - room if low < 0 else 0, high + room], "ticksuffix": "%", "zeroline": True},
    )


def published_lines(board: Board, published: Sequence[PublishedFigure]) -> go.Figure:
    """The reports' figures as dots, and a line for each published one; all are of the same metric."""
    metric = published[0].metric
    figure = go.Figure()
    for one in published:
        figure.add_scatter(
            name=_plain(one.model),
            x=[0, one.value],
            y=[_plain(one.model)] * 2,
            mode="lines+markers",
            line={"color": AXIS, "width": 2, "dash": "dot"},
            marker={"size": [0, 9], "color": TEXT, "symbol": "line-ns-open", "line": {"width": 2}},
            hovertemplate="%{x:.3f}",
        )
    for place, (entry, colour) in enumerate(_coloured(board.entries)):
        low, high = entry.ci95[metric]
        value = entry.figure(metric)
        figure.add_scatter(
            name=_plain(entry.label),
            x=[value],
            y=[_plain(entry.label)],
            mode="markers",
            marker={"size": 10, "color": colour, "symbol": SYMBOLS[place]},
            error_x=_error([high - value], [value - low]),
            hovertemplate="%{x:.3f}",
        )
    framed = _framed(
        figure,
        x={"range": [0, 1], "tickformat": ".1f", "title_text": TITLES[metric], "showgrid": True},
        y={"type": "category", "showgrid": False, "autorange": "reversed"},
    )
    return framed.update_layout(showlegend=False, hovermode="closest", margin={"t": 8})


def loss_curve(record: TrainingRecord) -> go.Figure:
    """Training loss of every step, its mean in each epoch, and the learning rate on an axis of its own."""
    steps = [step["step"] for step in record.steps]
    figure = go.Figure()
    figure.add_scatter(
        name="each step",
        x=steps,
        y=[step["loss"] for step in record.steps],
        mode="lines",
        line={"color": SERIES[0], "width": 1},
        hovertemplate="%{y:.4f}",
    )
    epochs = record.epoch_losses()
    figure.add_scatter(
        name="mean of the epoch",
        x=[step for epoch in epochs for step in (epoch.first, epoch.last, None)],
        y=[mean for epoch in epochs for mean in (epoch.mean, epoch.mean, None)],
        mode="lines+markers",
        line={"color": SERIES[1], "width": 2.5},
        marker={"size": 7, "color": SERIES[1], "symbol": SYMBOLS[1]},
        hovertemplate="%{y:.4f}",
    )
    figure.add_scatter(
        name="learning rate",
        x=steps,
        y=[step["learning_rate"] for step in record.steps],
        yaxis="y2",
        mode="lines",
        line={"color": SERIES[2], "width": 1.5, "dash": "dot"},
        hovertemplate="%{y:.2e}",
    )
    framed = _framed(figure, x={"title_text": "step", "dtick": 1 if len(steps) < 10 else None}, y=_FROM_ZERO)
    right = _AXIS | _FROM_ZERO | {"overlaying": "y", "side": "right", "exponentformat": "e", "nticks": 4}
    return framed.update_layout(yaxis2=right)


def count_bars(counts: Mapping[str, int]) -> go.Figure:
    """How many documents of each sort there are."""
    names = list(counts)
    figure = go.Figure()
    figure.add_bar(
        name="documents",
        x=names,
        y=list(counts.values()),
        marker_color=SERIES[0],
        width=0.6,
        text=[f"{count:,}" for count in counts.values()],
        textposition="outside",
        constraintext="none",
        textfont={"size": 12, "color": TEXT},
        cliponaxis=False,
        hovertemplate="%{y:,}",
    )
    highest = max(counts.values(), default=1)
    framed = _framed(figure, x={"type": "category"}, y={"range": [0, 1.14 * highest], "tickformat": ",d"})
    return framed.update_layout(showlegend=False, margin={"t": 8})


_AXIS: dict[str, Any] = {
    "showgrid": False,
    "zeroline": False,
    "zerolinecolor": AXIS,
    "linecolor": AXIS,
    "ticks": "",
    "tickfont": {"size": 12},
    "title_font": {"size": 12},
    "title_standoff": 6,
    "automargin": True,
    "fixedrange": True,
}
_FROM_ZERO: dict[str, Any] = {"rangemode": "tozero"}


def _framed(figure: go.Figure, x: dict[str, Any] | None = None, y: dict[str, Any] | None = None) -> go.Figure:
    """House style. The title stands in the panel's heading, not in the picture."""
    upright = {"showgrid": True, "gridcolor": GRID, "linecolor": CLEAR, "nticks": 5}
    return figure.update_layout(
        height=HEIGHT,
        autosize=True,
        margin={"l": 40, "r": 8, "t": 36, "b": 28},
        template="none",
        paper_bgcolor=SURFACE,
        plot_bgcolor=SURFACE,
        font={"family": "IBM Plex Sans, system-ui, sans-serif", "size": 12, "color": TEXT},
        hovermode="x unified",
        hoverlabel={"font_size": 12, "bgcolor": SURFACE, "bordercolor": AXIS},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yref": "container",
            "xanchor": "left",
            "yanchor": "top",
            "font": {"size": 12},
            "bgcolor": CLEAR,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        xaxis=_AXIS | (x or {}),
        yaxis=_AXIS | upright | (y or {}),
    )


def _coloured(entries: Sequence[Entry]) -> zip[tuple[Entry, str]]:
    return zip(entries, SERIES, strict=False)


def _whiskers(entry: Entry, metrics: Sequence[str]) -> dict[str, Any]:
    figures = [(entry.figure(name), *entry.ci95[name]) for name in metrics]
    return {
        "error_y": _error(
            [high - figure for figure, _, high in figures], [figure - low for figure, low, _ in figures]
        ),
        "customdata": [(low, high) for _, low, high in figures],
        "hovertemplate": "%{y:.3f} (95%: %{customdata[0]:.3f} to %{customdata[1]:.3f})",
    }


def _error(above: Sequence[float], below: Sequence[float]) -> dict[str, Any]:
    return {
        "type": "data",
        "array": above,
        "arrayminus": below,
        "thickness": 1.2,
        "width": 4,
        "color": TEXT,
    }


def _plain(text: str) -> str:
    """Plotly reads some HTML in labels: names are shown as they are."""
    return escape(visible(text))
