"""The owner adds corpora on the page, searches them, reads them again and deletes them."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.offered import CODE
from tests.e2e.studio import Studio, opened

pytestmark = pytest.mark.browser

READY_MS = 90_000
"""What encoding a handful of functions may take beside other tests."""
BREAD = 'def bake_bread(flour):\n    """Make food from flour."""\n    return flour\n'
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});"""


@contextmanager
def corpora(browser: Browser, studio: Studio) -> Iterator[Page]:
    with opened(browser, studio, "?tab=corpora") as page:
        expect(card(page, CODE)).to_be_visible()
        yield page


def card(page: Page, name: str) -> Locator:
    return page.locator(".cs-corpus", has=page.get_by_role("heading", name=name, exact=True))


def state(page: Page, name: str) -> Locator:
    """The chip that sums up how far a corpus is."""
    return card(page, name).locator(".cs-what .cs-chip")


def add(page: Page, spec: str) -> None:
    page.get_by_label("Add a corpus").fill(spec)
    page.get_by_label("Add a corpus").press("Enter")


def delete(page: Page, name: str) -> None:
    card(page, name).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.get_by_role("button", name="Delete it").click()
    expect(card(page, name)).to_have_count(0)


def test_a_folder_is_added_searched_read_again_and_deleted(
    browser: Browser, studio: Studio, tmp_path: Path
) -> None:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "bread.py").write_text(BREAD)
    name = str(folder)
    with corpora(browser, studio) as page:
        chooser = page.get_by_role("combobox", name="Corpus", exact=True)
        add(page, name)
        expect(state(page, name)).to_have_text("ready", timeout=READY_MS)
        expect(card(page, name).locator("dd").first).to_have_text("1")

        (folder / "cake.py").write_text("def bake_cake(sugar):\n    return sugar\n")
        card(page, name).get_by_role("button", name="Read again what changed").click()
        expect(card(page, name).locator("dd").first).to_have_text("2", timeout=READY_MS)

        card(page, name).get_by_role("link", name="Search in").click()
        page.locator("#query input").fill("sugar")
        page.locator("#query input").press("Enter")
        expect(page.locator("#column-a .cs-card h3").first).to_have_text("bake_cake")
        expect(chooser).to_have_value(name)

        page.locator("#tabs [role=tab]", has_text="Corpora").click()
        delete(page, name)
        expect(page.locator("#corpus-note")).to_contain_text("is deleted")
        assert (folder / "bread.py").read_text() == BREAD
        page.locator("#tabs [role=tab]", has_text="Search").click()
        expect(chooser).not_to_have_value(name)  # Gradio fails where choices go while their list is open
        chooser.click()
        expect(page.get_by_role("option", name=CODE)).to_be_visible()
        expect(page.get_by_role("option", name=name)).to_have_count(0)


def test_an_upload_is_searched_and_a_hostile_one_is_explained(
    browser: Browser, studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "bread.py").write_text(BREAD)
    with tarfile.open(tmp_path / "good.tar.gz", "w:gz") as good:
        good.add(tmp_path / "bread.py", "bread.py")
    with zipfile.ZipFile(tmp_path / "hostile.zip", "w") as hostile:
        hostile.writestr("../../escaped.py", BREAD)
    with corpora(browser, studio) as page:
        for name in ("good.tar.gz", "hostile.zip"):
            page.locator("#add-corpus input[type=file]").set_input_files(tmp_path / name)
            expect(card(page, name)).to_be_visible()
        expect(state(page, "hostile.zip")).to_have_text("failed", timeout=READY_MS)
        expect(card(page, "hostile.zip").locator(".cs-failure")).to_contain_text(
            "no code to search: 0 source files were read; 1 left out (first: ../../escaped.py, unsafe path)"
        )
        assert not list(studio.workspace.parent.rglob("escaped.py"))
        expect(state(page, "good.tar.gz")).to_have_text("ready", timeout=READY_MS)
        card(page, "good.tar.gz").get_by_role("link", name="Search in").click()
        page.locator("#query input").fill("flour")
        page.locator("#query input").press("Enter")
        expect(page.locator("#column-a .cs-card h3").first).to_have_text("bake_bread")
        page.locator("#tabs [role=tab]", has_text="Corpora").click()
        for name in ("good.tar.gz", "hostile.zip"):
            delete(page, name)
        assert not list(studio.workspace.glob("uploads/*"))


def test_what_cannot_be_added_is_explained_in_place(browser: Browser, studio: Studio) -> None:
    with corpora(browser, studio) as page:
        offered = page.locator(".cs-corpus").count()
        add(page, "no/such/folder")
        expect(page.get_by_role("alert")).to_contain_text(
            "Unknown corpus 'no/such/folder': no folder of that"
        )
        expect(page.get_by_label("Add a corpus")).to_have_value("no/such/folder")
        page.get_by_label("Add a model").fill("./no-such-run")
        page.get_by_label("Add a model").press("Enter")
        expect(page.locator("#model-note")).to_have_text("There is no model folder './no-such-run'.")
        expect(page.locator(".cs-corpus")).to_have_count(offered)


def test_a_visitor_sees_everything_but_the_controls(browser: Browser, studio: Studio) -> None:
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    with opened(browser, studio, "?tab=corpora", extra_http_headers=elsewhere) as page:
        expect(card(page, CODE).get_by_role("link", name="Search in")).to_be_visible()
        expect(page.locator("#corpus-note")).to_contain_text("for the owner")
        expect(page.get_by_label("Add a corpus")).to_have_count(0)
        expect(page.locator("#corpora .cs-tools button, #model-list .cs-tools button")).to_have_count(0)


def test_nothing_jumps_and_axe_finds_nothing(browser: Browser, studio: Studio) -> None:
    with corpora(browser, studio) as page:
        page.evaluate(SHIFTS)  # of the opening, too: the observer is told of what was before it
        page.locator("[data-do=delete]").first.click()
        expect(page.get_by_role("button", name="Keep it")).to_be_focused()
        assert page.evaluate("window.shift") < 0.05
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 1000})
            for _ in ("light", "dark"):
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
                page.locator("[data-do=theme]").click()
