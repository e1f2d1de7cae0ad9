"""A person searches real code on the real page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pathspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from filelock import FileLock
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.offered import CODE, HOSTILE_PATH, JUDGED
from tests.e2e.studio import Studio, ask, opened, running

pytestmark = pytest.mark.browser

QUERY = "match a path against patterns"


@pytest.fixture
def page(browser: Browser, studio: Studio) -> Iterator[Page]:
    with opened(browser, studio) as page:
        yield page


def card_of(page: Page, side: str, symbol: str) -> Locator:
    name = page.get_by_role("heading", name=symbol, exact=True)
    return page.locator(f"#column-{side} .cs-card", has=name).first


def cards(page: Page, side: str) -> list[str]:
    """Symbols in a column, best first."""
    return page.locator(f"#column-{side} h3").all_text_contents()


def test_a_query_is_answered_by_the_baseline_and_the_fine_tuned_model_side_by_side(page: Page) -> None:
    ask(page, QUERY)
    assert len(cards(page, "a")) == len(cards(page, "b")) == 10
    assert "match_file" in cards(page, "a")[:3]
    assert page.locator(".cs-colhead h2").all_inner_texts() == ["minilm", "studio"]
    for side in "ab":
        chips = page.locator(f"#column-{side} .cs-chip")
        expect(chips.first).to_have_text("hybrid")
        expect(chips.last).to_have_text(re.compile(r"\d ms$"))
    expect(page.locator(".cs-share")).to_contain_text("of 10 shared")


def test_a_result_reads_like_its_file(page: Page) -> None:
    ask(page, QUERY)
    card = card_of(page, "a", "match_file")
    expect(card.locator(".cs-place")).to_contain_text(re.compile(r"pathspec/util\.py:\d+–\d+"))
    expect(card.locator(".cs-place a")).to_have_count(0)  # there is no web page of a local file
    expect(card.locator(".cs-score")).to_have_attribute("title", "fused score")
    first = card.locator(".cs-code > div").first
    expect(first).to_have_text("def match_file(patterns: Iterable[Pattern], file: str) -> bool:")
    keyword, text = (
        page.evaluate(
            "element => getComputedStyle(element).color", card.locator(selector).first.element_handle()
        )
        for selector in (".cs-code .k", ".cs-code")
    )
    assert keyword != text
    assert first.locator("mark").all_inner_texts() == ["match", "patterns", "Pattern"]


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
        ask(page, QUERY)
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
        file = (Path(pathspec.__file__).parents[1] / path).read_text("utf-8").splitlines()
        assert copied.rstrip("\n") == "\n".join(file[start - 1 : end])


def test_code_that_comes_after_the_next_search_goes_nowhere(page: Page) -> None:
    on_its_way: list[Route] = []
    page.route("**/gradio_api/component_server/", lambda route: on_its_way.append(route))
    ask(page, "match a path against a pattern")
    page.locator(".cs-more:visible").first.click()
    ask(page, "turn a glob into a regular expression")
    with page.expect_response("**/gradio_api/component_server/"):
        on_its_way[0].continue_()
    page.wait_for_timeout(200)
    expect(page.locator(".cs-card")).to_have_count(20)
    expect(page.locator(".cs-code[data-whole]")).to_have_count(0)


def test_what_is_no_longer_there_is_neither_unfolded_nor_copied(browser: Browser, studio: Studio) -> None:
    with opened(browser, studio, permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page, QUERY)
        page.evaluate("navigator.clipboard.writeText('as before')")
        card = page.locator(".cs-card", has=page.locator(".cs-more")).first
        card.evaluate("card => { card.dataset.id = 'gone'; card.classList.add('this'); }")
        card = page.locator(".cs-card.this")
        card.locator("[data-do=copy]").click()
        expect(card.locator(".cs-gone")).to_have_text("No longer there: search again.")
        assert page.evaluate("navigator.clipboard.readText()") == "as before"
        card.locator(".cs-more").click()
        expect(card.locator(".cs-more b")).to_have_text(re.compile("^Show .* more lines$"))
        expect(card.locator(".cs-gone")).to_have_count(1)


def test_an_address_brings_back_the_search(browser: Browser, studio: Studio, page: Page) -> None:
    page.locator("label", has_text="dense").click()
    ask(page, QUERY)
    with opened(browser, studio, "?" + page.url.partition("?")[2]) as again:
        expect(again.locator("#query input")).to_have_value(QUERY)
        expect(again.locator("#column-a .cs-colhead")).to_contain_text("dense")
        assert [cards(again, side) for side in "ab"] == [cards(page, side) for side in "ab"]


def test_one_model_in_two_modes_can_be_compared(page: Page) -> None:
    ask(page, QUERY)
    page.get_by_label("Right", exact=True).click()
    page.get_by_role("option", name="minilm · dense").click()
    expect(page.locator("#column-b .cs-colhead")).to_contain_text("by meaning")
    expect(page.locator("#column-b .cs-chip").first).to_have_text("dense")
    assert "b=minilm+%C2%B7+dense" in page.url


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_filters_narrow_and_are_cleared(page: Page) -> None:
    ask(page, QUERY)
    page.get_by_text("Filters").click()
    choose(page, "Kind", "class")
    expect(page.locator("#column-a .cs-place span:last-child").first).to_have_text("class")
    kinds = page.locator("#columns .cs-place span:last-child").all_text_contents()
    assert set(kinds) == {"class"}
    assert "kind=class" in page.url
    page.get_by_label("Path", exact=True).fill("no/such/place/**")
    page.get_by_label("Path", exact=True).press("Enter")
    expect(page.locator("#column-a .cs-note")).to_contain_text(f"Nothing matches “{QUERY}”")
    page.locator("#column-a [data-do=clear]").click()
    expect(page.locator("#column-a .cs-card")).to_have_count(10)
    expect(page.get_by_label("Path", exact=True)).to_have_value("")
    expect(page.get_by_label("Kind", exact=True)).to_have_value("any")
    assert "kind=" not in page.url


def test_a_function_finds_its_like_and_leads_back(browser: Browser, studio: Studio, page: Page) -> None:
    ask(page, QUERY)
    before = [cards(page, side) for side in "ab"]
    page.keyboard.press("Escape")
    card_of(page, "a", "match_file").focus()
    page.keyboard.press("s")
    expect(page.locator(".cs-like b")).to_have_text("match_file")
    expect(page.locator(".cs-like")).to_contain_text("pathspec/util.py:")
    for side in "ab":
        assert len(cards(page, side)) == 10
        assert "match_file" not in cards(page, side)
    expect(page.locator("#columns mark, #columns [data-do=right]")).to_have_count(0)
    with opened(browser, studio, "?" + page.url.partition("?")[2]) as again:
        expect(again.locator(".cs-like b")).to_have_text("match_file")
        assert [cards(again, side) for side in "ab"] == [cards(page, side) for side in "ab"]
    page.get_by_role("button", name=f"Back to “{QUERY}”").click()
    expect(page.locator(".cs-like")).to_be_hidden()
    assert [cards(page, side) for side in "ab"] == before
    assert "similar=" not in page.url


def test_marks_are_stored_and_shown_again(browser: Browser, studio: Studio) -> None:
    query = "turn a glob into a regular expression"  # of this test alone
    with opened(browser, studio) as page:
        ask(page, query)
        ids = [
            [card.get_attribute("data-id") for card in page.locator(f"#column-{side} .cs-card").all()]
            for side in "ab"
        ]
        shared = next(id for id in ids[0] if id in ids[1])
        places = [f"#column-{side} .cs-card[data-id={json.dumps(shared)}]" for side in "ab"]
        page.locator(places[0]).focus()
        for key, marked in (("y", "right"), ("n", "wrong"), ("n", None), ("y", "right")):
            page.keyboard.press(key)
            for place in places:
                for tool in ("right", "wrong"):
                    expect(page.locator(place).locator(f"[data-do={tool}]")).to_have_attribute(
                        "aria-pressed", str(tool == marked).lower()
                    )
        expect(page.locator(".cs-state")).to_contain_text(re.compile(r"\d judged"))
        ask(page, QUERY)
        ask(page, query.upper())
        expect(page.locator(places[0]).locator("[data-do=right]")).to_have_attribute("aria-pressed", "true")
    lines = (studio.workspace / "judgments.jsonl").read_text().splitlines()
    stored = [one for one in map(json.loads, lines) if one["query"] == query]
    assert [one["verdict"] for one in stored] == ["right", "wrong", "none", "right"]
    assert {(one["corpus"], one["id"]) for one in stored} == {(CODE, shared)}


def test_a_corpus_is_searched_in_its_own_mode_and_with_its_own_filters(page: Page) -> None:
    ask(page, "convert camel case to underscores")
    choose(page, "Corpus", JUDGED)
    expect(page.locator("#column-a .cs-chip").first).to_have_text("dense")
    expect(page.get_by_label("dense")).to_be_checked()
    page.get_by_text("Filters").click()
    page.get_by_label("Kind", exact=True).click()
    expect(page.get_by_role("option")).to_have_text(
        [re.compile("any")]
    )  # functions of a data set have no kind


def test_an_example_of_the_corpus_is_searched_with_a_click(page: Page) -> None:
    example = page.locator(".cs-example").first
    query = example.inner_text()
    example.click()
    expect(page.locator("#query input")).to_have_value(query)
    expect(page.locator("#column-a .cs-card").first).to_be_visible()
    assert "walk a directory tree" not in query  # not the fixed ones


def test_a_query_that_is_too_long_is_explained(page: Page) -> None:
    page.locator("#query input").fill("x" * 20_000)
    page.locator("#query input").press("Enter")
    expect(page.locator(".cs-note")).to_contain_text("The query has 20,000 characters")


def test_hostile_code_and_queries_stay_text(browser: Browser, studio: Studio, hostile: str) -> None:
    with opened(browser, studio, "?" + urlencode({"corpus": hostile})) as page:
        ask(page, "hostile value <img src=x onerror=window.__x=4> ${window.__x=5} {{value}}")
        card = card_of(page, "b", "hostile")
        expect(card.locator(".cs-path")).to_contain_text(HOSTILE_PATH)
        expect(card.locator(".cs-code")).to_contain_text(
            "${window.__x=3} {{value}} {{#each value}} \\u12 ` ⟨U+202E⟩␛07"
        )
        card.locator("[data-do=similar]").click()
        expect(page.locator(".cs-like b")).to_have_text("hostile")
        page.locator("[data-do=back]").click()
        card.locator("[data-do=right]").click()
        expect(card.locator("[data-do=right]")).to_have_attribute("aria-pressed", "true")
        assert page.evaluate("window.__x") is None
        assert page.locator("#results img, #results script").count() == 0


def test_a_line_of_a_megabyte_is_cut_and_still_copied_whole(
    browser: Browser, studio: Studio, long_line: str
) -> None:
    with opened(
        browser,
        studio,
        "?" + urlencode({"corpus": long_line}),
        permissions=["clipboard-read", "clipboard-write"],
    ) as page:
        ask(page, "megabyte")
        card = page.locator("#column-a .cs-card").first
        expect(card.locator(".cs-code")).to_contain_text("999,6")
        card.locator("[data-do=copy]").click()
        expect(card.locator("[data-do=copy].done")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText().then((text) => text.length)") > 1_000_000


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
                element.offsetParent && !element.closest('.cs-code > *, .cs-path > *')
                && element.getBoundingClientRect().right > innerWidth + 0.5
            ).map(element => element.outerHTML.slice(0, 80))"""
        )
        assert wide == []
        page.locator(".cs-switch button", has_text="minilm").click()
        expect(page.locator("#column-a")).to_be_visible()
        page.mouse.wheel(0, 2_000)
        expect(page.locator(".cs-switch")).to_be_in_viewport()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", [pytest.param("light", marks=pytest.mark.full), "dark"])
def test_axe_finds_nothing(browser: Browser, studio: Studio, theme: str, width: int) -> None:
    still = {"reduced_motion": "reduce"}  # half-faded text has half the contrast
    window = {"width": width, "height": 1000}
    with opened(browser, studio, color_scheme=theme, viewport=window, **still) as page:
        reports = [Axe().run(page)]
        ask(page, QUERY)
        shown = page.locator(".cs-col:visible .cs-card").first
        shown.locator("[data-do=wrong]").click()
        expect(shown.locator("[data-do=wrong]")).to_have_attribute("aria-pressed", "true")
        reports.append(Axe().run(page))
        shown.locator("[data-do=wrong]").click()  # others see what is stored
        shown.locator("[data-do=similar]").click()
        expect(page.locator(".cs-like")).to_be_visible()
        reports.append(Axe().run(page))
        found = "".join(report.generate_report() for report in reports if report.violations_count)
        assert found == ""


def test_the_first_answer_comes_from_keywords_and_the_models_follows_by_itself(
    browser: Browser, studio: Studio, conversions: Path, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "page.py").write_text("def render_page(template):\n    return template.render()\n")
    workspace = tmp_path / "workspace"
    with ExitStack() as writing:  # whoever holds a model's vectors keeps the app from making its own
        for model in (studio.workspace / "vectors").iterdir():
            folder = workspace / "vectors" / model.name
            folder.mkdir(parents=True)
            writing.enter_context(FileLock(folder / ".lock"))
        with running([str(code)], tmp_path, conversions=conversions) as waiting:
            waiting.wait_for_keywords()
            with opened(browser, waiting) as page:
                ask(page, "render")
                head = page.locator("#column-a .cs-colhead")
                expect(head).to_contain_text("lexical, hybrid not ready")
                expect(page.locator(".cs-banner")).to_contain_text("Until")
                expect(page.locator("#column-b .cs-card")).to_have_count(1)
                page.locator("#query input").fill("the next query")
                page.get_by_text("Filters").click()
                page.get_by_label("Path", exact=True).fill("src/")
                page.locator("#column-b .cs-card").focus()
                writing.close()
                expect(head.locator(".cs-chip").first).to_have_text("hybrid", timeout=90_000)
                expect(page.locator(".cs-banner")).to_have_count(0, timeout=90_000)
                expect(page.locator("#column-b .cs-card")).to_be_focused()
                expect(page.locator("#query input")).to_have_value("the next query")  # typed: it stays
                expect(page.get_by_label("Path", exact=True)).to_have_value("src/")
            assert waiting.interrupt() == 130
            assert "Traceback" not in waiting.log.read_text()
