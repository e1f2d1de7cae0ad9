"""One run from the page to the Hub and back: trained, left alone, found again, published, downloaded."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.offered import JUDGED
from tests.e2e.studio import Studio, opened, running
from tests.fake_hub import FakeHub
from tests.train.publisher import REPO, TOKEN, code_on_card, publishing_hub

pytestmark = pytest.mark.browser

TRAINED_MS = 200_000
EQUAL_VECTORS = """
import sys
texts = ["def add(a, b): return a + b", "sum of two"]
assert (model.encode(texts) == SentenceTransformer(sys.argv[1]).encode(texts)).all()
assert scores[0, 1] > scores[0, 0] + 0.2, scores  # the second of the card's functions averages a list
"""
"""What must hold after the code on the model's card."""


def fill_form(page: Page) -> None:
    """The smallest real training that shows itself step by step: an adapter, nothing measured elsewhere."""
    page.locator("#new-run label", has_text="lora").click()
    for label, value in (("Epochs", "4"), ("Batch size", "4")):
        page.get_by_label(label).fill(value)
    page.get_by_label(re.compile("Measure on the standard library")).uncheck()


def code_on_card_makes_vectors_of(folder: Path, hub: FakeHub, cache: Path) -> None:
    """Raises AssertionError unless who downloads the model, as its card says, has the folder's vectors."""
    done = subprocess.run(
        [sys.executable, "-c", code_on_card(hub) + EQUAL_VECTORS, str(folder)],
        env=hub.environment(cache),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert any("/resolve/" in request for request in hub.requests)


def publishing(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a studio that is logged in to a hub of this machine."""
    environment = hub.environment(cache) | {"HF_TOKEN": TOKEN}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return environment


@pytest.mark.timeout(900)  # the run yields to whatever else the machine does
def test_a_run_survives_the_server_and_what_is_published_makes_equal_vectors(
    browser: Browser, tmp_path: Path, conversions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started() -> AbstractContextManager[Studio]:
        return running([JUDGED], tmp_path, "--model", "minilm", conversions=conversions)

    with publishing_hub(tmp_path / "hub") as hub:
        publishing(hub, tmp_path / "cache", monkeypatch)
        with started() as studio:
            studio.wait_for_keywords()
            with opened(browser, studio, "?tab=train") as page:
                expect(page.locator("#pairs")).to_contain_text("13 pairs with 13 functions")
                fill_form(page)
                expect(page.locator("#estimate")).to_contain_text("About")
                page.locator("#start").click()
                page.wait_for_url("**run=*")
                address = "?" + page.url.partition("?")[2]
                expect(page.locator("#run")).to_contain_text("of 16", timeout=TRAINED_MS)  # steps, live
                expect(page.get_by_role("img", name="Loss after")).to_be_visible()
            studio.process.send_signal(signal.SIGKILL)
            studio.process.wait()
        (run,) = (studio.workspace / "runs").glob("2*")
        assert '"finish"' not in (run / "events.jsonl").read_text()
        with started() as studio:
            studio.wait_for_keywords()
            with opened(browser, studio, address) as page:
                verdict = page.locator("#run .cs-verdict")
                expect(verdict).to_contain_text("nDCG@10 went from", timeout=TRAINED_MS)
                page.get_by_label("Repository").fill(REPO)
                page.get_by_role("button", name="Publish", exact=True).click()
                expect(page.locator("#publication")).to_contain_text(f"Published: {REPO}", timeout=TRAINED_MS)
        assert address.endswith(f"run={run.name}")
        hub.private.remove(REPO)  # as its owner decides, so that a stranger can have it
        code_on_card_makes_vectors_of(run, hub, tmp_path / "empty")
