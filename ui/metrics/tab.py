"""The Metrics tab: evaluations are started here, and their reports compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from search_core.types import PROTOCOLS
from ui.access import Access
from ui.lanes import MODEL_MODES
from ui.metrics import states
from ui.metrics.evaluations import Evaluations, chosen_split, evaluation_choices, is_dataset
from ui.metrics.panel import MetricsBoard, Values
from ui.metrics.states import View
from ui.offering.services import Services
from ui.pieces import QUIET, html, told

POLL_S = 1.0
"""Seconds between looks at evaluations, only while there are any."""

_ADDRESS = """() => window.studio?.address({
  reports: document.querySelector('#reports [data-board]')?.dataset.board ?? '',
})"""


@dataclass(frozen=True)
class Inputs:
    """The components that an evaluation is started with."""

    corpus: gr.Dropdown
    split: gr.Dropdown
    protocol: gr.Radio
    mode: gr.Radio
    models: gr.Dropdown
    go: gr.Button

    @property
    def given(self) -> list[Any]:
        """In the order of `Evaluations.start`."""
        return [self.corpus, self.split, self.models, self.mode, self.protocol]


@dataclass(frozen=True)
class Watch:
    """What a visitor waits for. jobs: numbers. settled: how many of all were over at the last look."""

    jobs: tuple[int, ...] = ()
    settled: int = 0


@dataclass(frozen=True)
class Watching:
    """watch: a Watch; None before the tab is opened, and where the server has dropped a visitor's session."""

    watch: gr.State
    status: gr.HTML
    timer: gr.Timer

    @property
    def all(self) -> list[Any]:
        return [self.watch, self.status, self.timer]


def build(services: Services, access: Access, tab: gr.Tab, evaluations: Evaluations) -> None:
    """Lay out the Metrics tab and wire its events; call inside the tab."""
    inputs = _inputs()
    watching = Watching(gr.State(), html(elem_id="evaluating"), gr.Timer(POLL_S, active=False))
    board = MetricsBoard(services, evaluations)
    _wire_opening(services, access, tab, evaluations, inputs, watching, board)
    _wire_evaluations(evaluations, access, inputs, watching, board)
    _wire_clicks(board)


def _inputs() -> Inputs:
    def choice(label: str, **options: Any) -> gr.Dropdown:
        return gr.Dropdown([], label=label, interactive=True, **options)

    def switch(label: str, choices: Sequence[str], **options: Any) -> gr.Radio:
        shape = {"scale": 0, "elem_classes": "cs-segmented", **options}
        return gr.Radio(list(choices), value=choices[0], label=label, interactive=True, **shape)

    with gr.Row(elem_classes="cs-controls", elem_id="evaluate"):
        corpus = choice("Corpus", min_width=150, scale=3)
        split = choice("Split", min_width=130, scale=2)
        protocol = switch("Protocol", PROTOCOLS, min_width=170, visible=False)
        mode = switch("Mode", MODEL_MODES, min_width=150)
        models = choice(
            "Models, the baseline first", multiselect=True, min_width=200, scale=4, elem_id="evaluate-models"
        )
        go = gr.Button("Evaluate", variant="primary", scale=0, min_width=104, interactive=False)
    return Inputs(corpus, split, protocol, mode, models, go)


def _hints(access: Access) -> Callable[[gr.Request], str]:
    def hint(request: gr.Request) -> str:
        if access.is_owner(request):
            return "The first model is the baseline. Evaluating the same again replaces its report."
        return f"Evaluating is for the owner of this studio; the reports are open to everyone. {access.hint}"

    return hint


def _status(evaluations: Evaluations, own: Sequence[int], hint: str) -> Markup:
    """Of what runs, whoever started it, and of a visitor's own jobs."""
    jobs = [job for job in evaluations.jobs() if job.number in own or not job.step.settled]
    return states.status(jobs, time.monotonic(), hint=hint)


def _settled(evaluations: Evaluations) -> int:
    return sum(job.step.settled for job in evaluations.jobs())


def _wire_opening(
    services: Services,
    access: Access,
    tab: gr.Tab,
    evaluations: Evaluations,
    inputs: Inputs,
    watching: Watching,
    board: MetricsBoard,
) -> None:
    """Fill the tab when it is chosen: with the reports that the address names, or the newest."""
    pieces, hint = board.pieces, _hints(access)

    def opened(request: gr.Request, corpus: str | None, models: list[str], view: View) -> Values:
        if not view.reports:
            linked = tuple(filter(None, request.query_params.get("reports", "").split(",")))
            view = View(linked) if linked else states.newest_together(evaluations.reports())
        choices = evaluation_choices(services.models)
        kept = [model for model in models if model in choices]
        first = next(iter(services.corpora), None)
        running = evaluations.running  # asked first: what is shown as under way is looked at again
        return {
            inputs.corpus: gr.Dropdown(
                list(services.corpora), value=corpus if corpus in services.corpora else first
            ),
            inputs.models: gr.Dropdown(choices, value=kept or choices[:2]),
            inputs.go: gr.Button(interactive=access.is_owner(request)),
            watching.watch: Watch(settled=_settled(evaluations)),
            watching.status: _status(evaluations, (), hint(request)),
            watching.timer: gr.Timer(active=running),
        } | board.shown(view)

    @told
    def splits(corpus: str | None, split: str | None, protocol: str) -> Values:
        """What was chosen before stays where it can."""
        is_read = all(step.settled for step in services.steps(corpus or "")[:1])
        counts = evaluations.splits(corpus) if corpus and corpus in services.corpora else {}
        choices = [(f"{split} · {_queries(count)}", split) for split, count in counts.items()]
        is_judged = corpus is not None and is_dataset(corpus)
        return {
            inputs.split: gr.Dropdown(choices, value=chosen_split(counts, split)),
            inputs.protocol: gr.Radio(value=protocol if is_judged else PROTOCOLS[0], visible=is_judged),
            unread: gr.Timer(active=not counts and not is_read),
        }

    filled = [inputs.corpus, inputs.models, inputs.go, *watching.all, *pieces.all]
    chosen = tab.select(opened, [inputs.corpus, inputs.models, pieces.view], filled, **QUIET)
    chosen.then(None, None, None, js=_ADDRESS)
    unread = gr.Timer(POLL_S, active=False)  # while there are no splits yet, for the corpus is being read
    given = [inputs.corpus, inputs.split, inputs.protocol]
    for event in (chosen.then, inputs.corpus.input, unread.tick):
        event(splits, given, [inputs.split, inputs.protocol, unread], **QUIET)


def _queries(count: int) -> str:
    return f"{count:,} {'query' if count == 1 else 'queries'}"


def _wire_evaluations(
    evaluations: Evaluations, access: Access, inputs: Inputs, watching: Watching, board: MetricsBoard
) -> None:
    """Start evaluations, say how far they are, and show what they came to."""
    pieces, hint = board.pieces, _hints(access)

    @told
    def start(request: gr.Request, corpus: Any, split: Any, models: Any, mode: Any, protocol: Any) -> Values:
        access.require(request, "Evaluating")
        numbers = evaluations.start(corpus, split, models or [], mode, protocol)
        return {
            watching.watch: Watch(numbers, _settled(evaluations)),
            watching.status: _status(evaluations, numbers, hint(request)),
            watching.timer: gr.Timer(active=True),
        }

    def look(request: gr.Request, watch: Watch | None, view: View) -> Values:
        if watch is None:  # the view is lost with the session: what is shown stays
            return {watching.timer: gr.Timer(active=False)}
        running = evaluations.running
        values: Values = {
            watching.status: _status(evaluations, watch.jobs, hint(request)),
            watching.timer: gr.Timer(active=running),
        }
        settled = _settled(evaluations)
        if settled == watch.settled:
            return values
        own = [job for job in evaluations.jobs() if job.number in watch.jobs]
        made = tuple(dict.fromkeys(job.report for job in own if job.report))
        if made and all(job.step.settled for job in own):
            view, watch = View(made), Watch()
        return values | {watching.watch: replace(watch, settled=settled)} | board.shown(view)

    inputs.go.click(start, inputs.given, watching.all, **QUIET)
    looked = watching.timer.tick(
        look, [watching.watch, pieces.view], [*watching.all, *pieces.all], queue=False, **QUIET
    )
    looked.then(None, None, None, js=_ADDRESS)


def _wire_clicks(board: MetricsBoard) -> None:
    pieces = board.pieces

    def pick(event: gr.EventData, view: View) -> Values:
        return board.shown(board.picked(view, str(event._data.get("id"))))

    @told
    def set_against(event: gr.EventData, view: View) -> Values:
        last = len(view.reports) - 2
        return board.of_other(replace(view, other=min(_number(event), last), page=0))

    @told
    def walk(event: gr.EventData, view: View) -> Values:
        match event._data.get("do"):
            case "which":
                asked = event._data.get("query")
                which = next((which for which in states.WHICH if which == asked), view.which)
                view = replace(view, which=which, gains_first=which != "worse", page=0)
            case "order":
                view = replace(view, gains_first=not view.gains_first, page=0)
            case "page":
                view = replace(view, page=_number(event))
        return board.queries(view)

    pieces.reports.act(pick, pieces.view, pieces.all, **QUIET).then(None, None, None, js=_ADDRESS)
    pieces.head.act(set_against, pieces.view, pieces.all, **QUIET)
    pieces.queries.act(walk, pieces.view, [pieces.view, pieces.queries], **QUIET)


def _number(event: gr.EventData) -> int:
    given = str(event._data.get("query"))
    return int(given) if given.isascii() and given.isdigit() else 0
