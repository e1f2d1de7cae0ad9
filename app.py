"""Code Search Studio: open a page that searches code by meaning. See `python app.py --help`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace

from search_core.bucket import Bucket
from search_core.command_line import OneLineParser, port, run_command, workspace
from search_core.corpus import check_installed
from search_core.corpus.spec import parse_spec
from search_core.encoder import checked_model
from search_core.settings import Settings
from search_core.watch import watched_folders
from ui.hosting import Hosting, free_memory, prepare_zero_gpu
from ui.imports import quick_imports
from ui.offering.catalog import Catalog
from ui.offering.services import Services

CORPORA = ("stdlib",)
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
        help=f"what to search, may be repeated (default {' and '.join(CORPORA)})",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="SPEC",
        help=f"model, may be repeated (default {' and '.join(MODELS)})",
    )
    parser.add_argument("--watch", action="store_true", help="follow edits of the corpus, a folder")
    parser.add_argument(
        "--host", metavar="H", help="address to listen on (default: GRADIO_SERVER_NAME, else 127.0.0.1)"
    )
    parser.add_argument("--port", type=port, metavar="P", help="port (default: the first free one from 7860)")
    parser.add_argument(
        "--workspace", type=workspace, metavar="DIR", help="where indexes and reports are kept"
    )
    parser.set_defaults(run=open_page)
    return parser


def open_page(args: argparse.Namespace, settings: Settings) -> None:
    """Serve the page until the program is interrupted. Raises StudioError where it cannot be served."""
    for spec in args.corpus or CORPORA:  # what cannot exist is refused before the page opens
        check_installed(parse_spec(spec))
        if args.watch:
            watched_folders(spec)
    for spec in args.model or ():
        checked_model(spec)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # both are read at import: nothing leaves this machine
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    hosting = Hosting.of(os.environ, free_memory(os.environ))
    if hosting.zero_gpu:
        settings = prepare_zero_gpu(settings)
    with quick_imports():  # takes seconds all the same: bad usage is told before
        from ui.access import Access
        from ui.page import build_page, serve

    bucket = Bucket(settings.archive, settings.workspace) if settings.archive else None
    if bucket:
        bucket.restore()  # before anything reads the workspace
        hosting = replace(hosting, problem=bucket.problem)
    catalog = Catalog(settings.workspace)
    corpora = catalog.read("corpora").offered(args.corpus, CORPORA)
    models = catalog.read("models").offered(args.model, hosting.models(MODELS))
    services = Services(corpora, models, settings, args.watch)
    host = args.host or hosting.host
    access = Access(host, settings.admin_token, os.environ)
    page = build_page(services, access, hosting)
    print(f"Code Search Studio is at {serve(page, services, access, hosting, host, args.port)}", flush=True)
    if access.way_in == "closed":
        print(f"Nobody is its owner here, so nothing can be added or trained. {access.hint}", flush=True)
    try:
        signal.signal(signal.SIGTERM, _leave)
        services.start()  # the page is up before any model loads
        if bucket:
            bucket.start()
        threading.Event().wait()
    finally:
        if bucket:
            bucket.stop()  # first: a host waits some seconds and then kills
        services.stop()
        page.close(verbose=False)


def _leave(*_: object) -> None:
    """How Docker and a Space end a program: as with Ctrl-C, what is open is brought to an end first."""
    raise SystemExit(0)


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as ending:  # bad usage, --help, or a host that ends the program
        code = int(ending.code or 0)
    # What had to end has ended. A thread that is still in a model's native code would make the
    # interpreter's own ending an abort.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
