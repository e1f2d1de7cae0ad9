"""The board of the Metrics tab as components, and the list of reports that it is chosen from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from search_core.types import StudioError
from ui.markup import NOTHING, join
from ui.metrics import states
from ui.metrics.board import Board, board_of
from ui.metrics.board_charts import CHARTS, board_charts
from ui.metrics.downloads import CSV, HTML, JSON, Contents, Download, figures_csv, queries_csv, summary_json
from ui.metrics.evaluations import Evaluations, StoredReport
from ui.metrics.figures import (
    figures_table,
    judged_on,
    measured_panel,
    published_panel,
    tiles,
    training_panel,
    versus,
)
from ui.metrics.report_html import report_html
from ui.metrics.states import View
from ui.metrics.training_record import TrainingRecord, training_of
from ui.offering.services import Services
from ui.pieces import html, relay

DOWNLOADS = {
    "figures.csv": Download("Figures, CSV", CSV, figures_csv),
    "queries.csv": Download("Queries, CSV", CSV, queries_csv),
    "final_summary.json": Download("Summary, JSON", JSON, summary_json),
    "report.html": Download("Report, HTML", HTML, report_html),
}
"""By the name of the file."""

# A download is made when asked for and handed to the browser as a blob: nothing is left on the server.
_SAVE = """element.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-download]');
  if (!button || button.disabled) return;
  const bar = button.closest('[data-reports]'), note = bar.querySelector('[role=status]');
  button.disabled = true;
  note.textContent = 'Making it …';
  try {
    const made = await server.download([button.dataset.download, bar.dataset.reports]);
    note.textContent = made.error;
    if (made.error) return;
    const address = URL.createObjectURL(new Blob([made.text], {type: made.type}));
    Object.assign(document.createElement('a'), {href: address, download: made.name}).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  } catch {
    note.textContent = 'It could not be made: is the studio still running?';
  } finally {
    button.disabled = false;
  }
});"""

Values = dict[Any, Any]
"""Component to value, as listeners return them; what is not there stays as it is."""


@dataclass(frozen=True)
class Pieces:
    """view: a View. note: what stands in the place of the board. panels, plots: by the name of the chart."""

    view: gr.State
    note: gr.HTML
    board: gr.Column
    head: gr.HTML
    panels: Mapping[str, gr.Column]
    plots: Mapping[str, gr.Plot]
    training: gr.HTML
    published: gr.HTML
    figures: gr.HTML
    queries: gr.HTML
    measured: gr.HTML
    reports: gr.HTML

    @property
    def all(self) -> list[Any]:
        single = [self.view, self.note, self.board, self.head, self.training, self.published, self.figures]
        return [
            *single,
            self.queries,
            self.measured,
            self.reports,
            *self.panels.values(),
            *self.plots.values(),
        ]


class MetricsBoard:
    """Lays the pieces out; call inside the tab. The methods say what they hold for a View."""

    def __init__(self, services: Services, evaluations: Evaluations) -> None:
        self._services = services
        self._evaluations = evaluations
        self.pieces = self._laid_out()

    def _laid_out(self) -> Pieces:
        def download(given: list[Any]) -> dict[str, str]:
            """given: a name of DOWNLOADS, and the ids of the board's reports with commas between."""
            name, ids = (str(value) for value in given)
            return self.download(name, tuple(ids.split(",")))

        view, note = gr.State(View()), html(elem_id="board-note")
        with gr.Column(visible=False, elem_id="board") as board:
            head = html(elem_id="board-head", js_on_load=relay("other") + _SAVE, server_functions=[download])
            with gr.Row(elem_classes="cs-charts"):
                charts = {name: _chart(name, *words) for name, words in CHARTS.items()}
                training, published = html(elem_id="board-training"), html(elem_id="board-published")
            with gr.Row(elem_classes="cs-charts"):
                figures = html(elem_id="board-figures")
                queries = html(elem_id="board-queries", js_on_load=relay("which", "order", "page"))
            measured = html(elem_id="board-measured")
        return Pieces(
            view,
            note,
            board,
            head,
            {name: column for name, (column, _) in charts.items()},
            {name: plot for name, (_, plot) in charts.items()},
            training,
            published,
            figures,
            queries,
            measured,
            reports=html(elem_id="reports", js_on_load=relay("pick")),
        )

    def shown(self, view: View) -> Values:
        """All of a view."""
        reports = self._evaluations.reports()
        by_id = {stored.id: stored for stored in reports}
        picked = [by_id[id] for id in view.reports if id in by_id]
        unknown = [id for id in view.reports if id not in by_id]
        view = states.left_of(view, by_id)
        if len(picked) < 2:
            note = states.choose_more(len(picked), unknown) if reports else states.empty()
            return self._without_board(view, reports, note)
        try:
            board = board_of(*picked)
        except StudioError as error:
            return self._without_board(view, reports, states.incomparable(str(error)))
        return self._with_board(view, reports, board)

    def picked(self, view: View, id: str) -> View:
        """The view after the switch of a report was pressed."""
        return states.picked_with(view, id, self._evaluations.reports())

    def of_other(self, view: View) -> Values:
        """What depends on which of the others is set against the baseline. Raises as `queries`."""
        board = self._board(view.reports)
        return self._of_other(view, board) | {self.pieces.queries: self._queries(view, board)}

    def queries(self, view: View) -> Values:
        """Raises StudioError where a report is not there any more."""
        return {self.pieces.view: view, self.pieces.queries: self._queries(view, self._board(view.reports))}

    def download(self, name: str, ids: Sequence[str]) -> dict[str, str]:
        """The file's name, type and text; or the error, empty where there is none."""
        made = DOWNLOADS.get(name)
        if made is None:
            return {"error": f"There is no download {name!r}."}
        try:
            board = self._board(ids)
        except StudioError as error:
            return {"error": str(error)}
        contents = Contents(board, self._services.corpus(board.report.corpus), self._records(board))
        return {"name": name, "type": made.type, "text": made.make(contents), "error": ""}

    def _board(self, ids: Sequence[str]) -> Board:
        by_id = {stored.id: stored for stored in self._evaluations.reports()}
        if missing := [id for id in ids if id not in by_id]:
            raise StudioError(f"These reports are not here any more: {', '.join(missing)}.")
        return board_of(*(by_id[id] for id in ids))

    def _records(self, board: Board) -> list[TrainingRecord | None]:
        return [training_of(entry.stored, self._services.settings) for entry in board.others]

    def _queries(self, view: View, board: Board) -> Markup:
        return states.queries_panel(board, view, self._services.corpora, self._services.models)

    def _with_board(self, view: View, reports: Sequence[StoredReport], board: Board) -> Values:
        pieces = self.pieces
        return {
            pieces.note: NOTHING,
            pieces.board: gr.Column(visible=True),
            pieces.published: published_panel(board) if board.published else NOTHING,
            pieces.figures: figures_table(board),
            pieces.queries: self._queries(view, board),
            pieces.measured: measured_panel(board),
            pieces.reports: states.report_list(reports, view.reports, board),
        } | self._of_other(view, board)

    def _without_board(self, view: View, reports: Sequence[StoredReport], note: Markup) -> Values:
        pieces = self.pieces
        return {
            pieces.view: view,
            pieces.note: note,
            pieces.board: gr.Column(visible=False),
            pieces.reports: states.report_list(reports, view.reports),
        }

    def _of_other(self, view: View, board: Board) -> Values:
        pieces = self.pieces
        record = self._records(board)[view.other]
        charts = board_charts(board, self._services.corpus(board.report.corpus), record)
        return {
            pieces.view: view,
            pieces.head: _head(board, view),
            pieces.training: training_panel(record) if record else NOTHING,
            **{
                pieces.panels[name]: gr.Column(visible=chart.figure is not None)
                for name, chart in charts.items()
            },
            **{pieces.plots[name]: chart.figure for name, chart in charts.items()},
        }


def _chart(name: str, title: str, note: str) -> tuple[gr.Column, gr.Plot]:
    with gr.Column(elem_classes="cs-panel", min_width=320) as column:
        html(Markup('<div class="cs-panelhead"><h2>{}</h2><p>{}</p></div>').format(title, note))
        plot = gr.Plot(show_label=False, container=False, elem_id=f"plot-{name}", elem_classes="cs-plot")
    return column, plot


def _head(board: Board, view: View) -> Markup:
    buttons = join(
        Markup(
            '<button type="button" class="cs-pill" data-download="{}">'
            '<span aria-hidden="true">↓ </span>{}</button>'
        ).format(name, download.label)
        for name, download in DOWNLOADS.items()
    )
    return Markup(
        '<div data-reports="{}">{}<div class="cs-boardbar">{}<div class="cs-pills" role="group" '
        'aria-label="Download">{}<span role="status"></span></div></div></div>{}'
    ).format(
        ",".join(board.ids), judged_on(board), versus(board, view.other), buttons, tiles(board, view.other)
    )
