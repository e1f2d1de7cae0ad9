"""The Train tab: what it is about to do, what a run has reached, and what can be done with it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from search_core.encoder import model_folder
from search_core.settings import Settings
from tests.e2e.offered import CODE, HOSTILE_PATH
from tests.e2e.studio import Studio, opened
from tests.train.run_folder import build_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def finished(studio: Studio) -> Iterator[Path]:
    """A run that has ended, in the workspace of the shared studio; its figures can be worked out by hand."""
    folder = studio.workspace / "runs" / "20260101-120000-e2e0"
    yield build_run(folder, model=model_folder("minilm", Settings()), corpus=CODE)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def page(browser: Browser, studio: Studio, finished: Path) -> Iterator[Page]:
    with opened(browser, studio, f"?tab=train&run={finished.name}") as page:
        expect(page.locator("#new-run")).to_be_visible()
        yield page


def test_the_form_begins_with_the_recipe(page: Page) -> None:
    for label, value in (("Epochs", "2"), ("Batch size", "64"), ("Learning rate", "0.0001")):
        expect(page.get_by_label(label)).to_have_value(value)


def test_numbers_that_cannot_be_are_told_before_the_start(page: Page) -> None:
    page.get_by_label("Epochs").fill("0")
    page.get_by_label("Batch size").fill("1")
    expect(page.locator("#estimate")).to_contain_text(
        "Epochs must be a whole number, at least 1 and at most 1,000, not 0. "
        "Batch size must be a whole number, at least 2 and at most 65,536, not 1."
    )


def test_pairs_are_counted_and_shown_six_at_a_time(page: Page) -> None:
    pairs = page.locator("#pairs")
    expect(pairs).to_contain_text("81 pairs with 81 functions")
    expect(pairs).to_contain_text("1 in a module of another split")
    first = pairs.locator("h3").all_inner_texts()
    pairs.get_by_role("button", name="Others").click()
    expect(pairs.locator("h3").first).not_to_have_text(first[0])
    assert len(pairs.locator("h3").all()) == 6


def test_before_and_after_is_told_with_its_certainty(page: Page) -> None:
    expect(page.locator(".cs-verdict")).to_have_text(
        "nDCG@10 went from 0.723 to 0.954: no significant difference. 5 queries are better, 0 worse, 3 equal."
    )
    row = page.locator("#run tr", has=page.get_by_role("rowheader", name="stdlib"))
    expect(row).to_contain_text("no significant difference")


def test_a_trained_model_is_compared_in_search(page: Page, finished: Path) -> None:
    page.get_by_role("button", name="Compare in search").click()
    expect(page.get_by_label("Left", exact=True)).to_have_value("minilm")
    expect(page.get_by_label("Right", exact=True)).to_have_value(re.compile(finished.name))
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_role("link", name="Compare in search")).to_be_visible()


def test_the_model_card_is_read_before_it_is_published(page: Page) -> None:
    page.get_by_label("Repository").fill("alice/finder")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#card")).to_contain_text("What it may have forgotten")
    expect(page.locator("#card")).to_contain_text("pipeline_tag: sentence-similarity")


def test_a_run_is_deleted_only_when_that_is_confirmed(browser: Browser, studio: Studio) -> None:
    folder = studio.workspace / "runs" / "20260102-120000-gone"
    build_run(folder, model=model_folder("minilm", Settings()), corpus=CODE)
    with opened(browser, studio, f"?tab=train&run={folder.name}") as page:
        page.get_by_role("button", name="Delete…").click()
        expect(page.get_by_role("alertdialog")).to_contain_text("Its model, its figures and its log are lost")
        page.get_by_role("button", name="Keep it").click()
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        assert folder.exists()
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("button", name="Delete it").click()
        expect(page.locator("#run")).not_to_contain_text(folder.name)
        assert not folder.exists()


def test_hostile_names_and_log_lines_stay_text(browser: Browser, studio: Studio) -> None:
    folder = studio.workspace / "runs" / "20260103-120000-evil"
    build_run(folder, model=model_folder("minilm", Settings()), corpus=f"/src/{HOSTILE_PATH}")
    folder.joinpath("log.txt").write_text("<script>window.__x=7</script> \u202e\x07\n" + "x" * 1_000_000)
    with opened(browser, studio, f"?tab=train&run={folder.name}") as page:
        expect(page.locator(".cs-runhead")).to_contain_text(HOSTILE_PATH)
        expect(page.locator(".cs-log")).to_contain_text("x" * 100)
        assert page.evaluate("window.__x") is None
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("theme", "width"), [pytest.param("light", 1440, marks=pytest.mark.full), ("dark", 390)]
)
def test_axe_finds_nothing_and_nothing_jumps(
    browser: Browser, studio: Studio, finished: Path, theme: str, width: int
) -> None:
    window = {"width": width, "height": 1000}
    look = {"color_scheme": theme, "viewport": window, "reduced_motion": "reduce"}
    with opened(browser, studio, f"?tab=train&run={finished.name}", **look) as page:
        expect(page.locator("#pairs article")).to_have_count(6)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate(SHIFT) < 0.05


SHIFT = """() => new Promise((told) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) sum += one.value;
  }).observe({type: "layout-shift", buffered: true});
  setTimeout(() => told(sum), 300);
})"""
