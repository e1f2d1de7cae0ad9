"""What is downloaded holds the figures of the reports to the last digit, and nothing that could run."""

from __future__ import annotations

import csv
import io
import json
import re

from tests.ui.boards import HOSTILE, hostile, three, two
from ui.metrics.downloads import Contents, figures_csv, queries_csv, summary_json
from ui.metrics.report_html import report_html


def test_the_csv_of_figures_has_a_row_for_each_report_and_metric() -> None:
    board = three()
    rows = list(csv.DictReader(io.StringIO(figures_csv(Contents(board, None, [None, None])))))
    assert len(rows) == 3 * 9
    tuned = next(row for row in rows if (row["report"], row["metric"]) == ("tuned", "ndcg@10"))
    found = board.comparisons[0].metrics["ndcg@10"]
    assert float(tuned["value"]) == board.others[0].report.metrics["ndcg@10"]
    assert float(tuned["change"]) == found.absolute
    assert (float(tuned["change_ci95_low"]), float(tuned["change_ci95_high"])) == found.ci95
    assert float(tuned["p_value"]) == found.p_value
    assert rows[0]["change"] == ""  # the baseline is compared with nothing


def test_the_csv_of_queries_has_a_row_for_each_report_and_query() -> None:
    board = two()
    rows = list(csv.DictReader(io.StringIO(queries_csv(Contents(board, None, [None])))))
    assert len(rows) == 2 * 8
    for row, query in zip(rows, board.report.per_query, strict=False):
        assert (row["query_id"], row["query"]) == (query.query_id, query.query)
        assert float(row["ndcg@10"]) == query.metrics["ndcg@10"]


def test_the_summary_has_reports_comparisons_and_environment_but_no_queries() -> None:
    board = two()
    summary = json.loads(summary_json(Contents(board, None, [None])))
    assert [report["metrics"] for report in summary["reports"]] == [
        entry.report.metrics for entry in board.entries
    ]
    assert summary["reports"][0]["environment"]["processor"] == "A processor"
    assert summary["reports"][1]["training_info"] is None
    (comparison,) = summary["comparisons"]
    assert (comparison["a"], comparison["b"], comparison["wins"]) == ("base", "tuned", 5)
    assert "per_query" not in summary["reports"][0]


def test_the_report_is_one_page_that_fetches_nothing() -> None:
    page = report_html(Contents(two(), None, [None]))
    markup, *scripts = re.split(r"<script>", page)
    assert len(scripts) == 2  # plotly.js once, and what draws
    assert not re.search(r"(src|href)=", markup)
    assert "default-src 'none'; script-src 'sha256-" in markup.replace("&#39;", "'")
    for said in ("0.938", "All figures", "Query by query: studio", "Timings and environment"):
        assert said in markup
    assert markup.count("application/json") == 3


def test_a_hostile_report_is_text() -> None:
    page = report_html(Contents(hostile(), None, [None]))
    markup = page.split("<script>")[0]
    page.encode()
    assert HOSTILE not in markup
    assert "<img" not in markup
    assert markup.count("</script>") == markup.count("<script ")  # only those of the figures' data
