"""The page whole: its parts, its looks, and the server it is shown by."""

from __future__ import annotations

import socket
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from search_core.types import StudioError
from ui import sign_in
from ui.access import Access
from ui.api import add_endpoints, speak_json
from ui.corpora import tab as corpora_tab
from ui.gate import Gate
from ui.hosting import Hosting, notices
from ui.markup import NOTHING, stylesheet
from ui.metrics import tab as metrics_tab
from ui.metrics.evaluations import Evaluations
from ui.offering.services import Services
from ui.pieces import QUIET, html
from ui.search import tab as search_tab
from ui.theme import studio_theme
from ui.training import tab as train_tab

_HERE = Path(__file__).parent
_STYLES = ("tokens", "frame", "search", "panels", "metrics", "train", "corpora")
"""In the order in which they are read."""

# page.js opens the searches that links on any tab lead to; only the head is there whatever the tab.
_OPEN = "element.closest('.block').openSearch = (link) => trigger('open', link);"

MAX_WAITING = 256
"""Requests in the queue before further ones are refused."""
PLACES_TOLD_S = 2
"""Seconds between news of one's place in the queue; Gradio would tell all whenever one is served."""
KEPT_SESSIONS = 300
"""Sessions whose last outputs stay in memory."""


def build_page(services: Services, access: Access, hosting: Hosting) -> gr.Blocks:
    with gr.Blocks(title="Code Search Studio", fill_width=True) as page:
        evaluations = Evaluations(services)
        # First: a listener whose function is called `search` would take the name.
        add_endpoints(services, access, evaluations)
        head = html(elem_id="head", js_on_load=_OPEN)
        if access.way_in != "open":
            _account(page, access)
        with gr.Tabs(elem_id="tabs") as tabs:
            with _tab("Search") as tab:
                search_tab.build(services, access, tab, page, head, tabs)
            with _tab("Metrics") as tab:
                metrics_tab.build(services, access, tab, evaluations)
            with _tab("Train") as tab:
                _notices(hosting)
                train_tab.build(services, access, tab, hosting.no_training)
            with _tab("Corpora") as tab:
                _notices(hosting)
                corpora_tab.build(services, access, tab)
    if access.way_in == "login":
        _serve_login(page)
    return page


def _notices(hosting: Hosting) -> None:
    """Where something is added or trained; no piece, and no gap, where there is nothing to say."""
    if hosting.notices:
        html(notices(hosting.notices))


def _account(page: gr.Blocks, access: Access) -> None:
    """Signing in and out, in the header's line."""

    def account(request: gr.Request) -> Markup:
        connection = request.request
        if access.is_local(connection):
            return NOTHING
        return sign_in.account(access, owner=access.is_owner(connection))

    page.load(account, None, html(elem_id="account"), **QUIET)


def _serve_login(page: gr.Blocks) -> None:
    """Gradio serves a Space's login where there is a button for it; ours is a link in the header's line."""
    button = gr.LoginButton(visible=False)  # outside the page, where it adds no public endpoint
    with page:
        button.render()


def _tab(name: str) -> gr.Tab:
    """A tab that the address remembers."""
    tab = gr.Tab(name, id=name.lower())
    tab.select(None, None, None, js=f"() => {{ window.studio?.tab('{name.lower()}'); }}", **QUIET)
    return tab


def serve(
    page: gr.Blocks, services: Services, access: Access, hosting: Hosting, host: str, port: int | None
) -> str:
    """Start serving and return the page's address; the calling thread goes on.

    port: None takes the first free one from 7860.
    Raises StudioError where host and port cannot be listened on.
    """
    _check_free(host, port or 0)
    page.queue(status_update_rate=PLACES_TOLD_S, api_open=False, max_size=MAX_WAITING)
    try:
        with redirect_stdout(sys.stderr):  # an MCP server announces itself, quiet or not
            _, url, _ = page.launch(
                server_name=host,
                server_port=port,
                prevent_thread_lock=True,
                **_looks(),
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                ssr_mode=False,
                quiet=True,
                state_session_capacity=KEPT_SESSIONS,
                max_file_size=services.settings.max_source_mb * 1_000_000,
                mcp_server=True,
                app_kwargs=_surroundings(services, access, hosting),
            )
    except OSError as error:
        raise StudioError(f"Cannot serve the page: {error}") from error

    # gradio_client takes every dictionary with a "path", as hits are, for a file to download, except under
    # this name of the protocol, which browsers treat like the newest (Client.download_files of 2.7.2).
    page.config["protocol"] = "sse_v2.1"
    speak_json(page)
    return str(url)


def _looks() -> dict[str, Any]:
    # Not css=: Gradio would insert it twice, once rewritten.
    styles = stylesheet(*_STYLES)
    return {
        "theme": studio_theme(),
        "head": f"<style>{styles}</style>",
        "js": (_HERE / "page.js").read_text("utf-8"),
        "favicon_path": _HERE / "favicon.svg",
    }


def _surroundings(services: Services, access: Access, hosting: Hosting) -> dict[str, Any]:
    """Of the app that Gradio serves the page with: what stands before its routes, and beside them."""

    async def healthz(request: Request) -> JSONResponse:  # no thread of the pool: searches may have them all
        return JSONResponse(services.health())

    return {
        "middleware": [Middleware(Gate, access=access, embedders=hosting.embedders)],
        "routes": [Route("/healthz", healthz), *sign_in.routes(access)],
    }


def _check_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        raise StudioError(
            f"Cannot listen on {host}:{port}: {str(error).rstrip('.')}. "
            "Choose another with --port, or leave it out to take a free one; --host is an address of this "
            "machine."
        ) from error
