"""What the Metrics tab says around its board, and what a visitor's clicks make of a view."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.train.run_folder import AFTER, BEFORE, COSQA
from tests.ui.boards import HOSTILE, measured, stored, two
from ui.lanes import Lane
from ui.metrics import states
from ui.metrics.board import board_of
from ui.metrics.evaluations import Job
from ui.metrics.states import View, left_of, newest_together, picked_with
from ui.offering.steps import Step

BASE, TUNED = stored("base", measured(BEFORE)), stored("tuned", measured(AFTER, "studio"), 1)
OTHER = stored("other", measured(BEFORE, split="test"), 2)
REPORTS = [OTHER, TUNED, BASE]


def job(step: Step, model: str | None = "studio") -> Job:
    return Job(1, Lane(model, "dense" if model else "lexical"), "valid", "content", step)


@pytest.mark.parametrize(
    ("before", "pressed", "after"),
    [
        ((), "base", ("base",)),
        (("base",), "tuned", ("base", "tuned")),  # the first that was chosen is the baseline
        (("base", "tuned"), "base", ("tuned",)),
        (("base", "tuned"), "other", ("other",)),  # another split starts anew
        (("base",), "no such report", ("base",)),
    ],
)
def test_reports_are_chosen_one_by_one_and_only_of_one_kind(
    before: tuple[str, ...], pressed: str, after: tuple[str, ...]
) -> None:
    assert picked_with(View(before), pressed, REPORTS).reports == after


@pytest.mark.parametrize(
    ("there", "left"),
    [
        (("a", "b", "c"), View(("a", "b", "c"), other=1, page=3)),
        (("a", "b"), View(("a", "b"), other=0)),  # of the others there is only the first
        (("a",), View(("a",))),
        ((), View()),
    ],
)
def test_where_a_report_is_gone_another_is_set_against_the_baseline(
    there: tuple[str, ...], left: View
) -> None:
    assert left_of(View(("a", "b", "c"), other=1, page=3), there) == left


def test_at_first_the_newest_comparable_reports_are_shown_the_older_as_baseline() -> None:
    assert newest_together(REPORTS).reports == ("base", "tuned")
    again = stored("again", measured(BEFORE), 3)
    assert newest_together([again, *REPORTS]).reports == ("tuned", "again")  # one for each model and mode
    assert newest_together([OTHER, BASE]) == View()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step(COSQA, "studio"), "getting ready"),
        (Step(COSQA, "studio", "working", done=5, total=10, since_s=1.0), "encoding, 5 of 10 texts"),
        (
            Step(COSQA, "studio", "working", done=1_000, total=6_000, since_s=1.0, since_done=0),
            "encoding, 1,000 of 6,000 texts, about 50 s left",
        ),
        (Step(COSQA, "studio", "working", done=10, total=10), "ranking the queries"),
    ],
)
def test_an_evaluation_says_how_far_it_is(step: Step, said: str) -> None:
    now_s = 11.0 if step.total == 6_000 else 2.0
    assert said in states.status([job(step)], now_s, hint="")


def test_a_failed_evaluation_says_why() -> None:
    failed = states.status([job(Step(COSQA, None, "failed", error="No <split>."), None)], 0.0, hint="x")
    assert "keywords was not evaluated.</b> No &lt;split&gt;." in failed


def test_where_nothing_runs_the_hint_stands() -> None:
    assert "the baseline" in states.status([], 0.0, hint="The first is the baseline.")


def test_the_list_names_what_each_report_is_of_and_which_are_chosen() -> None:
    listed = states.report_list([*REPORTS, stored("x", measured(BEFORE, HOSTILE))], ("base", "tuned"))
    assert listed.count('aria-pressed="true"') == 2
    assert f"{COSQA}, split test, content protocol" in listed
    assert re.search(r"minilm</span></button> <small></small> <small class=\"cs-role\">baseline", listed)
    assert "<img" not in listed


def test_twelve_queries_stand_on_a_page() -> None:
    reports = [
        replace(
            entry.report,
            per_query=tuple(
                replace(row, query_id=f"{row.query_id}-{copy}")
                for copy in range(6)
                for row in entry.report.per_query
            ),
        )
        for entry in two().entries
    ]
    board = board_of(*(stored(str(report.model), report) for report in reports))

    def count(view: View) -> int:
        return states.queries_panel(board, view, [], []).count("<tr>") - 1

    ids = board.ids
    assert [count(View(ids, page=page)) for page in (0, 3)] == [12, 12]
    better = [count(View(ids, which="better", page=page)) for page in (0, 1, 2)]
    assert better == [12, 12, 6]  # 5 of 8 are better, six times
    assert count(View(ids, which="better", page=99)) == 6  # a page that is not there is the last
    assert "No query is worse." in states.queries_panel(board, View(ids, which="worse"), [], [])


def test_queries_come_by_their_change_either_way_round() -> None:
    board = two()
    first = [
        re.findall(r"cs-move (\w+)", states.queries_panel(board, View(board.ids, gains_first=order), [], []))[
            0
        ]
        for order in (True, False)
    ]
    assert first == ["up", "quiet"]


def test_a_filter_without_queries_says_no_falsehood_about_search() -> None:
    worse = replace(View(("base", "tuned")), which="worse")  # no query is
    panel = states.queries_panel(board_of(BASE, TUNED), worse, [COSQA], ["minilm", "studio"])
    assert "No query is worse." in panel
    assert "a click opens the query in Search" in panel


def test_times_say_where_they_are_of() -> None:
    listed = states.report_list(REPORTS, ())
    assert "Measured (UTC)" in listed
    assert ">2026-11-25 09:30</time>" in listed
