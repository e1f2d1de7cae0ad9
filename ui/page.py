"""The page whole: its parts, its looks, and the server it is shown by."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import gradio as gr

from search_core.types import StudioError
from ui import search_tab
from ui.api import add_endpoints
from ui.services import Services
from ui.theme import studio_theme

_HERE = Path(__file__).parent

MAX_WAITING = 256
"""Requests in the queue before further ones are refused."""
KEPT_SESSIONS = 300
"""Sessions whose last outputs stay in memory."""


def build_page(services: Services) -> gr.Blocks:
    with gr.Blocks(title="Code Search Studio", fill_width=True) as page:
        add_endpoints(services)  # first: a listener whose function is called `search` would take the name
        search_tab.build(services, page, head=search_tab.html(elem_id="head"))
    return page


def serve(page: gr.Blocks, services: Services, host: str | None, port: int | None) -> str:
    """Start serving and return the page's address; the calling thread goes on.

    host, port: None takes Gradio's own, 127.0.0.1 and the first free port from 7860.
    Raises StudioError where host and port cannot be listened on.
    """
    _check_free(host or "127.0.0.1", port or 0)
    # Not css=: Gradio would insert it twice, once rewritten.
    head = f"<style>{(_HERE / 'styles.css').read_text('utf-8')}</style>"
    try:
        app, url, _ = page.queue(api_open=False, max_size=MAX_WAITING).launch(
            server_name=host,
            server_port=port,
            prevent_thread_lock=True,
            theme=studio_theme(),
            head=head,
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
