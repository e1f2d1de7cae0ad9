"""The order of rankings, the best rows, and hybrid scores."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from search_core.ranking import NAME_WEIGHT, QUESTION_WEIGHT, fuse, lexical_weight, order, top_rows

few_values = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 3.0])  # many ties
score_lists = arrays(np.float32, st.integers(1, 40), elements=few_values)


def float32(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_better_scores_come_first_and_equal_scores_by_id_descending() -> None:
    assert order(float32(0.5, 0.9, 0.5, 0.5), ["b", "a", "c", "a2"]).tolist() == [1, 2, 0, 3]


def test_ids_are_compared_by_code_point() -> None:
    ids = ["Z", "a", "é", "z", "\U0001f600", "\uffff"]
    ranked = order(np.zeros(6, np.float32), ids)
    assert [ids[row] for row in ranked] == ["\U0001f600", "\uffff", "é", "z", "a", "Z"]


def test_nothing_has_an_order_too() -> None:
    assert order(float32(), []).tolist() == []


@given(score_lists)
def test_the_order_is_that_of_sorting_pairs(scores: NDArray[np.float32]) -> None:
    ids = [f"d{row}" for row in range(len(scores))]
    expected = sorted(zip(scores.tolist(), ids, strict=True), reverse=True)
    assert [ids[row] for row in order(scores, ids)] == [id_ for _, id_ in expected]


@pytest.mark.parametrize(
    ("k", "rows"),
    [
        (1, [1]),
        (2, [1, 0, 3]),  # row 3 ties with the second
        (3, [1, 0, 3]),
        (4, [1, 0, 3, 2]),
        (1_000_000, [1, 0, 3, 2]),
    ],
)
def test_the_best_rows_bring_everything_tied_with_the_last(k: int, rows: list[int]) -> None:
    assert top_rows(float32(0.5, 0.9, 0.1, 0.5), k).tolist() == rows


def test_a_text_without_any_term_of_the_query_is_no_lexical_hit() -> None:
    assert top_rows(float32(0, 2, 0, 1), k=3, above=0).tolist() == [1, 3]
    assert top_rows(float32(0, 0), k=3, above=0).tolist() == []


def test_what_was_not_retrieved_is_not_among_the_best() -> None:
    assert top_rows(float32(-np.inf, 0.1, -np.inf), k=3).tolist() == [1]


@pytest.mark.parametrize("k", [0, -1])
def test_k_below_one_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        top_rows(float32(1), k)


@given(score_lists, st.integers(1, 50))
def test_no_row_left_out_is_as_good_as_one_returned(scores: NDArray[np.float32], k: int) -> None:
    rows = top_rows(scores, k)
    left_out = np.setdiff1d(np.arange(len(scores)), rows)
    assert len(rows) >= min(k, len(scores))
    assert (np.diff(scores[rows]) <= 0).all()
    assert left_out.size == 0 or scores[left_out].max() < scores[rows].min()


def test_a_million_scores_take_no_noticeable_time() -> None:
    scores = np.random.default_rng(0).standard_normal(1_000_000, np.float32)
    started = time.process_time()
    assert len(top_rows(scores, 1_000)) >= 1_000
    assert time.process_time() - started < 0.5


def test_hybrid_is_the_weighted_sum_of_standard_scores() -> None:
    dense, lexical = float32(0.9, 0.7, 0.5), float32(0, 6, 3)
    # means 0.7 and 3, standard deviations 0.2 · √(2/3) and 3 · √(2/3)
    expected = [
        (0.75 * 1 + 0.25 * -1) / (2 / 3) ** 0.5,
        (0.75 * 0 + 0.25 * 1) / (2 / 3) ** 0.5,
        (0.75 * -1 + 0.25 * 0) / (2 / 3) ** 0.5,
    ]
    assert fuse(dense, lexical, weight=0.25) == pytest.approx(expected, abs=1e-6)


def test_hybrid_does_not_depend_on_the_scale_of_either_score() -> None:
    dense, lexical = float32(0.9, 0.7, 0.6, 0.2), float32(0, 6, 3, 1)
    other_scale = fuse(float32(*(dense / 8 + 0.75)), float32(*(lexical * 10)), 0.3)
    assert other_scale == pytest.approx(fuse(dense, lexical, 0.3), abs=1e-5)


def test_a_candidate_that_dense_did_not_return_counts_as_its_last() -> None:
    lexical = float32(0, 1, 2)
    assert (
        fuse(float32(0.9, 0.5, -np.inf), lexical, 0.3).tolist()
        == fuse(float32(0.9, 0.5, 0.5), lexical, 0.3).tolist()
    )


def test_a_side_that_tells_nothing_apart_leaves_the_ranking_to_the_other() -> None:
    assert fuse(float32(0.9, 0.1), float32(0, 0), 0.25) == pytest.approx([0.75, -0.75])
    assert fuse(float32(-np.inf, -np.inf), float32(0, 5), 0.25) == pytest.approx([-0.25, 0.25])


def test_equal_scores_tell_nothing_apart_whatever_their_rounding() -> None:
    assert fuse(float32(*[0.1] * 7), float32(*[0.3] * 7), 0.25).tolist() == [0] * 7


def test_nothing_fuses_to_nothing() -> None:
    assert fuse(float32(), float32(), 0.25).tolist() == []


@pytest.mark.parametrize(
    ("query", "weight"),
    [
        ("parse_args", NAME_WEIGHT),
        ("HTTPConnection.request", NAME_WEIGHT),
        ("std::sort", NAME_WEIGHT),
        (" urlopen() ", NAME_WEIGHT),
        ("sort", NAME_WEIGHT),  # one word: most likely a name
        ("sort a list", QUESTION_WEIGHT),
        ("what does parse_args return", QUESTION_WEIGHT),
        ("sort?", QUESTION_WEIGHT),
    ],
)
def test_a_query_that_is_one_name_leans_on_words_a_question_on_meaning(query: str, weight: float) -> None:
    assert lexical_weight(query) == weight
    assert QUESTION_WEIGHT < 0.5 < NAME_WEIGHT
