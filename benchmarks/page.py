"""How long a visitor waits: the server's work for a search, and from Enter to painted results in Chromium.

    python -m benchmarks.page [--workspace DIR]

Over CoSQA's 6,267 functions, 10 + 10 results by `minilm` and `studio`, a new query each time. The
server's work is compared with the same two searches by the engine alone; Enter to paint with Enter in an
empty box on the same page, which is Gradio's round trip with hardly any work; searching beside a training
run with searching without one. Targets on two free cores: 25 ms of work at the median; 300 ms to paint at
the median, 600 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.browser import find_browser
from benchmarks.development_data import cosqa
from benchmarks.served import MODELS, questions, serving
from search_core.settings import Settings
from search_core.types import Mode
from train.config import defaults
from train.run import cancel, delete, start
from ui.lanes import MODEL_MODES, Side
from ui.offering.services import Services
from ui.search import asks

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORK_QUERIES = 50
PAINTED = 30
SIDES: tuple[Side, ...] = ("a", "b")
WARM_UP = 3
PROBE = Path(__file__).with_suffix(".js").read_text("utf-8")
TYPING_MS = 200
"""Between filling the box and Enter, so that the page is at rest."""
FIRST_STEP_S = 300
"""Patience for the first step of a training run, which measures its base model before."""


@dataclass(frozen=True)
class Wait:
    """One search as a visitor meets it, in ms; its parts follow each other.

    request: from Enter until the browser asks. answer: until all of it has arrived, the server's work among
    it. patch: until the new cards are in the document. paint: until their first frame.
    """

    total: float
    request: float
    answer: float
    patch: float
    paint: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long a visitor waits for a search.")
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="keeps vectors from run to run")
    given: Path | None = parser.parse_args().workspace
    spec, browser = cosqa(), find_browser()
    with nullcontext(given) if given else tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment(workspace=Path(folder))
        queries = questions(spec, settings)
        print_work(spec, queries[:WORK_QUERIES], settings)
        if browser is None:
            print("the rest is skipped: no Chromium, which scripts/system_packages.sh installs")
            return
        with serving(spec, settings) as url:
            print_waits(browser, url, spec, queries[WORK_QUERIES:], settings)


def print_work(spec: str, queries: Sequence[str], settings: Settings) -> None:
    """What the page's server does for a search, next to the two searches in it."""
    services = Services([spec], MODELS, settings)
    services.start()
    while services.preparing:
        time.sleep(0.1)
    print(f"server's work, {len(queries)} queries: median, 95th percentile, × its two searches alone")
    for mode in MODEL_MODES:
        page_ms, engine_ms = [], []
        for query in queries:
            ask = replace(asks.default_ask(services), q=query, mode=mode)
            engine_ms.append(_ms(partial(_searched, services, ask)))
            page_ms.append(_ms(partial(asks.answers, services, ask)))
        page, engine = statistics.median(page_ms), statistics.median(engine_ms)
        tail = np.percentile(page_ms, 95)
        print(f"  {mode:8} {page:6.1f} ms {tail:6.1f} ms  {page / engine:.2f} × {engine:.1f} ms", flush=True)
    services.stop()


def print_waits(chromium: str, url: str, spec: str, queries: Sequence[str], settings: Settings) -> None:
    """Enter to paint, in each mode and beside training, next to Enter in an empty box."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])

        def opened(mode: Mode) -> Page:
            page = browser.new_page(viewport={"width": 1440, "height": 1000})
            page.add_init_script(PROBE)
            page.goto(f"{url}?mode={mode}", timeout=60_000)
            page.wait_for_selector(".cs-empty")
            return page

        print(f"Enter to paint, {PAINTED} queries, in ms: median, 95th percentile; medians of the parts")
        pages: dict[str, Page] = {"empty": opened("dense"), **{mode: opened(mode) for mode in MODEL_MODES}}
        waits = alternating_waits(pages, queries)
        for name in pages:
            print_wait(name, waits[name], waits["empty"], "an empty box")
        with training(spec, settings):
            beside = alternating_waits({"dense": pages["dense"]}, queries[PAINTED + WARM_UP :])
        print_wait("dense beside training", beside["dense"], waits["dense"], "without")
        browser.close()


def alternating_waits(pages: dict[str, Page], queries: Sequence[str]) -> dict[str, list[Wait]]:
    """Of every page for each query; an empty box stays empty."""
    waits: dict[str, list[Wait]] = {name: [] for name in pages}
    for query in queries[: WARM_UP + PAINTED]:
        for name, page in pages.items():
            waits[name].append(wait_for(page, "" if name == "empty" else query))
    return {name: measured[WARM_UP:] for name, measured in waits.items()}


def wait_for(page: Page, query: str) -> Wait:
    """Type a query, press Enter, wait for the paint."""
    box = page.locator("#query :is(input, textarea)")
    page.bring_to_front()
    box.fill(query)
    page.wait_for_timeout(TYPING_MS)
    box.press("Enter")
    page.wait_for_function("() => searchTimes.painted")
    at = page.evaluate("searchTimesWithRequests()")
    return Wait(
        total=at["painted"] - at["enter"],
        request=at["requested"] - at["enter"],
        answer=at["answered"] - at["requested"],
        patch=at["patched"] - at["answered"],
        paint=at["painted"] - at["patched"],
    )


def print_wait(name: str, waits: Sequence[Wait], reference: Sequence[Wait], of: str) -> None:
    medians = {
        field.name: statistics.median(getattr(wait, field.name) for wait in waits) for field in fields(Wait)
    }
    ratio = medians["total"] / statistics.median(wait.total for wait in reference)
    tail = np.percentile([wait.total for wait in waits], 95)
    parts = ", ".join(f"{part} {value:.0f}" for part, value in medians.items() if part != "total")
    print(f"  {name:22} {medians['total']:5.0f} {tail:5.0f}  {ratio:.2f} × {of}: {parts}", flush=True)


@contextmanager
def training(spec: str, settings: Settings) -> Iterator[None]:
    """A training run in the background while the block lasts, from its first step; nothing of it stays."""
    run = start(defaults(spec, "minilm", on_gpu=False), settings, background=True)
    try:
        deadline = time.monotonic() + FIRST_STEP_S
        while not any(event["type"] == "step" for event in run.state().events):
            if not run.state().is_alive or time.monotonic() > deadline:
                raise SystemExit(f"the training run did not begin: {run.state().message}")
            time.sleep(0.2)
        yield
    finally:
        cancel(run)
        delete(run, settings)


def _searched(services: Services, ask: asks.Ask) -> None:
    for side in SIDES:
        services.search(ask.q, ask.k, ask.corpus, ask.lane(side), ask.filter)


def _ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - started)


if __name__ == "__main__":
    main()
