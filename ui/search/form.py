"""The components of the Search tab, and how they are filled. What they do is in tab.py."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import gradio as gr

from search_core.types import MAX_QUERY_CHARACTERS, Document, Mode
from ui import states
from ui.code_html import rest_of_code
from ui.lanes import MODEL_MODES, lane_choices
from ui.offering.services import Services
from ui.pieces import html, relay
from ui.search import asks
from ui.search.asks import ANY, KS, Ask

POLL_S = 1.0
"""Seconds between looks at the preparation."""

# page.js fetches folded lines and whole texts through the element of a column.
_COLUMN = (
    relay("clear", "retry", "similar")
    + relay("right", "wrong", event="judge")
    + """
element.closest('.block').fetchCode = {
  rest: (corpus, id, query) => server.rest([corpus, id, query]),
  text: (corpus, id) => server.text([corpus, id]),
};"""
)


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
    kind: gr.Dropdown
    path: gr.Textbox
    similar: gr.State

    @staticmethod
    def ask(
        q: str | None,
        corpus: str,
        a: str,
        b: str,
        mode: Mode,
        k: int,
        language: str,
        kind: str,
        path: str | None,
        similar: str | None,
    ) -> Ask:
        """The components' values as an Ask; Gradio sends None for a box that was never typed into."""
        return Ask(q or "", corpus, a, b, mode, k, language, kind, path or "", similar or "")

    @property
    def all(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


class Outputs(NamedTuple):
    """The components of Surroundings and Answers.

    timer: looks at the preparation, while there is one. made: the Ask that was answered, and what was
    settled then.
    """

    timer: gr.Timer
    head: gr.HTML
    banner: gr.HTML
    made: gr.State
    top: gr.HTML
    a: gr.HTML
    b: gr.HTML

    @property
    def columns(self) -> tuple[gr.HTML, gr.HTML]:
        return self.a, self.b


def build_inputs(services: Services) -> tuple[Inputs, gr.Button]:
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
        language = choice("Language", asks.languages(services, ask), ANY, min_width=140)
        kind = choice("Kind", asks.kinds(services, ask), ANY, min_width=140)
        path = gr.Textbox(
            label="Path", placeholder="src/**/*.py", max_lines=1, interactive=True, min_width=160
        )
    return Inputs(q, corpus, a, b, mode, k, language, kind, path, gr.State("")), go


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


def build_outputs(services: Services, head: gr.HTML) -> Outputs:
    def document(corpus: Any, id: Any) -> Document | None:
        return services.document(str(corpus), str(id))

    def rest(given: list[Any]) -> str | None:
        """The folded lines of a card; None where the document is gone. given: corpus, document id, query."""
        corpus, id, query = given
        found = document(corpus, id)
        return rest_of_code(found, str(query)[:MAX_QUERY_CHARACTERS]) if found else None

    def text(given: list[Any]) -> str | None:
        """A document's text as it is; None where it is gone. given: corpus, document id."""
        corpus, id = given
        found = document(corpus, id)
        return found.text if found else None

    column: dict[str, Any] = {"js_on_load": _COLUMN, "server_functions": [rest, text]}
    banner = html(elem_id="banner")
    with gr.Column(elem_id="results"):
        top = html(elem_id="top", js_on_load=relay("example", "retry", "back"))
        with gr.Row(elem_id="columns"):
            a, b = html(elem_id="column-a", **column), html(elem_id="column-b", **column)
        html(states.skeleton(), elem_id="skeleton")
    return Outputs(gr.Timer(POLL_S, active=False), head, banner, gr.State(), top, a, b)


def filled(services: Services, ask: Ask, given: Ask | None) -> tuple[Any, ...]:
    """What the Inputs can be set to now, and the values in which the ask differs from what they hold.

    given: what they hold; None is a page that begins, its texts empty. A value that stays is not sent:
    somebody may be typing already.
    """
    lanes = lane_choices(services.models)
    choices = {
        "corpus": list(services.corpora),
        "a": lanes,
        "b": lanes,
        "language": asks.languages(services, ask),
        "kind": asks.kinds(services, ask),
    }

    def update(name: str) -> Any:
        value = getattr(ask, name)
        stays = value == (getattr(given, name) if given else "")
        if name in choices:
            return gr.Dropdown(choices[name]) if stays else gr.Dropdown(choices[name], value=value)
        return gr.skip() if stays else value

    return tuple(update(field.name) for field in fields(Ask))
