"""The Search tab: what its components do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from search_core.judgments import VERDICTS, JudgmentLog, Mark, Verdict
from search_core.store import Workspace
from search_core.types import MAX_QUERY_CHARACTERS, StudioError
from ui import states
from ui.access import Access
from ui.offering.services import Services
from ui.pieces import QUIET, html, told
from ui.search import asks
from ui.search.asks import Ask
from ui.search.form import Inputs, Outputs, build_inputs, build_outputs, filled

TABS = ("search", "metrics", "train", "corpora")

_BUSY = "(...given) => { window.studio?.busy(); return given; }"
_SHOWN = "() => { window.studio?.shown(); }"
_MARKED = "() => { window.studio?.marked(); }"

# Not through Gradio's queue, whose second connection for each answer costs more than most searches: its
# threads take searches in the order in which they come (docs/decisions/page.md).
_SEARCH: dict[str, Any] = {**QUIET, "queue": False, "trigger_mode": "always_last"}


def build(
    services: Services, access: Access, tab: gr.Tab, page: gr.Blocks, head: gr.HTML, tabs: gr.Tabs
) -> None:
    """Lay out the Search tab and wire its events; call inside the tab.

    head: shows the state of the corpus in view. tabs: of which a search from elsewhere selects this one.
    """
    inputs, go = build_inputs(services)
    wiring = _Wiring(services, access, inputs, build_outputs(services, head))
    wiring.searches(go)
    wiring.clicks()
    wiring.marks()
    wiring.opening(page, tab, tabs)
    wiring.links(tabs)


class _Wiring:
    """What is typed and chosen is answered as it is; all else may change the inputs, too."""

    def __init__(self, services: Services, access: Access, inputs: Inputs, outputs: Outputs) -> None:
        self._services, self._access = services, access
        self._inputs, self._outputs = inputs, outputs
        self._judgments = JudgmentLog(Workspace(services.settings.workspace))
        self._all = [*inputs.all, *outputs]

    def searches(self, go: gr.Button) -> None:
        inputs = self._inputs
        choosers = (inputs.a, inputs.b, inputs.mode, inputs.k, inputs.language, inputs.kind)
        self._search([go.click, inputs.q.submit], lambda ask: replace(ask, similar=""))
        self._search([inputs.path.submit, *(choice.input for choice in choosers)], lambda ask: ask)

        def corpus_chosen(request: gr.Request, *values: Any) -> tuple[Any, ...]:
            ask = Inputs.ask(*values)
            return self._answered(ask, ask.in_corpus(ask.corpus), request)

        self._shows(inputs.corpus.input(corpus_chosen, inputs.all, self._all, js=_BUSY, **_SEARCH))

    def clicks(self) -> None:
        def act(event: gr.EventData, request: gr.Request, *values: Any) -> tuple[Any, ...]:
            given, clicked = Inputs.ask(*values), event._data
            match clicked.get("do"):
                case "example":
                    ask = replace(given, q=str(clicked.get("query", ""))[:MAX_QUERY_CHARACTERS], similar="")
                case "clear":
                    ask = given.unfiltered()
                case "similar":
                    ask = replace(given, similar=str(clicked.get("id", "")))
                case "back":
                    ask = replace(given, similar="")
                case _:  # the same again
                    ask = given
            return self._answered(given, ask, request)

        for piece in (self._outputs.top, *self._outputs.columns):
            self._shows(piece.act(act, self._inputs.all, self._all, js=_BUSY, **_SEARCH))

    def marks(self) -> None:
        """A mark is stored, then shown: page.js presses the buttons on each card of the document."""
        services, outputs = self._services, self._outputs
        stored = html(elem_id="verdict")

        @told
        def judge(
            event: gr.EventData, request: gr.Request, made: tuple[Ask, Any] | None
        ) -> tuple[Markup, Markup]:
            self._access.require(request, "Marking results")
            if made is None:  # the server has dropped this visitor's session
                raise StudioError("This search was long ago: search again, then mark its results.")
            ask, id = made[0], str(event._data.get("id"))
            document = services.document(ask.corpus, id)
            if document is None or not ask.words:
                raise StudioError("This result is no longer there: search again.")
            given = "none" if event._data.get("on") else event._data.get("do")
            verdict: Verdict = next((one for one in VERDICTS if one == given), "none")
            self._judgments.add(Mark.of(document, ask.corpus, ask.q, verdict))
            return self._surroundings(ask).head, states.stored_verdict(id, verdict)

        for piece in outputs.columns:
            piece.judge(judge, outputs.made, [outputs.head, stored], concurrency_limit=16, **QUIET).success(
                None, None, None, js=_MARKED
            )

    def opening(self, page: gr.Blocks, tab: gr.Tab, tabs: gr.Tabs) -> None:
        """Show what the address asks for, and show it anew when what it waits for is ready."""
        services, inputs, outputs = self._services, self._inputs, self._outputs

        def opened(request: gr.Request) -> tuple[Any, ...]:
            tab = request.query_params.get("tab")
            ask = asks.linked_ask(services, request.query_params)
            selected = gr.Tabs(selected=tab if tab in TABS else "search")
            return selected, *self._answered(None, ask, request)

        def look(request: gr.Request, made: tuple[Ask, tuple[bool, ...]] | None) -> tuple[Any, ...]:
            unchanged = [gr.skip()] * len(inputs.all)
            if made is None:  # the server has dropped this visitor's session
                return *unchanged, gr.Timer(active=False), *[gr.skip()] * (len(outputs) - 1)
            ask, settled_then = made
            running = self._running()
            around, offered = self._surroundings(ask), asks.offered_ask(services, ask)
            if offered != ask or around.settled != settled_then:
                return self._answered(replace(ask, path=offered.path), offered, request)  # typed: it stays
            return *unchanged, running, around.head, around.banner, *[gr.skip()] * 4

        def returned(request: gr.Request, *values: Any) -> tuple[Any, ...]:
            """Back on this tab: what another one has added or removed is there, or is not."""
            given = Inputs.ask(*values)
            if asks.offered_ask(services, given) != given:
                return self._answered(given, given, request)
            return *filled(services, given, given), self._running(), *[gr.skip()] * (len(outputs) - 1)

        self._shows(page.load(opened, None, [tabs, *self._all], **QUIET))
        outputs.timer.tick(look, outputs.made, self._all, queue=False, **QUIET).then(
            None, None, None, js="() => window.studio?.refreshed()"
        )
        tab.select(returned, inputs.all, self._all, **QUIET)

    def links(self, tabs: gr.Tabs) -> None:
        """A link with `data-open` on any tab opens its search here: page.js hands its address to the head."""

        def follow(event: gr.EventData, request: gr.Request, *values: Any) -> tuple[Any, ...]:
            link = {str(name): str(value) for name, value in event._data.items()}
            ask = asks.linked_ask(self._services, link)
            return gr.Tabs(selected="search"), *self._answered(Inputs.ask(*values), ask, request)

        inputs = self._inputs.all
        self._shows(self._outputs.head.open(follow, inputs, [tabs, *self._all], js=_BUSY, **_SEARCH))

    def _search(self, triggers: list[Any], changed: Callable[[Ask], Ask]) -> None:
        """Each further output costs time: of the inputs only what they do not show by themselves is one."""
        similar = self._inputs.similar

        def search(request: gr.Request, *values: Any) -> tuple[Any, ...]:
            ask = changed(Inputs.ask(*values))
            return ask.similar, *self._shown(ask, request)

        self._shows(gr.on(triggers, search, self._inputs.all, [similar, *self._outputs], js=_BUSY, **_SEARCH))

    @staticmethod
    def _shows(listener: Any) -> None:
        listener.then(None, None, None, js=_SHOWN)

    def _answered(self, given: Ask | None, ask: Ask, request: gr.Request) -> tuple[Any, ...]:
        """Values of all inputs and outputs. given: what the inputs hold; None fills them in any case."""
        ask = asks.offered_ask(self._services, ask)
        return *filled(self._services, ask, given), *self._shown(ask, request)

    def _shown(self, ask: Ask, request: gr.Request) -> tuple[Any, ...]:
        """Values of all outputs."""
        running, may_judge = self._running(), self._access.is_owner(request)
        verdicts = self._judgments.verdicts(ask.corpus, ask.q) if may_judge else None
        head, banner, settled = self._surroundings(ask)
        shown = asks.answers(self._services, ask, verdicts)
        return running, head, banner, (ask, settled), *shown

    def _running(self) -> gr.Timer:
        """Whatever says that something is being prepared changes by itself once that is done.

        Asked before anything that says so is looked at: else the last change could come in between, unseen.
        """
        return gr.Timer(active=self._services.preparing)

    def _surroundings(self, ask: Ask) -> asks.Surroundings:
        return asks.surroundings(self._services, ask, len(self._judgments.of(ask.corpus)))
