"""Pieces of about 1,500 characters, cut where a reader would cut."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from search_core.corpus.blocks import cut, low_lines

LINE = "x" * 99 + "\n"
BLANK = "\n"


def pieces(lines: list[str], starts: Mapping[int, int]) -> list[tuple[int, int]]:
    return list(cut(lines, 1, len(lines), lambda first, last: starts))


def test_up_to_a_quarter_more_than_the_size_is_one_piece() -> None:
    assert pieces([LINE] * 18, {}) == [(1, 18)]
    assert pieces([LINE] * 19, {}) == [(1, 15), (16, 19)]


def test_a_cut_before_a_shallow_statement_is_best() -> None:
    assert pieces([LINE] * 20, {9: 0, 12: 1, 15: 2}) == [(1, 8), (9, 20)]


def test_among_equals_a_cut_after_a_blank_line_is_best_and_then_the_last() -> None:
    lines = [LINE] * 20
    lines[9] = BLANK  # line 10: the cut before line 11
    assert pieces(lines, {9: 0, 11: 0, 13: 0}) == [(1, 9), (11, 20)]
    assert pieces([LINE] * 20, {9: 0, 11: 0, 13: 0}) == [(1, 12), (13, 20)]


def test_a_piece_has_half_of_its_size_where_statements_allow_it() -> None:
    assert pieces([LINE] * 20, {3: 0, 12: 1}) == [(1, 11), (12, 20)]
    assert pieces([LINE] * 20, {3: 0}) == [(1, 2), (3, 20)]  # a small piece, but no statement in two


def test_a_line_longer_than_a_piece_is_a_piece() -> None:
    assert pieces(["a\n", "y" * 10_000 + "\n", LINE], {2: 0, 3: 0}) == [(1, 1), (2, 2), (3, 3)]


def test_blank_lines_belong_to_no_end_of_a_piece() -> None:
    assert pieces([BLANK, "a\n", BLANK, "b\n", BLANK], {}) == [(2, 4)]
    assert pieces([BLANK, " \n"], {}) == []


def test_without_a_parser_indentation_is_depth() -> None:
    lines = ["a\n", "    b\n", "  c\n", "}\n", "\n", "d\n"]
    assert low_lines(lines)(1, 6) == {1: 0, 2: 2, 3: 1, 6: 0}


@given(st.lists(st.sampled_from(["\n", "a\n", "  b\n", LINE, LINE * 3]), max_size=60))
def test_every_line_that_is_not_blank_is_in_exactly_one_piece(lines: list[str]) -> None:
    numbers = [
        n for first, last in cut(lines, 1, len(lines), low_lines(lines)) for n in range(first, last + 1)
    ]
    assert len(numbers) == len(set(numbers))
    assert {number for number, line in enumerate(lines, 1) if line.strip()} <= set(numbers)
