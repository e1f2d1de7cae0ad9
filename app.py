"""Code Search Studio: open a page that searches code by meaning. See `python app.py --help`."""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from search_core.command_line import OneLineParser, run_command
from search_core.corpus.spec import parse_spec
from search_core.settings import Settings
from search_core.watch import watched_folders
from ui.services import Services

CORPUS = "stdlib"
MODELS = ("minilm", "studio")
"""A baseline, and what fine-tuning made of it: both are here at the first start, without network."""


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(build_parser(), argv)


def build_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python app.py", description="Open a page that searches code by meaning.")
    parser.add_argument(
        "--corpus",
        action="append",
        metavar="SPEC",
        help=f"what to search, may be repeated (default {CORPUS})",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="SPEC",
        help=f"model, may be repeated (default {' and '.join(MODELS)})",
    )
    parser.add_argument("--watch", action="store_true", help="follow edits of the corpus, a folder")
    parser.add_argument("--host", metavar="H", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="P", help="port (default: the first free one from 7860)")
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="where indexes and reports are kept")
    parser.set_defaults(run=open_page)
    return parser


def open_page(args: argparse.Namespace, settings: Settings) -> None:
    """Serve the page until the program is interrupted. Raises StudioError where it cannot be served."""
    corpora = args.corpus or [CORPUS]
    for spec in corpora:  # what cannot exist is refused before the page opens
        parse_spec(spec)
        if args.watch:
            watched_folders(spec)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # both are read at import: nothing leaves this machine
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from ui.access import Access
    from ui.page import build_page, serve  # takes seconds: bad usage is told before

    services = Services(corpora, args.model or MODELS, settings, args.watch)
    page = build_page(services, Access(args.host))
    print(f"Code Search Studio is at {serve(page, services, args.host, args.port)}", flush=True)
    services.start()  # the page is up before any model loads
    try:
        threading.Event().wait()
    finally:
        services.stop()
        page.close(verbose=False)


if __name__ == "__main__":
    raise SystemExit(main())
