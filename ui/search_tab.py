"""The Search tab: its components and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace
from typing import Any, NamedTuple

import gradio as gr

from search_core.types import MAX_QUERY_CHARACTERS, Document, Mode
from ui import asks, states
from ui.asks import ANY, KS, Ask
from ui.code_html import rest_of_code
from ui.lanes import MODEL_MODES, lane_choices
from ui.markup import NOTHING
from ui.pieces import QUIET, html, relay
from ui.services import Services

TABS = ("search", "metrics", "train", "corpora")
POLL_S = 1.0
"""Seconds between looks at the preparation, only while there is one."""

# page.js fetches folded lines and whole texts through the element of a column.
_COLUMN = (
    relay("example", "clear", "retry")
    + """
element.closest('.block').fetchCode = {
  rest: (corpus, id, query) => server.rest([corpus, id, query]),
  text: (corpus, id) => server.text([corpus, id]),
};"""
)
_BUSY = "(...given) => { window.studio?.busy(); return given; }"
_SHOWN = "(...ask) => { window.studio?.shown(...ask); }"

_SEARCH: dict[str, Any] = {
    **QUIET,
    "concurrency_limit": 16,
    "concurrency_id": "search",
    "trigger_mode": "always_last",
}


@dataclass(frozen=True)
class Inputs:
    """The components that an Ask is read from, in its order."""

    q: gr.Textbox
    corpus: gr.Dropdown
    a: gr.Dropdown
    b: gr.Dropdown
    mode: gr.Radio
    k: gr.Dropdown
    language: gr.Dropdown
    path: gr.Textbox

    @staticmethod
    def ask(
        q: str | None, corpus: str, a: str, b: str, mode: Mode, k: int, language: str, path: str | None
    ) -> Ask:
        """The components' values as an Ask; Gradio sends None for a box that was never typed into."""
        return Ask(q or "", corpus, a, b, mode, k, language, path or "")

    @property
    def all(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


class Outputs(NamedTuple):
    """The components of Surroundings and Answers. made: the Ask that was answered, what was settled then."""

    head: gr.HTML
    banner: gr.HTML
    made: gr.State
    top: gr.HTML
    a: gr.HTML
    b: gr.HTML


def build(services: Services, page: gr.Blocks, head: gr.HTML, tabs: gr.Tabs) -> None:
    """Lay out the Search tab and wire its events; call inside the tab.

    head: shows the state of the corpus in view. tabs: of which a search from elsewhere selects this one.
    """
    inputs, go = _inputs(services)
    outputs = _outputs(services, head)
    _wire_searches(services, inputs, go, outputs)
    _wire_clicks(services, inputs, outputs)
    _wire_opening(services, page, inputs, outputs, tabs)
    _wire_links(services, inputs, outputs, tabs)


def _inputs(services: Services) -> tuple[Inputs, gr.Button]:
    ask, lanes = asks.default_ask(services), lane_choices(services.models)

    def choice(label: str, choices: list[Any], value: Any, **options: Any) -> gr.Dropdown:
        return gr.Dropdown(choices, value=value, label=label, interactive=True, **options)

    with gr.Row(elem_id="ask", equal_height=True):
        q = _query_box()
        go = gr.Button("Search", variant="primary", scale=0, min_width=96, elem_id="go")
    with gr.Row(elem_classes="cs-controls"):
        corpus = choice("Corpus", list(services.corpora), ask.corpus, min_width=150, scale=3)
        a = choice("Left", lanes, ask.a, min_width=130, scale=2)
        b = choice("Right", lanes, ask.b, min_width=130, scale=2)
        mode = gr.Radio(
            list(MODEL_MODES),
            value=ask.mode,
            label="Mode",
            interactive=True,
            min_width=170,
            scale=0,
            elem_classes="cs-segmented",
        )
        k = choice("Results", list(KS), ask.k, min_width=84, scale=0)
    with gr.Accordion("Filters", open=False, elem_id="filters"), gr.Row(elem_classes="cs-controls"):
        language = choice("Language", asks.languages(services, ask.corpus), ANY, min_width=140)
        path = gr.Textbox(
            label="Path", placeholder="src/**/*.py", max_lines=1, interactive=True, min_width=160
        )
    return Inputs(q, corpus, a, b, mode, k, language, path), go


def _query_box() -> gr.Textbox:
    return gr.Textbox(
        label="What should the code do?",
        placeholder="Describe what the code does, e.g. walk a directory tree",
        show_label=False,
        container=False,
        lines=1,
        max_lines=1,
        elem_id="query",
    )


def _outputs(services: Services, head: gr.HTML) -> Outputs:
    def document(corpus: Any, id: Any) -> Document | None:
        return services.document(str(corpus), str(id))

    def rest(given: list[Any]) -> str:
        """The folded lines of a card. given: corpus, document id, query."""
        corpus, id, query = given
        found = document(corpus, id)
        return rest_of_code(found, str(query)[:MAX_QUERY_CHARACTERS]) if found else NOTHING

    def text(given: list[Any]) -> str:
        """A document's text as it is. given: corpus, document id."""
        corpus, id = given
        found = document(corpus, id)
        return found.text if found else ""

    column: dict[str, Any] = {"js_on_load": _COLUMN, "server_functions": [rest, text]}
    banner = html(elem_id="banner")
    with gr.Column(elem_id="results"):
        top = html(elem_id="top", js_on_load=relay("example"))
        with gr.Row(elem_id="columns"):
            a, b = html(elem_id="column-a", **column), html(elem_id="column-b", **column)
        html(states.skeleton(), elem_id="skeleton")
    return Outputs(head, banner, gr.State(), top, a, b)


def _shown(services: Services, ask: Ask) -> tuple[Any, ...]:
    """Values of the Outputs."""
    head, banner, settled = asks.surroundings(services, ask)
    return head, banner, (ask, settled), *asks.answers(services, ask)


def _wire_searches(services: Services, inputs: Inputs, go: gr.Button, outputs: Outputs) -> None:
    def search(*values: Any) -> tuple[Any, ...]:
        return _shown(services, Inputs.ask(*values))

    def corpus_chosen(corpus: str) -> tuple[str, gr.Dropdown]:
        return asks.default_mode(corpus), gr.Dropdown(asks.languages(services, corpus), value=ANY)

    choices = (inputs.a, inputs.b, inputs.mode, inputs.k, inputs.language)
    triggers = [go.click, inputs.q.submit, inputs.path.submit, *(choice.input for choice in choices)]
    searched = gr.on(triggers, search, inputs.all, list(outputs), js=_BUSY, **_SEARCH)
    searched.then(None, inputs.all, None, js=_SHOWN)
    chosen = inputs.corpus.input(
        corpus_chosen, inputs.corpus, [inputs.mode, inputs.language], js=_BUSY, **QUIET
    )
    searched = chosen.then(search, inputs.all, list(outputs), **_SEARCH)
    searched.then(None, inputs.all, None, js=_SHOWN)


def _wire_clicks(services: Services, inputs: Inputs, outputs: Outputs) -> None:
    def act(event: gr.EventData, *values: Any) -> tuple[Any, ...]:
        """An example, the same search without filters, or the same search again."""
        ask, clicked = Inputs.ask(*values), event._data
        match clicked.get("do"):
            case "example":
                ask = replace(ask, q=str(clicked.get("query", ""))[:MAX_QUERY_CHARACTERS])
            case "clear":
                ask = replace(ask, language=ANY, path="")
        return ask.q, ask.language, ask.path, *_shown(services, ask)

    changed = [inputs.q, inputs.language, inputs.path, *outputs]
    for piece in (outputs.top, outputs.a, outputs.b):
        piece.act(act, inputs.all, changed, js=_BUSY, **_SEARCH).then(None, inputs.all, None, js=_SHOWN)


def _wire_opening(
    services: Services, page: gr.Blocks, inputs: Inputs, outputs: Outputs, tabs: gr.Tabs
) -> None:
    """Show what the address asks for, and show it anew when what it waits for is ready."""
    timer = gr.Timer(POLL_S, active=False)

    def running() -> gr.Timer:
        return gr.Timer(active=services.preparing)

    def opened(request: gr.Request) -> tuple[Any, ...]:
        tab = request.query_params.get("tab")
        selected = gr.Tabs(selected=tab if tab in TABS else "search")
        return selected, running(), *_linked(services, request.query_params)

    def look(made: tuple[Ask, tuple[bool, ...]] | None) -> tuple[Any, ...]:
        if made is None:  # the server has dropped this visitor's session
            return gr.Timer(active=False), *[gr.skip()] * 7
        ask, settled_then = made
        head, banner, settled = asks.surroundings(services, ask)
        if settled == settled_then:
            return running(), gr.skip(), head, banner, *[gr.skip()] * 4
        return running(), gr.Dropdown(asks.languages(services, ask.corpus)), *_shown(services, ask)

    page.load(opened, None, [tabs, timer, *inputs.all, *outputs], **QUIET).then(
        None, inputs.all, None, js=_SHOWN
    )
    timer.tick(look, outputs.made, [timer, inputs.language, *outputs], queue=False, **QUIET).then(
        None, None, None, js="() => window.studio?.refreshed()"
    )


def _wire_links(services: Services, inputs: Inputs, outputs: Outputs, tabs: gr.Tabs) -> None:
    """A link with `data-open` on any tab opens its search here: page.js hands its address to the head."""

    def follow(event: gr.EventData) -> tuple[Any, ...]:
        link = {str(name): str(value) for name, value in event._data.items()}
        return gr.Tabs(selected="search"), *_linked(services, link)

    opened = outputs.head.open(follow, None, [tabs, *inputs.all, *outputs], js=_BUSY, **_SEARCH)
    opened.then(None, inputs.all, None, js=_SHOWN)


def _linked(services: Services, link: Mapping[str, str]) -> tuple[Any, ...]:
    """Values of the Inputs and the Outputs for a permalink."""
    ask = asks.linked_ask(services, link)
    *values, _, path = astuple(ask)
    language = gr.Dropdown(asks.languages(services, ask.corpus), value=ask.language)
    return *values, language, path, *_shown(services, ask)
