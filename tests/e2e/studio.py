"""`python app.py` as a process of its own, and pages of a real browser on it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from benchmarks.browser import find_browser

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 15_000
"""What a busy machine may need for one step of the page."""

LEFT = ("BodyStreamBuffer was aborted", "Connection errored out", "network error", "signal is aborted")
"""What Gradio says of an answer that was on its way when the page was left."""

expect.set_options(timeout=PATIENCE_MS)


class Studio:
    """A running app. log: what it wrote, standard error included. workspace: its own."""

    def __init__(
        self, corpora: Sequence[str], folder: Path, *options: str, environment: Mapping[str, str]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        self.log = folder / "app.log"
        self.workspace = folder / "workspace"
        given = [option for spec in corpora for option in ("--corpus", spec)]
        place = ("--port", str(port), "--workspace", str(self.workspace))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", *given, *place, *options],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **environment},
            )

    def health(self) -> dict[str, Any]:
        with urlopen(self.url + "healthz", timeout=5) as answer:
            return dict(json.load(answer))

    def wait_for_keywords(self) -> None:
        self._wait(lambda health: health["corpora"])

    def wait_for_models(self, count: int = 2) -> None:
        """Until each corpus is searched with each model. count: of the models."""
        self._wait(lambda health: len(health["models"]) == count)
        with closing(Client(self.url, verbose=False)) as client:
            while any(len(corpus["models"]) < count for corpus in client.predict(api_name="/corpora")):
                time.sleep(0.1)

    def _wait(self, reached: Callable[[dict[str, Any]], object], timeout_s: float = 240) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._has(reached):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"not after {timeout_s:.0f} s: {self.log.read_text()}"
            time.sleep(0.1)

    def _has(self, reached: Callable[[dict[str, Any]], object]) -> bool:
        try:
            return bool(reached(self.health()))
        except OSError:  # not listening yet, or busy with loading
            return False

    def interrupt(self) -> int:
        """Ctrl-C. Returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@contextmanager
def running(
    corpora: Sequence[str],
    folder: Path,
    *options: str,
    conversions: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Studio]:
    """Start an app in a folder, again where it has run before.

    options: further ones of app.py. conversions: room for converted models, shared.
    environment: variables on top of the tests' own.
    """
    runtimes = folder / "workspace" / "runtimes"
    if not runtimes.exists():
        runtimes.parent.mkdir(exist_ok=True)
        runtimes.symlink_to(conversions)
    studio = Studio(corpora, folder, *options, environment=environment or {})
    try:
        yield studio
    finally:
        if studio.process.poll() is None:
            studio.process.kill()
            studio.process.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless. Skips the test where there is none."""
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on this machine: scripts/system_packages.sh installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, studio: Studio, query: str = "", **options: Any) -> Iterator[Page]:
    """A page of its own on the studio. By its end no request has left the machine, no script has failed.

    options: of the browser context, such as color_scheme or viewport.
    """
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    hosts: set[str] = set()
    errors: list[str] = []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(studio.url + query, timeout=4 * PATIENCE_MS)  # models may be loading beside
    page.wait_for_selector(":is(.cs-card, .cs-empty, .cs-note, .cs-panel, .cs-corpus):visible")
    yield page
    context.close()
    assert hosts - {""} == {urlsplit(studio.url).netloc}, "a request left the machine"
    errors = [error for error in errors if not any(words in error for words in LEFT)]
    assert errors == [], errors


def slow_down(page: Page) -> None:
    """Let each answer of the server come after the half second in which browsers forgive what moves."""

    def later(route: Route) -> None:
        time.sleep(0.6)
        route.continue_()

    for path in ("queue/data*", "run/**"):
        page.route(f"**/gradio_api/{path}", later)


def ask(page: Page, query: str) -> None:
    """Type a query, press Enter, wait until it is answered."""
    box = page.locator("#query input")
    box.fill(query)
    box.press("Enter")
    page.wait_for_function("q => new URLSearchParams(location.search).get('q') === q", arg=query)
    page.wait_for_selector("body:not([data-busy])")
