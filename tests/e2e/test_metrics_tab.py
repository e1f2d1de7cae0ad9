"""A person measures two models on the page, reads the figures, takes them along."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from search_core.evaluation import compare
from search_core.report import Report, read_report, write_report
from tests.e2e.offered import HOSTILE_CODE, JUDGED
from tests.e2e.studio import Studio, opened
from tests.train.run_folder import AFTER, BEFORE, report

pytestmark = pytest.mark.browser

EVALUATION_MS = 120_000
SHIFTS = """window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});"""


def choose(page: Page, label: str, option: str) -> None:
    page.locator("#evaluate").get_by_label(label).click()
    page.get_by_role("option", name=option).click()


def stored(studio: Studio, model: str) -> Report:
    """The report on the small data set's `train` split."""
    (path,) = studio.workspace.glob(f"reports/small_dataset-train-content-{model}-*.json")
    return read_report(path)


def downloaded(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.locator(f"[data-download='{name}']").click()
    assert download.value.suggested_filename == name
    download.value.save_as(folder / name)
    return folder / name


def test_two_models_are_evaluated_compared_and_taken_along(
    browser: Browser, studio: Studio, tmp_path: Path
) -> None:
    with opened(browser, studio) as page:
        scripts: list[str] = []
        page.on("request", lambda request: scripts.append(request.url))
        assert page.evaluate("performance.getEntriesByType('resource').every(e => !/plotly/i.test(e.name))")
        page.locator("#tabs [role=tab]", has_text="Metrics").click()
        expect(page.get_by_role("button", name="Evaluate", exact=True)).to_be_enabled()
        choose(page, "Corpus", JUDGED)
        expect(page.locator("#evaluate").get_by_text("official")).to_be_visible()
        choose(page, "Split", "train · 12 queries")
        page.get_by_role("button", name="Evaluate", exact=True).click()
        expect(page.locator("#evaluating")).to_contain_text("Evaluating minilm")
        about = page.locator(".cs-about", has_text=JUDGED).filter(has_text="split train")
        expect(about).to_contain_text("12 queries, 1 left out", timeout=EVALUATION_MS)

        reports = stored(studio, "minilm"), stored(studio, "studio")
        _shows_the_figures(page, *reports)
        _opens_a_query_in_search(page, reports[0])
        _downloads_the_figures(page, tmp_path, *reports)
        link = page.url
    with opened(browser, studio) as page:
        page.goto(link)
        expect(page.locator(".cs-about")).to_contain_text("split train")
        expect(page.locator(".cs-tile b").first).to_have_text(f"{reports[1].metrics['ndcg@10']:.3f}")


def _shows_the_figures(page: Page, a: Report, b: Report) -> None:
    """The very numbers of the stored reports: in tiles, charts and tables."""
    found = compare(a, b)
    tile = page.locator(".cs-tile").first
    expect(tile.locator("b")).to_have_text(f"{b.metrics['ndcg@10']:.3f}")
    expect(tile.locator("small")).to_contain_text(f"from {a.metrics['ndcg@10']:.3f}")
    expect(page.locator(".cs-tile").last).to_contain_text(f"{found.wins} · {found.ties} · {found.losses}")
    expect(page.locator("#plot-metrics .barlayer .point")).to_have_count(2 * 4)
    expect(page.locator("#plot-recall .scatterlayer .point")).to_have_count(2 * 6)
    drawn = page.evaluate(
        "document.querySelector('#plot-metrics .js-plotly-plot').data.map(trace => trace.y)"
    )
    assert drawn == [
        [one.metrics[name] for name in ("ndcg@10", "mrr@10", "recall@10", "map")] for one in (a, b)
    ]
    row = page.locator("#board-figures tbody tr", has_text="MAP")
    expect(row).to_contain_text(f"{a.metrics['map']:.4f}")
    expect(row).to_contain_text(f"{b.metrics['map']:.4f}")
    expect(page.locator("#board-queries tbody tr")).to_have_count(12)


def _opens_a_query_in_search(page: Page, report: Report) -> None:
    query = report.per_query[0].query
    page.locator("#board-queries").get_by_role("link", name=query, exact=True).click()
    expect(page.locator("#query :is(input, textarea)")).to_have_value(query)
    expect(page.locator(".cs-colhead h2")).to_have_text(["minilm", "studio"])
    expect(page.locator("#column-a .cs-card").first).to_be_visible()
    page.locator("#tabs [role=tab]", has_text="Metrics").click()


def _downloads_the_figures(page: Page, folder: Path, a: Report, b: Report) -> None:
    with downloaded(page, "figures.csv", folder).open() as file:
        figures = {(row["model"], row["metric"]): float(row["value"]) for row in csv.DictReader(file)}
    assert figures == {(one.model, name): value for one in (a, b) for name, value in one.metrics.items()}
    summary: dict[str, Any] = json.loads(downloaded(page, "final_summary.json", folder).read_text())
    assert [one["metrics"] for one in summary["reports"]] == [a.metrics, b.metrics]
    with downloaded(page, "queries.csv", folder).open() as file:
        assert sum(1 for _ in csv.DictReader(file)) == 24
    whole = downloaded(page, "report.html", folder)
    context = page.context.browser.new_context(offline=True)  # type: ignore[union-attr]
    alone, errors = context.new_page(), list[str]()
    alone.on("console", lambda message: errors.append(message.text))
    alone.on("pageerror", lambda error: errors.append(str(error)))
    alone.goto(whole.as_uri())
    expect(alone.locator("[data-figure=figure-metrics] .barlayer .point")).to_have_count(2 * 4)
    expect(alone.locator(".cs-table.queries tbody tr")).to_have_count(12)
    assert errors == []
    context.close()


@pytest.fixture
def hostile_reports(studio: Studio) -> Iterator[str]:
    """Ids of two reports by a model, on queries, whose names would run scripts in a careless page."""
    hostile = "<img src=x onerror='window.__x=1'>"
    ids = ("hostile-a", "hostile-b")
    paths = [studio.workspace / "reports" / f"{id}.json" for id in ids]
    for path, ranks in zip(paths, (BEFORE, AFTER), strict=True):
        made = report("dataset:hostile", ranks, hostile + path.stem).as_dict()
        for row in made["per_query"]:
            row["query"] = HOSTILE_CODE
        write_report(Report.from_dict(made), path)
    yield ",".join(ids)
    for path in paths:
        path.unlink()


@pytest.mark.parametrize(
    ("theme", "width"), [("dark", 390), pytest.param("light", 1440, marks=pytest.mark.full)]
)
def test_the_board_is_accessible_steady_and_inert(
    browser: Browser, studio: Studio, hostile_reports: str, theme: Any, width: int
) -> None:
    size = {"width": width, "height": 1000}
    with opened(browser, studio, color_scheme=theme, viewport=size) as page:
        page.add_init_script(SHIFTS)
        page.goto(f"{studio.url}?tab=metrics&reports={hostile_reports}")
        expect(page.locator("#plot-metrics .barlayer .point")).to_have_count(2 * 4)
        expect(page.locator("#plot-documents")).to_have_count(0)  # of a corpus that is not at hand
        expect(page.locator("#board-queries tbody tr")).to_have_count(8)
        assert page.locator("#board img").count() == 0
        assert page.evaluate("window.__x") is None
        expect(page.locator("#board-queries a")).to_have_count(0)  # nor does Search offer it
        page.wait_for_function("!document.querySelector('#evaluate button').disabled")
        assert page.evaluate("window.shift") < 0.05
        found = Axe().run(page).response["violations"]
        assert found == [], [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]
        beyond = page.evaluate(
            """() => [...document.querySelectorAll('#board *, #reports *')].filter((element) =>
              element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.cs-scroll'))
              .map((element) => element.outerHTML.slice(0, 80))"""
        )
        assert beyond == []
        with page.expect_download() as download:
            page.locator("[data-download='report.html']").click()
        alone = page.context.new_page()
        alone.goto(
            Path(download.value.path()).rename(Path(download.value.path()).with_suffix(".html")).as_uri()
        )
        expect(alone.locator(".barlayer .point").first).to_be_visible()
        assert alone.evaluate("window.__x") is None
        assert alone.locator("img").count() == 0
        assert re.search("Query by query", alone.content())
