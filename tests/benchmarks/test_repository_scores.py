"""Scores over files, and what a comparison of two rankings says."""

from __future__ import annotations

import math

import pytest

from benchmarks.repository_scores import Row, compare, comparison_lines, comparisons, ndcg_at_10


@pytest.mark.parametrize(
    ("paths", "targets", "expected"),
    [
        (["a", "b"], ["a"], 1.0),  # rank 1: no discount
        (["b", "b", "a"], ["a"], 1 / math.log2(4)),  # chunks take ranks, not files: rank 3
        (["a", "a", "a"], ["a"], 1.0),  # further chunks of a file add nothing
        (["x", "b", "a"], ["a", "b"], (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3))),
        (["a"], ["a", "gone"], 1 / (1 + 1 / math.log2(3))),  # what no chunk covers counts in the ideal
        ([*"bcdefghijk", "a"], ["a"], 0.0),  # rank 11
        ([], ["a"], 0.0),
    ],
)
def test_a_file_counts_at_the_rank_of_its_first_chunk(
    paths: list[str], targets: list[str], expected: float
) -> None:
    assert ndcg_at_10(paths, targets) == pytest.approx(expected)


def row(ours: float, reference: float | None, package: str = "tool", category: str = "symbol") -> Row:
    return Row(package, "a question", category, "python", reference, ours)


def test_a_difference_is_ours_minus_the_reference_of_the_same_queries() -> None:
    compared = compare("all", [row(0.75, 0.5), row(0.25, 0.5)]).paired
    assert compared is not None
    assert (compared.reference, compared.difference) == (0.5, 0.0)


def test_a_group_that_loses_every_time_is_significantly_below() -> None:
    lost = compare("all", [row(0.2, 0.9)] * 12)
    assert lost.paired is not None
    assert lost.paired.p_value == pytest.approx(2 / 2**12, abs=5e-4)  # all signs alike, either way
    assert list(comparison_lines([lost], "semble"))[1].endswith("significantly below")


def test_a_group_that_loses_half_the_time_is_not() -> None:
    even = compare("all", [row(0.2, 0.9), row(0.9, 0.3)] * 6)
    assert not list(comparison_lines([even], "semble"))[1].endswith("significantly below")


def test_where_a_reference_is_missing_ours_stands_alone() -> None:
    compared = compare("all", [row(0.75, 0.5), row(0.25, None)])
    assert (compared.ours, compared.paired) == (0.5, None)


def test_queries_are_grouped_by_kind_language_and_package() -> None:
    rows = [row(1, 1, "one", "symbol"), row(1, 1, "two", "architecture")]
    groups = [(group.group.strip(), group.queries) for group in comparisons(rows)]
    assert groups == [("all", 2), ("architecture", 1), ("symbol", 1), ("python", 2), ("one", 1), ("two", 1)]
