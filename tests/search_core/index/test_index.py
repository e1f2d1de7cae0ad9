"""The contract of an index, held by both kinds; then what each kind promises of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import hypothesis.extra.numpy as numpy_strategies
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from search_core.index import Neighbours, build_index
from search_core.index.ivf import unit_rows
from search_core.settings import Settings

Vectors = NDArray[np.float32]

DIM = 24
SIZE = 600


def nearest(stored: dict[str, Vectors], query: Vectors, k: int, allowed: frozenset[str] | None) -> Neighbours:
    """The contract in three lines: the oracle for exact search."""
    scored = [
        (float(vector @ query), id) for id, vector in stored.items() if allowed is None or id in allowed
    ]
    ranked = sorted(scored, reverse=True)
    kept = [(score, id) for score, id in ranked if score >= ranked[:k][-1][0]]
    return Neighbours([id for _, id in kept], np.array([score for score, _ in kept], np.float32))


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Twenty clouds of thirty unit vectors."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((20, DIM))
    return unit_rows(np.repeat(centres, SIZE // 20, axis=0) + 0.3 * random.standard_normal((SIZE, DIM)))


@pytest.fixture(scope="module")
def ids() -> list[str]:
    return [f"{row:064x}" for row in range(SIZE)]


@pytest.fixture(params=["exact", "ivf"])
def index(request, ids, vectors, settings):
    return build_index(ids, vectors, replace(settings, index_kind=request.param))


def test_the_kind_is_the_one_asked_for(index, request):
    assert index.kind == request.node.callspec.params["index"]


def test_every_entry_is_its_own_nearest_neighbour(index, ids, vectors):
    found = index.search(vectors, 1)

    assert [neighbours.ids[0] for neighbours in found] == ids
    assert [neighbours.scores[0] for neighbours in found] == pytest.approx([1.0] * SIZE, abs=0.01)


def test_neighbours_come_best_first_and_all_k_of_them(index, vectors):
    (found,) = index.search(vectors[:1], 50)

    assert len(found.ids) == len(set(found.ids)) == 50
    assert found.scores.dtype == np.float32
    assert (np.diff(found.scores) <= 0).all()


def test_k_beyond_the_index_returns_everything(index, ids, vectors):
    (found,) = index.search(vectors[:1], 10_000_000)

    assert sorted(found.ids) == sorted(ids)


def test_all_entries_that_tie_with_the_kth_are_returned_later_ids_first(index, vectors):
    twins = ["b", "\N{GRINNING FACE}", "é", "\uffff", *(f"a{n:02}" for n in range(40))]
    index.add(twins, np.repeat(vectors[:1], len(twins), axis=0))

    (found,) = index.search(vectors[:1], 2)

    original = f"{0:064x}"
    assert found.ids == [
        "\N{GRINNING FACE}",
        "\uffff",
        "é",
        "b",
        *(f"a{n:02}" for n in reversed(range(40))),
        original,
    ]
    assert len(set(found.scores.tolist())) == 1


def test_a_query_gets_the_same_answer_alone_and_in_a_batch(index, vectors):
    together = index.search(vectors, 10)
    alone = [index.search(vector[None], 10)[0] for vector in vectors]

    assert [found.ids for found in together] == [found.ids for found in alone]
    assert all((a.scores == b.scores).all() for a, b in zip(together, alone, strict=True))


@pytest.mark.parametrize("count", [1, 9, 300])
def test_only_allowed_entries_are_found_and_none_of_them_is_missed(index, ids, vectors, count):
    allowed = frozenset([*ids[-count:], "not in the index"])

    (found,) = index.search(vectors[:1], 300, allowed)

    assert frozenset(found.ids) == allowed - {"not in the index"}


def test_where_nothing_is_allowed_nothing_is_found(index, vectors):
    (found,) = index.search(vectors[:1], 10, frozenset())

    assert found.ids == []
    assert found.scores.tolist() == []


def test_no_queries_have_no_answers(index):
    assert index.search(np.empty((0, DIM), np.float32), 10) == []


def test_a_zero_query_ties_with_everything_it_meets(index):
    (found,) = index.search(np.zeros((1, DIM), np.float32), 10)

    assert len(found.ids) >= 10
    assert found.ids == sorted(found.ids, reverse=True)
    assert not found.scores.any()


def test_a_removed_entry_is_never_found_again(index, ids, vectors):
    assert index.remove([ids[0], ids[300], "not in the index"]) == 2

    assert len(index) == SIZE - 2
    (found,) = index.search(vectors[:1], SIZE)
    assert frozenset(found.ids) == frozenset(ids) - {ids[0], ids[300]}


def test_entries_keep_their_vectors_when_others_go(index, ids, vectors):
    index.remove(ids[::2])

    found = index.search(vectors[1::2], 1)

    assert [neighbours.ids[0] for neighbours in found] == ids[1::2]


def test_a_removed_id_can_be_given_to_another_vector(index, ids, vectors):
    new = -vectors[:1]
    index.remove(ids[:1])
    index.add(ids[:1], new)

    assert len(index) == SIZE
    (found,) = index.search(new, 1)
    assert found.ids == ids[:1]


def test_a_filter_is_read_anew_after_a_change(index, ids, vectors):
    allowed = frozenset(["new", ids[0]])
    assert index.search(vectors[:1], 2, allowed)[0].ids == [ids[0]]

    index.add(["new"], vectors[1:2])
    index.remove(ids[:1])

    assert index.search(vectors[:1], 2, allowed)[0].ids == ["new"]


def test_any_text_is_an_id(index, vectors):
    odd = ["src/naïve.py::f", "\udcff.py", "a\0b", " "]
    index.add(odd, unit_rows(-vectors[::150]))

    found = index.search(-vectors[::150], 1)

    assert [neighbours.ids[0] for neighbours in found] == odd


def test_many_threads_get_the_answers_of_one(index, vectors):
    expected = [found.ids for found in index.search(vectors, 10)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda row: index.search(vectors[row : row + 1], 10)[0].ids, range(SIZE)))

    assert answers == expected


@pytest.mark.parametrize(
    ("unusable", "complaint"),
    [
        (np.zeros((1, DIM + 1)), rf"shape \(n, {DIM}\), got \(1, {DIM + 1}\)"),
        (np.zeros(DIM), rf"got \({DIM},\)"),
        (np.full((1, DIM), np.nan), "not finite"),
        (np.full((1, DIM), np.inf), "not finite"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(index, unusable, complaint):
    with pytest.raises(ValueError, match=complaint):
        index.search(unusable, 10)
    with pytest.raises(ValueError, match=complaint):
        index.add(["new"], unusable)


@pytest.mark.parametrize(
    ("new_ids", "complaint"),
    [
        (["a"], "1 ids for 2 vectors"),
        (["a", "a"], "given twice: 'a'"),
        (["a", "0" * 64], "Already in the index: '0000"),
        (["a", ""], "Not usable as an id: ''"),
        (["a", "b\0"], "Not usable as an id"),
    ],
)
def test_ids_that_do_not_name_one_entry_each_are_refused_and_nothing_is_added(
    index, vectors, new_ids, complaint
):
    with pytest.raises(ValueError, match=complaint):
        index.add(new_ids, vectors[:2])

    assert len(index) == SIZE


def test_k_of_nothing_is_refused(index, vectors):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        index.search(vectors[:1], 0)


SMALL = st.integers(-2, 2).map(np.float32)  # sums stay exact, ties are common


@given(
    stored=numpy_strategies.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=SMALL),
    queries=numpy_strategies.arrays(np.float32, (3, 3), elements=SMALL),
    k=st.integers(1, 50),
    data=st.data(),
)
def test_exact_search_is_what_the_definition_says(stored, queries, k, data):
    ids = [f"{row}" for row in range(len(stored))]
    allowed = data.draw(st.none() | st.frozensets(st.sampled_from(ids), min_size=1))
    exact = build_index(ids, stored, Settings(index_kind="exact"))

    answers = exact.search(queries, k, allowed)

    for query, found in zip(queries, answers, strict=True):
        expected = nearest(dict(zip(ids, stored, strict=True)), query, k, allowed)
        assert found.ids == expected.ids
        assert found.scores.tolist() == expected.scores.tolist()
