"""The part of the Train tab that publishes a finished run, with a preview of its model card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from train.hub import LOGIN
from train.model_card import PICTURE, What, model_card
from train.run import Run
from ui.access import Access
from ui.markup import NOTHING, icon, visible
from ui.pieces import QUIET, html, told
from ui.training.publishing import Publication, Publishing, Request

WRITE_SCOPES = {"write-repos", "manage-repos"}
"""Of a login on a Space: one of them lets it create a model."""
SOMEBODY = "you/model"
"""Names the repository in a preview, before one was typed."""

_HEAD = Markup(
    '<div class="cs-panelhead"><h2>Publish to the Hub</h2><p>model, card and figures in one commit</p></div>'
)

FindRun = Callable[[Any], Run]
"""The run that a session has before it, by its state. Raises StudioError where it is gone."""


class PublishForm(NamedTuple):
    """panel: hidden where there is nothing to publish. what: which model, of a run with an adapter.

    preview: hidden until it is asked for. status: of the latest attempt.
    """

    panel: gr.Column
    what: gr.Radio
    preview: gr.Column
    status: gr.HTML


def build(
    publishing: Publishing, access: Access, find: FindRun, seen: gr.State, timer: gr.Timer
) -> PublishForm:
    """Lay out the form and wire its events.

    seen: what `find` is asked with. timer: is started when publishing begins.
    """
    with gr.Column(visible=False, elem_classes="cs-panel cs-form", elem_id="publish") as panel:
        html(_HEAD)
        repo = gr.Textbox(label="Repository", placeholder="owner/name", max_lines=1, interactive=True)
        what = gr.Radio(
            ["merged", "adapter"],
            value="merged",
            label="Model",
            interactive=True,
            elem_classes="cs-segmented",
        )
        private = gr.Checkbox(True, label="Private: only you can see it", interactive=True)
        pull_request = gr.Checkbox(False, label="Open a pull request instead of a commit", interactive=True)
        with gr.Row(elem_classes="cs-actions"):
            show = gr.Button("Preview the model card", min_width=180)
            go = gr.Button("Publish", variant="primary", min_width=110)
        status = html(elem_id="publication")
        with gr.Column(visible=False, elem_id="card") as preview:
            front = gr.Code(language="yaml", label="Front matter", interactive=False, max_lines=14)
            card = gr.Markdown(elem_classes="cs-card-preview")
    form = PublishForm(panel, what, preview, status)
    _wire_preview(access, find, show, [seen, repo, what], [preview, front, card])

    @told
    def publish(
        seen: Any,
        repo_id: str,
        what: What,
        private: bool,
        create_pr: bool,
        request: gr.Request,
        login: gr.OAuthToken | None,
    ) -> tuple[Any, ...]:
        access.require(request, "Publishing")
        run = find(seen)
        publishing.begin(run, Request(repo_id.strip(), what, private, create_pr), _token(login))
        return publication(publishing.of(run.id)), gr.Timer(active=True)

    go.click(publish, [seen, repo, what, private, pull_request], [status, timer], **QUIET)
    return form


def _wire_preview(
    access: Access, find: FindRun, show: gr.Button, inputs: list[Any], outputs: list[Any]
) -> None:
    @told
    def preview(seen: Any, repo_id: str, what: What, request: gr.Request) -> tuple[Any, ...]:
        access.require(request, "Publishing")
        front, text = split_card(model_card(find(seen).folder, repo_id.strip() or SOMEBODY, what))
        return gr.Column(visible=True), front, text

    show.click(preview, inputs, outputs, **QUIET)


def split_card(card: str) -> tuple[str, str]:
    """Front matter and text, whose picture is not here yet.

    >>> split_card("---\\nlicense: mit\\n---\\n\\n# Finder\\n")
    ('license: mit', '# Finder')
    """
    _, front, text = card.split("---\n", 2)
    return front.strip(), text.replace(f"({PICTURE})", "(#)").replace("![", "[Picture: ").strip()


def publication(latest: Publication | None) -> Markup:
    """How the latest attempt stands; before the first, what is missing for it."""
    if latest is None:
        return NOTHING if _is_logged_in() else _missing_login()
    repo = visible(latest.request.repo_id)
    match latest.stage:
        case "working":
            bar = (
                Markup(' max="{}" value="{}"').format(latest.total, latest.done) if latest.total else NOTHING
            )
            return Markup(
                '<div role="status"><p class="cs-said">Publishing {}: {:,} of {:,} files</p>'
                '<progress class="cs-bar"{} aria-label="Progress of publishing"></progress></div>'
            ).format(repo, latest.done, latest.total, bar)
        case "done":
            where = "Pull request opened: " if latest.request.create_pr else "Published: "
            link = Markup(
                '<p class="cs-said done" role="status">{}<a href="{}" target="_blank" rel="noopener">{}</a>'
                "</p>"
            )
            return link.format(where, latest.url, repo)
        case _:
            return Markup('<div class="cs-failure" role="alert">{}<p>{}</p></div>').format(
                icon("alert"), visible(latest.error)
            )


def _missing_login() -> Markup:
    words = Markup(
        '<p class="cs-hint">This studio is not logged in to the Hugging Face Hub: {}<code>{}</code>{}.</p>'
    )
    return words.format(*LOGIN.split("`"))


def _is_logged_in() -> bool:
    from huggingface_hub import get_token

    return get_token() is not None


def _token(login: gr.OAuthToken | None) -> str | None:
    """The visitor's own, where they are logged in on a Space and let it write; else the server's login."""
    return login.token if login and WRITE_SCOPES & set(login.scope.split()) else None
