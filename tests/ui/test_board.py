"""Reports side by side: what may share a board, what they are called there, where their queries open."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from search_core.types import StudioError
from tests.train.run_folder import AFTER, BEFORE, COSQA, SECOND
from tests.ui.boards import measured, stored, three, two
from ui.metrics.board import board_of, labels

OFFERED: dict[str, Any] = {"corpora": [COSQA], "models": ["minilm", "studio"]}


def test_each_report_is_compared_with_the_first() -> None:
    studio, keywords = three().comparisons
    assert studio.metrics["recall@1"].a == 2 / 8
    assert studio.metrics["recall@1"].b == 7 / 8
    assert studio.metrics["ndcg@10"].b == pytest.approx((7 + SECOND) / 8)
    assert (studio.wins, studio.ties, studio.losses) == (5, 3, 0)
    assert (keywords.wins, keywords.ties, keywords.losses) == (0, 8, 0)


def test_the_interval_of_a_mean_holds_it_and_is_wider_where_queries_differ_more() -> None:
    base, tuned = two().entries
    assert base.ci95["recall@5"] == (1.0, 1.0)
    for entry in (base, tuned):
        low, high = entry.ci95["recall@1"]
        assert 0 <= low <= entry.figure("recall@1") <= high <= 1
        assert high - low > 0.3


def test_mrr_looks_below_rank_ten_as_published_figures_do() -> None:
    assert two().baseline.mrr == pytest.approx((2 * 1 + 6 * 1 / 2) / 8)


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"split": "test"}, "split"),
        ({"protocol": "official"}, "protocol"),
        ({"corpus": "stdlib"}, "corpus"),
        ({"documents": 3}, "number of documents"),
    ],
)
def test_reports_on_different_things_never_share_a_board(changed: dict[str, Any], difference: str) -> None:
    with pytest.raises(StudioError, match=f"differ in {difference}"):
        board_of(stored("a", measured(BEFORE)), stored("b", measured(AFTER, **changed)))


@pytest.mark.parametrize("count", [1, 6])
def test_a_board_has_two_to_five_reports(count: int) -> None:
    with pytest.raises(StudioError, match="two to 5 reports"):
        board_of(*(stored(str(number), measured(BEFORE)) for number in range(count)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("minilm", "dense"), ("studio", "dense")], ["minilm", "studio"]),
        ([("minilm", "dense"), (None, "lexical")], ["minilm", "keywords"]),
        ([("minilm", "dense"), ("minilm", "hybrid")], ["minilm dense", "minilm hybrid"]),
        ([("minilm", "dense"), ("minilm", "dense")], ["minilm", "minilm #2"]),
        ([("minilm", "dense"), ("/home/ada/runs/one", "dense")], ["minilm", "one"]),
    ],
)
def test_labels_tell_reports_apart_and_name_no_folder(
    given: list[tuple[str | None, str]], expected: list[str]
) -> None:
    assert labels([measured(BEFORE, model, mode=mode) for model, mode in given]) == expected


def test_a_query_opens_in_search_with_both_of_its_reports() -> None:
    link = three().search_link(0, "read a file & more", **OFFERED)
    assert link is not None
    assert parse_qs(link[1:]) == {
        "q": ["read a file & more"], "corpus": [COSQA], "a": ["minilm"], "b": ["studio"], "mode": ["dense"]
    }  # fmt: skip


def test_two_modes_of_one_model_open_each_in_its_own_column() -> None:
    reports = measured(BEFORE), measured(AFTER, mode="hybrid")
    board = board_of(*(stored(one.mode, one) for one in reports))
    found = parse_qs(str(board.search_link(0, "x", **OFFERED))[1:])
    assert (found["a"], found["b"]) == (["minilm · dense"], ["minilm · hybrid"])


@pytest.mark.parametrize("missing", [{"corpora": []}, {"models": ["minilm"]}])
def test_a_query_does_not_open_where_search_offers_something_else(missing: dict[str, Any]) -> None:
    assert two().search_link(0, "x", **OFFERED | missing) is None


@pytest.mark.parametrize(
    ("changed", "models"),
    [
        ({"split": "test"}, ["CodeBERT", "GraphCodeBERT", "UniXcoder", "CodeT5+ 770M", "SCodeR"]),
        ({"split": "test", "protocol": "official"}, ["e5-base-v2", "e5-base-v2"]),
        ({"split": "valid"}, []),
        ({"split": "test", "corpus": "dataset:cosqa"}, []),
    ],
)
def test_published_figures_stand_only_beside_the_same_corpus_split_and_protocol(
    changed: dict[str, Any], models: list[str]
) -> None:
    board = board_of(*(stored(str(n), measured(BEFORE, f"m{n}", **changed)) for n in (0, 1)))
    assert [figure.model for figure in board.published] == models
    assert all(figure.source for figure in board.published)
