"""The Train tab: its components and what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from search_core.types import StudioError
from train.config import METHODS, Method
from train.run import Run
from ui.access import Access
from ui.markup import NOTHING
from ui.offering.services import Services
from ui.pieces import QUIET, html, relay, told
from ui.training import publish_form
from ui.training.pair_counts import Counted
from ui.training.pair_panel import estimate_line, pair_panel, problem_line
from ui.training.publish_form import PublishForm, publication
from ui.training.run_list import RunRow, RunRows, runs_table
from ui.training.run_panel import damaged_run, no_runs, run_panel, search_link
from ui.training.runs import KNOBS, Form, RunView, Training

POLL_S = 1.0
"""Seconds between looks, only while a run lives, pairs are counted or a model is published."""

# Where a click leads: to a run's panel and address, or to a search.
_GO = """(go) => {
  if (go?.run !== undefined) {
    window.studio.address({run: go.run});
    const panel = document.querySelector("#run"), top = panel.getBoundingClientRect().top;
    if (top < 0 || top > innerHeight / 2) panel.scrollIntoView();
  }
  if (go?.search) document.querySelector("#head").openSearch(go.search);
}"""
_HEAD = Markup('<div class="cs-panelhead"><h2>New run</h2><p>fine-tune a model on your own code</p></div>')
_DEVELOPMENT = Markup(
    '<p class="cs-hint">A development share above 0 keeps that part of the functions out of training: '
    "the loss on them is a second curve, and chooses the best checkpoint.</p>"
)
_VISITOR = Markup('<p class="cs-hint">Runs are open to everybody; starting them is for the owner. {}</p>')


@dataclass(frozen=True)
class Seen:
    """What a session has before it.

    run: whose panel. page: of the samples. asked: whether deleting the run is to be confirmed.
    shown: hash of each piece's markup. While something goes on only what changed is sent; the last look sends
    everything, for an answer may have overtaken an earlier one.
    """

    run: str = ""
    page: int = 0
    asked: bool = False
    shown: tuple[int, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """The form's components; see Form."""

    corpus: gr.Dropdown
    base_model: gr.Dropdown
    method: gr.Radio
    knobs: Sequence[gr.Number]
    judgments: gr.Checkbox
    guard: gr.Checkbox

    @property
    def all(self) -> list[Any]:
        return [self.corpus, self.base_model, self.method, self.judgments, self.guard, *self.knobs]

    @staticmethod
    def form(
        corpus: str | None,
        base_model: str | None,
        method: Method,
        judgments: bool,
        guard: bool,
        *knobs: float | None,
    ) -> Form:
        return Form(corpus, base_model, method, dict(zip(KNOBS, knobs, strict=True)), judgments, guard)


class Outputs(NamedTuple):
    """The components that a look at the runs may change."""

    timer: gr.Timer
    seen: gr.State
    pairs: gr.HTML
    hint: gr.HTML
    run: gr.HTML
    runs: gr.HTML
    publication: gr.HTML
    publish: gr.Column
    what: gr.Radio
    preview: gr.Column


class TrainTab:
    """What the listeners share."""

    def __init__(self, services: Services, access: Access, obstacle: str) -> None:
        self.services = services
        self.access = access
        self.training = Training(services, obstacle)
        self.rows = RunRows()

    def chosen(self, request: gr.Request, rows: Sequence[RunRow], id: str | None) -> Run:
        """The run that was given, or that the address names; else one that lives, else the newest.

        rows: of all runs, the newest first. Raises StudioError where there are none.
        """
        wanted = request.query_params.get("run") if id is None else id
        ids = [row.id for row in rows]
        if wanted in ids:
            return self.training.find(wanted)
        if not rows:
            raise StudioError("There is no run yet.")
        alive = [row.id for row in rows if row.goes_on]
        return self.training.find(alive[-1] if alive else ids[0])

    def shown(self, seen: Seen) -> Run:
        """The run whose panel a session has before it. Raises StudioError where it is gone."""
        return self.training.find(seen.run)

    def look(self, request: gr.Request, seen: Seen, form: Form, id: str | None = None) -> tuple[Any, ...]:
        """Values of the Outputs. id: of a run that was just chosen."""
        is_owner = self.access.is_owner(request)
        # Asked before anything else: what is shown as under way is looked at again.
        publishing = self.training.publishing.under_way is not None
        rows = self.rows.of(self.training.runs())
        counted = self.training.counted(form) if is_owner else Counted()
        busy = (
            publishing
            or any(row.goes_on for row in rows)
            or (is_owner and form.corpus is not None and (counted is None or counted.stage == "counting"))
        )
        run: Run | None = None
        view: RunView | None = None
        damage = ""
        try:
            run = self.chosen(request, rows, id)
            view = self.training.view(run)
        except (OSError, StudioError) as error:  # there is none, or its files are damaged or just deleted
            damage = str(error)
        run_id = run.id if run else ""
        if run_id != seen.run:
            seen = replace(seen, run=run_id, asked=False)
            preview: Any = gr.Column(visible=False)
        else:
            preview = gr.skip()
        pieces = (
            self._pairs(form, seen, counted) if is_owner else NOTHING,
            self._hint(form, counted) if is_owner else _VISITOR.format(self.access.hint),
            damaged_run(run_id, damage, is_owner=is_owner)
            if run and not view
            else self._run(view, is_owner, seen.asked),
            runs_table(rows, run_id),
            publication(self.training.publishing.of(run_id))
            if view and view.finished and is_owner
            else NOTHING,
        )
        shown = tuple(map(hash, pieces))
        sent = [
            gr.skip() if old == new and busy else piece
            for piece, old, new in zip(pieces, seen.shown or [None] * len(pieces), shown, strict=True)
        ]
        has_adapter = view is not None and view.config.method == "lora"
        return (
            gr.Timer(active=busy),
            replace(seen, shown=shown),
            *sent,
            gr.Column(visible=bool(view and view.finished and is_owner)),
            gr.Radio(visible=has_adapter),
            preview,
        )

    def _pairs(self, form: Form, seen: Seen, counted: Counted | None) -> Markup:
        corpus = self.services.corpus(form.corpus) if form.corpus else None
        return pair_panel(counted, seen.page, next(iter(corpus.languages), None) if corpus else None)

    def _hint(self, form: Form, counted: Counted | None) -> Markup:
        if self.training.obstacle:
            return problem_line(self.training.obstacle)
        try:
            found = self.training.estimate(form)
        except StudioError as error:
            return problem_line(str(error))
        return estimate_line(found, must_fetch=counted is not None and counted.stage == "ready")

    def _run(self, view: RunView | None, is_owner: bool, asked: bool) -> Markup:
        if view is None:
            return no_runs(is_owner=is_owner)
        return run_panel(
            view, is_owner=is_owner, is_offered=view.folder in self.services.models, asks_to_delete=asked
        )


def build(services: Services, access: Access, tab: gr.Tab, obstacle: str) -> None:
    """Lay out the Train tab and wire its events; call inside the tab.

    obstacle: why no run can be started on this machine, as a sentence; empty where one can.
    """
    it = TrainTab(services, access, obstacle)
    timer, seen = gr.Timer(POLL_S, active=False), gr.State(Seen())
    with gr.Row(elem_classes="cs-split", elem_id="train"):
        # Where visitors are owners the room is kept from the start, so that nothing jumps. The form itself
        # waits for its values: a number that is shown without one turns to 0.
        with (
            gr.Column(min_width=320, scale=2, visible=access.way_in == "open", elem_id="owner") as room,
            gr.Column(elem_classes="cs-stack", visible=False) as owners,
        ):
            inputs, start, hint = _form(services)
            pairs = html(elem_id="pairs", js_on_load=relay("others"))
        with gr.Column(min_width=320, scale=5, elem_classes="cs-stack", elem_id="runs-column"):
            run = html(
                elem_id="run", js_on_load=relay("stop", "resume", "compare", "delete", "confirm", "keep")
            )
            publish = publish_form.build(it.training.publishing, access, it.shown, seen, timer)
            runs = html(elem_id="runs", js_on_load=relay("choose"))
    go = gr.JSON(visible=False)
    outputs = _outputs(timer, seen, pairs, hint, run, runs, publish)
    _wire_opening(it, tab, [room, owners], inputs, outputs)
    _wire_form(it, inputs, start, go, outputs)
    _wire_clicks(it, inputs, go, outputs)


def _outputs(
    timer: gr.Timer,
    seen: gr.State,
    pairs: gr.HTML,
    hint: gr.HTML,
    run: gr.HTML,
    runs: gr.HTML,
    publish: PublishForm,
) -> Outputs:
    panel, what, preview, status = publish
    return Outputs(timer, seen, pairs, hint, run, runs, status, panel, what, preview)


def _form(services: Services) -> tuple[Inputs, gr.Button, gr.HTML]:
    def number(name: str) -> gr.Number:
        return gr.Number(label=KNOBS[name], interactive=True, min_width=110)

    with gr.Column(elem_classes="cs-panel cs-form", elem_id="new-run"):
        html(_HEAD)
        corpus = gr.Dropdown(list(services.corpora), label="Corpus", interactive=True)
        base_model = gr.Dropdown(list(services.models), label="Base model", interactive=True)
        method = gr.Radio(
            list(METHODS), value=METHODS[-1], label="Method", interactive=True, elem_classes="cs-segmented"
        )
        with gr.Row():
            knobs = [number(name) for name in KNOBS]
        html(_DEVELOPMENT)
        judgments = gr.Checkbox(False, label="Use right and wrong marks", interactive=True)
        guard = gr.Checkbox(
            True, label="Measure on the standard library, too: has it forgotten?", interactive=True
        )
        start = gr.Button("Start training", variant="primary", elem_id="start")
        hint = html(elem_id="estimate")
    return Inputs(corpus, base_model, method, knobs, judgments, guard), start, hint


def _wire_opening(
    it: TrainTab, tab: gr.Tab, owners: list[gr.Column], inputs: Inputs, outputs: Outputs
) -> None:
    """Fill the tab when it is chosen, also by the address; look again each second while something goes on."""

    def opened(request: gr.Request, seen: Seen, *values: Any) -> tuple[Any, ...]:
        form = it.training.filled(Inputs.form(*values))
        marks = len(it.training.marks(form.corpus))
        return (
            *[gr.Column(visible=it.access.is_owner(request))] * len(owners),
            gr.Dropdown(list(it.services.corpora), value=form.corpus),
            gr.Dropdown(it.training.base_models, value=form.base_model),
            gr.skip(),
            _marks_box(marks),
            gr.skip(),
            *form.knobs.values(),
            *it.look(request, replace(seen, shown=()), form),
        )

    def look(request: gr.Request, seen: Seen, *values: Any) -> tuple[Any, ...]:
        return it.look(request, seen, Inputs.form(*values))

    def left(event: gr.SelectData) -> Any:
        return gr.skip() if event.value == tab.label else gr.Timer(active=False)

    given = [outputs.seen, *inputs.all]
    tab.select(opened, given, [*owners, *inputs.all, *outputs], **QUIET)
    tab.parent.select(left, None, outputs.timer, **QUIET)
    outputs.timer.tick(look, given, list(outputs), queue=False, **QUIET)


def _marks_box(marks: int) -> gr.Checkbox:
    return gr.Checkbox(label=f"Use right and wrong marks ({marks:,})", interactive=marks > 0)


def _wire_form(it: TrainTab, inputs: Inputs, start: gr.Button, go: gr.JSON, outputs: Outputs) -> None:
    given = [outputs.seen, *inputs.all]

    def changed(request: gr.Request, seen: Seen, *values: Any) -> tuple[Any, ...]:
        return it.look(request, replace(seen, page=0), Inputs.form(*values))

    def corpus_chosen(corpus: str | None) -> gr.Checkbox:
        return _marks_box(len(it.training.marks(corpus)))

    def method_chosen(method: Method) -> float:
        return it.training.recipe(method)["learning_rate"]

    @told
    def begin(request: gr.Request, seen: Seen, *values: Any) -> tuple[Any, ...]:
        it.access.require(request, "Training")
        form = Inputs.form(*values)
        run = it.training.start(form)
        return {"run": run.id}, *it.look(request, seen, form, run.id)

    rate = inputs.knobs[list(KNOBS).index("learning_rate")]
    inputs.corpus.input(corpus_chosen, inputs.corpus, inputs.judgments, **QUIET).then(
        changed, given, list(outputs), **QUIET
    )
    inputs.method.input(method_chosen, inputs.method, rate, **QUIET).then(
        changed, given, list(outputs), **QUIET
    )
    others = [inputs.base_model, inputs.judgments, inputs.guard, *inputs.knobs]
    gr.on([one.input for one in others], changed, given, list(outputs), trigger_mode="always_last", **QUIET)
    begun = start.click(begin, given, [go, *outputs], **QUIET)
    begun.success(None, go, None, js=_GO)


def _wire_clicks(it: TrainTab, inputs: Inputs, go: gr.JSON, outputs: Outputs) -> None:
    @told
    def act(event: gr.EventData, request: gr.Request, seen: Seen, *values: Any) -> tuple[Any, ...]:
        """A button of the run's panel, of the history or of the samples."""
        do, id = str(event._data.get("do")), str(event._data.get("id"))
        form, training = Inputs.form(*values), it.training
        if do == "choose":
            return {"run": id}, *it.look(request, seen, form, id)
        if do == "others":
            return None, *it.look(request, replace(seen, page=seen.page + 1), form)
        it.access.require(request, "Changing a run")
        run, target = training.find(id), None
        match do:
            case "stop":
                training.stop(run)
            case "resume":
                training.resume(run)
            case "compare":
                if str(run.folder) not in it.services.models:
                    it.services.add_model(str(run.folder))
                target = {"search": search_link(training.view(run))}
            case "delete" | "keep":
                return None, *it.look(request, replace(seen, asked=do == "delete"), form, id)
            case "confirm":
                training.delete(run)
                return {"run": ""}, *it.look(request, seen, form, "")
        return target, *it.look(request, seen, form, id)

    for piece in (outputs.run, outputs.runs, outputs.pairs):
        clicked = piece.act(act, [outputs.seen, *inputs.all], [go, *outputs], **QUIET)
        clicked.success(None, go, None, js=_GO)
