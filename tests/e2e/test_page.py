"""A person searches real code on the real page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from studio import ROOT, Studio, ask, chromium, opened, running

pytestmark = pytest.mark.browser

QUERY = "write a file and rename it into place"


@pytest.fixture
def page(browser: Browser, studio: Studio) -> Iterator[Page]:
    with opened(browser, studio) as page:
        yield page


def cards(page: Page, side: str) -> list[str]:
    """Symbols in a column, best first."""
    return page.locator(f"#column-{side} h3").all_inner_texts()


def test_a_query_is_answered_by_the_baseline_and_the_fine_tuned_model_side_by_side(page: Page) -> None:
    ask(page, QUERY)
    assert len(cards(page, "a")) == len(cards(page, "b")) == 10
    assert "write_text" in cards(page, "a")[:3]
    assert page.locator(".cs-colhead h2").all_inner_texts() == ["minilm", "studio"]
    expect(page.locator("#column-a .cs-colhead")).to_contain_text("hybrid")
    expect(page.locator("#column-b .cs-colhead")).to_contain_text("hybrid")
    expect(page.locator(".cs-share")).to_contain_text("of 10 shared")


def test_a_result_reads_like_its_file(page: Page) -> None:
    ask(page, QUERY)
    card = page.locator("#column-a .cs-card", has=page.get_by_role("heading", name="write_text"))
    expect(card.locator(".cs-place")).to_contain_text("store.py:")
    expect(card.locator(".cs-score")).to_have_attribute("title", "fused score")
    first = card.locator(".cs-code > div").first
    expect(first).to_have_text("def write_text(target: Path, text: str) -> None:")
    keyword, text = (
        page.evaluate(
            "element => getComputedStyle(element).color", card.locator(selector).first.element_handle()
        )
        for selector in (".cs-code .k", ".cs-code")
    )
    assert keyword != text
    assert "write" in [mark.lower() for mark in first.locator("mark").all_inner_texts()]


def test_keys_walk_the_results(page: Page) -> None:
    ask(page, QUERY)
    page.keyboard.press("Escape")
    for key, place in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(page.locator("#column-a .cs-card").nth(place)).to_be_focused()
    shared = next(symbol for symbol in cards(page, "a") if symbol in cards(page, "b"))
    page.locator("#column-a .cs-card", has=page.locator("h3", has_text=shared)).first.focus()
    page.keyboard.press("o")
    expect(page.locator("#column-b .cs-card:focus h3")).to_have_text(shared)
    page.keyboard.press("/")
    expect(page.locator("#query input")).to_be_focused()


def test_a_long_result_unfolds_and_is_copied_whole(browser: Browser, studio: Studio) -> None:
    with opened(browser, studio, permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page, "tokenize identifiers into camel case parts")
        card = page.locator(".cs-card", has=page.locator(".cs-more")).first
        more = card.locator(".cs-more")
        lines = card.locator(".cs-code > div")
        hidden = int(more.locator("b").inner_text().split()[1])
        expect(lines).to_have_count(14)
        more.click()
        expect(lines).to_have_count(14 + hidden)
        expect(more.locator("b")).to_have_text("Show less")
        card.locator("[data-do=copy]").click()
        expect(card.locator("[data-do=copy].done")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        path, _, span = card.locator(".cs-path").inner_text().rpartition(":")
        start, end = map(int, span.split("–"))
        file = (ROOT / "search_core" / path).read_text("utf-8").splitlines()
        assert copied.rstrip("\n") == "\n".join(file[start - 1 : end])


def test_an_address_brings_back_the_search(browser: Browser, studio: Studio, page: Page) -> None:
    page.locator("label", has_text="dense").click()
    ask(page, QUERY)
    with opened(browser, studio, "?" + page.url.partition("?")[2]) as again:
        expect(again.locator("#query input")).to_have_value(QUERY)
        expect(again.locator("#column-a .cs-colhead")).to_contain_text("dense")
        assert [cards(again, side) for side in "ab"] == [cards(page, side) for side in "ab"]


def test_one_model_in_two_modes_can_be_compared(page: Page) -> None:
    ask(page, QUERY)
    page.get_by_label("Right").click()
    page.get_by_role("option", name="minilm · dense").click()
    expect(page.locator("#column-b .cs-colhead")).to_contain_text("by meaning")
    expect(page.locator("#column-b .cs-chip").first).to_have_text("dense")
    assert "b=minilm+%C2%B7+dense" in page.url


def test_filters_narrow_and_are_cleared(page: Page) -> None:
    ask(page, QUERY)
    page.get_by_text("Filters").click()
    page.get_by_label("Path").fill("no/such/place/**")
    page.get_by_label("Path").press("Enter")
    expect(page.locator("#column-a .cs-note")).to_contain_text(f"Nothing matches “{QUERY}”")
    page.locator("#column-a [data-do=clear]").click()
    expect(page.locator("#column-a .cs-card")).to_have_count(10)
    expect(page.get_by_label("Path")).to_have_value("")


def test_an_example_is_searched_with_a_click(page: Page) -> None:
    page.locator(".cs-example").first.click()
    expect(page.locator("#query input")).to_have_value("walk a directory tree")
    expect(page.locator("#column-a .cs-card").first).to_be_visible()


def test_a_query_that_is_too_long_is_explained(page: Page) -> None:
    page.locator("#query input").fill("x" * 20_000)
    page.locator("#query input").press("Enter")
    expect(page.locator(".cs-note")).to_contain_text("The query has 20,000 characters")


def test_hostile_code_and_queries_stay_text(page: Page) -> None:
    ask(page, "hostile value <img src=x onerror=window.__x=4> ${window.__x=5} {{value}}")
    card = page.locator("#column-b .cs-card", has=page.get_by_role("heading", name="hostile"))
    expect(card.locator(".cs-path")).to_contain_text(HOSTILE_PATH)
    expect(card.locator(".cs-code")).to_contain_text(
        "${window.__x=3} {{value}} {{#each value}} \\u12 ` ⟨U+202E⟩"
    )
    assert page.evaluate("window.__x") is None
    assert page.locator("#results img, #results script").count() == 0


def test_the_theme_follows_the_system_and_then_the_visitor(browser: Browser, studio: Studio) -> None:
    with opened(browser, studio, color_scheme="dark") as page:
        background = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(background) == "rgb(14, 17, 22)"
        page.locator("[data-do=theme]").click()
        assert page.evaluate(background) == "rgb(246, 247, 249)"
        page.reload()
        page.wait_for_selector(".cs-empty")
        assert page.evaluate(background) == "rgb(246, 247, 249)"


def test_a_phone_shows_one_column_and_nothing_sticks_out(browser: Browser, studio: Studio) -> None:
    with opened(browser, studio, viewport={"width": 390, "height": 844}) as page:
        ask(page, QUERY)
        expect(page.locator("#column-b")).to_be_visible()
        expect(page.locator("#column-a")).to_be_hidden()
        wide = page.evaluate(
            """() => [...document.querySelectorAll('.gradio-container *')].filter(element =>
                element.offsetParent && !element.closest('.cs-code > *')
                && element.getBoundingClientRect().right > innerWidth + 0.5
            ).map(element => element.outerHTML.slice(0, 80))"""
        )
        assert wide == []
        page.locator(".cs-switch button", has_text="minilm").click()
        expect(page.locator("#column-a")).to_be_visible()
        page.mouse.wheel(0, 2_000)
        expect(page.locator(".cs-switch")).to_be_in_viewport()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, studio: Studio, theme: str, width: int) -> None:
    still = {"reduced_motion": "reduce"}  # half-faded text has half the contrast
    window = {"width": width, "height": 1000}
    with opened(browser, studio, color_scheme=theme, viewport=window, **still) as page:
        empty = Axe().run(page)
        ask(page, QUERY)
        found = Axe().run(page)
        assert (empty.violations_count, found.violations_count) == (0, 0), (
            empty.generate_report() + found.generate_report()
        )


def test_the_first_answer_comes_from_keywords_and_the_models_follows_by_itself(
    browser: Browser, tmp_path: Path
) -> None:
    with running(["package:jinja2"], tmp_path) as studio:
        studio.wait_for_keywords()
        with opened(browser, studio) as page:
            ask(page, "render a template to a string")
            head = page.locator("#column-a .cs-colhead")
            expect(head).to_contain_text("lexical, hybrid not ready")
            expect(page.locator(".cs-banner")).to_contain_text("Until")
            expect(page.locator("#column-b .cs-card").first).to_be_visible()
            expect(head.locator(".cs-chip").first).to_have_text("hybrid", timeout=90_000)
            expect(page.locator(".cs-banner")).to_have_count(0, timeout=90_000)
            assert any("render" in symbol for symbol in cards(page, "a")[:3])
        assert studio.interrupt() == 130
        assert "Traceback" not in studio.log.read_text()
