"""The page whole: its parts, its looks, and the server it is shown by."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import gradio as gr

from search_core.types import StudioError
from ui import corpora_tab, metrics_tab, search_tab, train_tab
from ui.access import Access
from ui.api import add_endpoints
from ui.pieces import QUIET, html
from ui.services import Services
from ui.theme import studio_theme

_HERE = Path(__file__).parent
_STYLES = ("tokens", "frame", "search", "panels", "metrics", "train", "corpora")
"""In the order in which they are read."""

# page.js opens the searches that links on any tab lead to; only the head is there whatever the tab.
_OPEN = "element.closest('.block').openSearch = (link) => trigger('open', link);"

MAX_WAITING = 256
"""Requests in the queue before further ones are refused."""
KEPT_SESSIONS = 300
"""Sessions whose last outputs stay in memory."""


def build_page(services: Services, access: Access) -> gr.Blocks:
    with gr.Blocks(title="Code Search Studio", fill_width=True) as page:
        add_endpoints(services)  # first: a listener whose function is called `search` would take the name
        head = html(elem_id="head", js_on_load=_OPEN)
        with gr.Tabs(elem_id="tabs") as tabs:
            with _tab("Search"):
                search_tab.build(services, page, head, tabs)
            with _tab("Metrics") as tab:
                metrics_tab.build(services, access, tab)
            with _tab("Train") as tab:
                train_tab.build(services, access, tab)
            with _tab("Corpora") as tab:
                corpora_tab.build(services, access, tab)
    return page


def _tab(name: str) -> gr.Tab:
    """A tab that the address remembers."""
    tab = gr.Tab(name, id=name.lower())
    tab.select(None, None, None, js=f"() => {{ window.studio?.tab('{name.lower()}'); }}", **QUIET)
    return tab


def serve(page: gr.Blocks, services: Services, host: str | None, port: int | None) -> str:
    """Start serving and return the page's address; the calling thread goes on.

    host, port: None takes Gradio's own, 127.0.0.1 and the first free port from 7860.
    Raises StudioError where host and port cannot be listened on.
    """
    _check_free(host or "127.0.0.1", port or 0)
    # Not css=: Gradio would insert it twice, once rewritten.
    styles = "".join((_HERE / "styles" / f"{name}.css").read_text("utf-8") for name in _STYLES)
    try:
        app, url, _ = page.queue(api_open=False, max_size=MAX_WAITING).launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            theme=studio_theme(),
            head=f"<style>{styles}</style>",
            js=(_HERE / "page.js").read_text("utf-8"),
            favicon_path=_HERE / "favicon.svg",
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            quiet=True,
            state_session_capacity=KEPT_SESSIONS,
        )
    except OSError as error:
        raise StudioError(f"Cannot serve the page: {error}") from error

    # gradio_client takes every dictionary with a "path", as hits are, for a file to download, except under
    # this name of the protocol, which browsers treat like the newest (Client.download_files of 2.7.2).
    page.config["protocol"] = "sse_v2.1"

    async def healthz() -> dict[str, Any]:  # not a thread of the pool: searches may have taken them all
        return services.health()

    app.add_api_route("/healthz", healthz, methods=["GET"])
    return str(url)


def _check_free(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        raise StudioError(
            f"Cannot listen on {host}:{port}: {error}. "
            "Choose another with --port, or leave it out to take a free one."
        ) from error
