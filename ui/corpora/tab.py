"""The Corpora tab: what is offered, and what the owner adds, reads again and deletes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from search_core.corpus.spec import ARCHIVES
from search_core.types import StudioError
from ui.access import Access
from ui.corpora.corpora_html import View, corpus_list, size
from ui.corpora.models_html import model_list
from ui.markup import NOTHING, visible
from ui.offering.services import Services
from ui.pieces import QUIET, html, relay

POLL_S = 1.0
"""Seconds between looks, only while something is prepared and the tab is in front."""

_CORPUS_HINT = (
    "A folder on the server, package:NAME, a public git repository as https://HOST/OWNER/REPO[@REV], "
    "dataset:OWNER/NAME, or several joined by “ + ”."
)
_MODEL_HINT = "A Hub id such as intfloat/e5-base-v2, or the folder of a training run."
_VISITOR = "Everybody may search these; adding, reading again and deleting are for the owner. {}"
_MODELS_HEAD = Markup(
    '<div class="cs-panelhead"><h2>Models</h2><p>each indexes every corpus, one after the other</p></div>'
)
_FOCUS = "() => document.querySelector('#corpora [data-do=keep]')?.focus()"


@dataclass(frozen=True)
class Seen:
    """What a session has before it.

    shown: hash of each list. While something is prepared only what changed is sent; the last look sends
    everything, for an answer may have overtaken an earlier one.
    """

    view: View = field(default_factory=View)
    shown: tuple[int, ...] = ()


class Outputs(NamedTuple):
    """What a look may change. The notes say what a form takes, or what came of it."""

    timer: gr.Timer
    seen: gr.State
    corpora: gr.HTML
    models: gr.HTML
    corpus_note: gr.HTML
    model_note: gr.HTML


class Inputs(NamedTuple):
    """For the owner alone, in forms of their own."""

    corpus_form: gr.Row
    corpus: gr.Textbox
    upload: gr.UploadButton
    add_corpus: gr.Button
    model_form: gr.Row
    model: gr.Textbox
    add_model: gr.Button


def build(services: Services, access: Access, tab: gr.Tab) -> None:
    """Lay out the Corpora tab and wire its events; call inside the tab."""
    it = CorporaTab(services, access)
    timer, seen = gr.Timer(POLL_S, active=False), gr.State(Seen())
    # Where visitors are owners it is there from the start, so that nothing jumps.
    as_owner = access.way_in == "open"
    with gr.Row(visible=as_owner, elem_classes="cs-controls", elem_id="add-corpus") as corpus_form:
        corpus = gr.Textbox(
            label="Add a corpus",
            placeholder="folder, package:NAME, https://host/owner/repo, dataset:ID",
            max_lines=1,
            interactive=True,
        )
        upload = gr.UploadButton(
            "Upload an archive", file_types=list(ARCHIVES), scale=0, min_width=152, elem_id="upload"
        )
        add_corpus = gr.Button("Add", variant="primary", scale=0, min_width=90)
    corpus_note = html(elem_id="corpus-note")
    corpora = html(elem_id="corpora", js_on_load=relay("again", "delete", "confirm", "keep", "skipped"))
    # Invisible until it is filled: nothing is there that the corpora could push down.
    with gr.Column(visible=False, elem_id="models") as section:
        html(_MODELS_HEAD)
        with gr.Row(visible=False, elem_classes="cs-controls", elem_id="add-model") as model_form:
            model = gr.Textbox(
                label="Add a model", placeholder="owner/name, folder", max_lines=1, interactive=True
            )
            add_model = gr.Button("Add", variant="primary", scale=0, min_width=90)
        model_note = html(elem_id="model-note")
        models = html(elem_id="model-list", js_on_load=relay("remove", "retry"))
    inputs = Inputs(corpus_form, corpus, upload, add_corpus, model_form, model, add_model)
    outputs = Outputs(timer, seen, corpora, models, corpus_note, model_note)
    _wire_opening(it, tab, section, inputs, outputs)
    _wire_forms(it, inputs, outputs)
    _wire_clicks(it, outputs)


class CorporaTab:
    """What the listeners share."""

    def __init__(self, services: Services, access: Access) -> None:
        self.services = services
        self.access = access

    def look(self, request: gr.Request, seen: Seen, *notes: Any) -> tuple[Any, ...]:
        """Values of the Outputs. notes: of the corpora and of the models; without them they stay."""
        services, view = self.services, replace(seen.view, is_owner=self.access.is_owner(request))
        now_s = time.monotonic()
        preparing = services.preparing  # asked first: what is shown as under way is looked at again
        corpora = services.all_details()
        pieces = (
            corpus_list(corpora, view, datetime.now(UTC), now_s),
            model_list(services.model_steps(), is_owner=view.is_owner, now_s=now_s),
        )
        shown = tuple(map(hash, pieces))
        sent = [
            gr.skip() if now == before and preparing else piece
            for piece, now, before in zip(pieces, shown, seen.shown or (None, None), strict=True)
        ]
        return gr.Timer(active=preparing), Seen(view, shown), *sent, *(notes or (gr.skip(), gr.skip()))

    def attempt(self, request: gr.Request, what: str, act: Callable[[], str]) -> tuple[bool, Markup]:
        """Do what only the owner may: whether it was done, and a note about it.

        act: returns what there is to say.
        """
        try:
            self.access.require(request, what)
            return True, _hint(act())
        except StudioError as error:
            problem = Markup('<p class="cs-problem" role="alert">{}</p>')
            return False, problem.format(visible(str(error)))


def _hint(words: str) -> Markup:
    return Markup('<p class="cs-hint" role="status">{}</p>').format(visible(words))


def _wire_opening(it: CorporaTab, tab: gr.Tab, section: gr.Column, inputs: Inputs, outputs: Outputs) -> None:
    """Fill the tab when it is chosen, also by the address; look again while something is prepared."""

    def opened(request: gr.Request, seen: Seen) -> tuple[Any, ...]:
        owner = it.access.is_owner(request)
        corpus_note = _hint(_CORPUS_HINT if owner else _VISITOR.format(it.access.hint))
        notes = corpus_note, _hint(_MODEL_HINT) if owner else NOTHING
        forms = gr.Row(visible=owner), gr.Row(visible=owner), gr.Column(visible=True)
        return *forms, *it.look(request, replace(seen, shown=()), *notes)

    def left(event: gr.SelectData) -> Any:
        return gr.skip() if event.value == tab.label else gr.Timer(active=False)

    filled = [inputs.corpus_form, inputs.model_form, section, *outputs]
    tab.select(opened, outputs.seen, filled, **QUIET)
    tab.parent.select(left, None, outputs.timer, **QUIET)
    outputs.timer.tick(it.look, outputs.seen, list(outputs), queue=False, **QUIET)


def _wire_forms(it: CorporaTab, inputs: Inputs, outputs: Outputs) -> None:
    def add_corpus(request: gr.Request, seen: Seen, spec: str | None) -> tuple[Any, ...]:
        def add() -> str:
            return f"{it.services.add_corpus(spec or '')} is offered, and prepared now."

        done, note = it.attempt(request, "Adding a corpus", add)
        return "" if done else gr.skip(), *it.look(request, seen, note, gr.skip())

    def upload(request: gr.Request, seen: Seen, file: str) -> tuple[Any, ...]:
        def add() -> str:
            return f"{Path(it.services.add_upload(Path(file))).name} was uploaded, and is prepared now."

        _, note = it.attempt(request, "Uploading an archive", add)
        return gr.skip(), *it.look(request, seen, note, gr.skip())

    def add_model(request: gr.Request, seen: Seen, spec: str | None) -> tuple[Any, ...]:
        def add() -> str:
            return f"{it.services.add_model(spec or '')} is offered, and prepared now."

        done, note = it.attempt(request, "Adding a model", add)
        return "" if done else gr.skip(), *it.look(request, seen, gr.skip(), note)

    typed = [inputs.add_corpus.click, inputs.corpus.submit]
    gr.on(typed, add_corpus, [outputs.seen, inputs.corpus], [inputs.corpus, *outputs], **QUIET)
    inputs.upload.upload(upload, [outputs.seen, inputs.upload], [inputs.corpus, *outputs], **QUIET)
    typed = [inputs.add_model.click, inputs.model.submit]
    gr.on(typed, add_model, [outputs.seen, inputs.model], [inputs.model, *outputs], **QUIET)


def _wire_clicks(it: CorporaTab, outputs: Outputs) -> None:
    def corpus_clicked(event: gr.EventData, request: gr.Request, seen: Seen) -> tuple[Any, ...]:
        id, view, note = str(event._data.get("id", "")), replace(seen.view, asked=""), gr.skip()
        match event._data.get("do"):
            case "skipped":
                view = replace(seen.view, opened=seen.view.opened ^ {id})
            case "delete":
                view = replace(view, asked=id)
            case "confirm":
                _, note = it.attempt(request, "Deleting a corpus", lambda: _delete(it.services, id))
            case "again":
                _, note = it.attempt(request, "Reading again", lambda: _reindex(it.services, id))
        return it.look(request, replace(seen, view=view), note, gr.skip())

    def model_clicked(event: gr.EventData, request: gr.Request, seen: Seen) -> tuple[Any, ...]:
        id, note = str(event._data.get("id", "")), gr.skip()
        match event._data.get("do"):
            case "remove":
                _, note = it.attempt(request, "Removing a model", lambda: _remove(it.services, id))
            case "retry":
                _, note = it.attempt(request, "Trying again", lambda: _retry(it.services, id))
        return it.look(request, seen, gr.skip(), note)

    clicked = outputs.corpora.act(corpus_clicked, outputs.seen, list(outputs), **QUIET)
    clicked.then(None, None, None, js=_FOCUS, **QUIET)
    outputs.models.act(model_clicked, outputs.seen, list(outputs), **QUIET)


# What a click does, by the visible spec that it stands for; returns what there is to say.


def _delete(services: Services, id: str) -> str:
    removed = services.remove_corpus(_named(id, services.corpora))
    return f"{id} is deleted" + (f": {size(removed.bytes)} are free again." if removed.bytes else ".")


def _reindex(services: Services, id: str) -> str:
    services.reindex(_named(id, services.corpora))
    return f"{id} is read again; until then it is searched as it was."


def _remove(services: Services, id: str) -> str:
    services.remove_model(_named(id, services.models))
    return f"{id} is removed. Its vectors stay, so that it comes back quickly."


def _retry(services: Services, id: str) -> str:
    services.retry_model(_named(id, services.models))
    return f"{id} is prepared again."


def _named(id: str, specs: tuple[str, ...]) -> str:
    """The spec; what is not offered is left for the services to refuse."""
    return next((spec for spec in specs if visible(spec) == id), id)
