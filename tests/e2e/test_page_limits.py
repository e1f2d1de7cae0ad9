"""What the page may cost its visitors: bytes, requests, and things that jump."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.studio import Studio, ask, opened, slow_down

pytestmark = pytest.mark.browser

FIRST = "write a file and rename it into place"
NEXT = "match a path against a pattern"
SHIFTS = """() => new Promise(resolve => {
  const named = ({node}) => node?.id || node?.className || node?.nodeName || 'removed';
  const observed = list => resolve(list.getEntries().filter(shift => !shift.hadRecentInput).map(
    ({value, startTime, sources}) => [value, Math.round(startTime), sources.map(named)]));
  new PerformanceObserver(observed).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => resolve([]), 300);
})"""
"""Shifts since the page began, but for those within 500 ms of input: [how much, at which ms, what moved]."""
MOST_SHIFT = 0.05


def assert_nothing_jumped(page: Page) -> None:
    """All shifts together, not only their worst five seconds, as Web Vitals has it, stay below its limit."""
    shifts = page.evaluate(SHIFTS)
    assert sum(value for value, *_ in shifts) < MOST_SHIFT, shifts


@pytest.fixture
def page(browser: Browser, studio: Studio) -> Iterator[Page]:
    with opened(browser, studio) as page:
        yield page


def resources(page: Page, part: str = "") -> list[dict[str, Any]]:
    """The page's requests whose address holds a part, as the browser timed them."""
    timings = page.evaluate("performance.getEntriesByType('resource').map(timing => timing.toJSON())")
    return [timing for timing in timings if part in timing["name"]]


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_searching(browser: Browser, studio: Studio, width: int) -> None:
    with opened(browser, studio, viewport={"width": width, "height": 900}) as page:
        slow_down(page)
        ask(page, FIRST)
        ask(page, NEXT)
        page.locator(".cs-col:visible [data-do=similar]").first.click()
        expect(page.locator(".cs-like")).to_be_visible()
        assert_nothing_jumped(page)


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_code_is_unfolded(browser: Browser, studio: Studio, width: int) -> None:
    with opened(browser, studio, f"?q={FIRST}", viewport={"width": width, "height": 900}) as page:
        more = page.locator(".cs-more:visible").first
        more.click()
        expect(more).to_contain_text("Show less")
        assert_nothing_jumped(page)


@pytest.mark.parametrize(
    ("name", "filled"),
    [
        ("Metrics", "#reports .cs-panel, #board-note .cs-empty"),
        ("Train", "#new-run"),
        ("Corpora", ".cs-corpus"),
    ],
)
def test_nothing_jumps_when_a_tab_is_opened(page: Page, name: str, filled: str) -> None:
    slow_down(page)
    ask(page, FIRST)
    page.locator("#tabs [role=tab]", has_text=name).first.click()
    expect(page.locator(filled).first).to_be_visible()
    page.locator("#tabs [role=tab]", has_text="Search").first.click()
    expect(page.locator(".cs-card").first).to_be_visible()
    assert_nothing_jumped(page)


def test_a_linked_search_is_there_at_once_and_does_not_jump(browser: Browser, studio: Studio) -> None:
    with opened(browser, studio, f"?q={FIRST}") as page:
        expect(page.locator(".cs-card").first).to_be_visible()
        assert_nothing_jumped(page)


def test_charts_are_not_loaded_with_the_first_page(page: Page) -> None:
    assert resources(page, "lotly") == []


def test_an_answer_of_ten_and_ten_results_is_small(page: Page) -> None:
    page.evaluate("performance.clearResourceTimings()")
    ask(page, FIRST)
    answers = resources(page, "/queue/data") + resources(page, "/run/predict")
    assert page.locator(".cs-card").count() == 20
    assert sum(answer["decodedBodySize"] for answer in answers) < 120_000


def test_a_search_asks_the_server_at_most_twice(page: Page) -> None:
    ask(page, FIRST)
    page.evaluate("performance.clearResourceTimings()")
    ask(page, NEXT)
    assert len(resources(page, "/gradio_api/")) <= 2
