"""Metrics by hand on small rankings, then against trec_eval on many random ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from search_core.metrics import ABSENT_RANK, METRIC_NAMES, METRICS, first_relevant_rank, relevance_by_rank
from search_core.types import MAX_K


def measured(ranking: list[str], relevant: set[str]) -> dict[str, float]:
    relevance, n_relevant = relevance_by_rank([ranking], [relevant]), np.array([len(relevant)])
    return {name: metric(relevance, n_relevant).item() for name, metric in METRICS.items()}


def fillers(count: int) -> list[str]:
    return [f"filler {number}" for number in range(count)]


def test_the_metrics_are_those_of_the_report_in_its_order() -> None:
    recalls = ("recall@1", "recall@5", "recall@10", "recall@20", "recall@50", "recall@100")
    expected = (*recalls, "mrr@10", "ndcg@10", "map")
    assert expected == METRIC_NAMES


@pytest.mark.parametrize("k", [1, 5, 10, 20, 50, 100])
def test_recall_counts_rank_k_and_nothing_after_it(k: int) -> None:
    assert measured([*fillers(k - 1), "r"], {"r"})[f"recall@{k}"] == 1
    assert measured([*fillers(k), "r"], {"r"})[f"recall@{k}"] == 0


def test_recall_is_the_share_of_all_relevant_documents_even_of_those_never_ranked() -> None:
    assert measured(["r1", "x", "r2"], {"r1", "r2", "r3", "r4"})["recall@5"] == 2 / 4


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (1, 1.0),
        (3, 1 / 3),
        (10, 1 / 10),
        (11, 0.0),  # the list is cut at 10
    ],
)
def test_mrr_is_one_over_the_first_relevant_rank_down_to_10(rank: int, expected: float) -> None:
    assert measured([*fillers(rank - 1), "r", "r2"], {"r", "r2"})["mrr@10"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ranking", "relevant", "expected"),
    [
        (["r", "x"], {"r"}, 1.0),  # rank 1: no discount
        (["x", "y", "r"], {"r"}, 1 / math.log2(4)),  # rank 3: log2(3 + 1)
        (["x", "r1", "r2"], {"r1", "r2"}, (1 / math.log2(3) + 1 / math.log2(4)) / (1 + 1 / math.log2(3))),
        (["r1", "x"], {"r1", "r2"}, 1 / (1 + 1 / math.log2(3))),  # r2 was never ranked, the ideal has it
        ([*fillers(10), "r"], {"r"}, 0.0),  # rank 11
        ([f"r{n}" for n in range(12)], {f"r{n}" for n in range(12)}, 1.0),  # the ideal is cut at 10 too
    ],
)
def test_ndcg_divides_the_discounted_hits_by_those_of_the_best_list(
    ranking: list[str], relevant: set[str], expected: float
) -> None:
    assert measured(ranking, relevant)["ndcg@10"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ranking", "relevant", "expected"),
    [
        (["r1", "x", "r2"], {"r1", "r2"}, (1 / 1 + 2 / 3) / 2),
        (["x", "r1"], {"r1", "r2"}, (1 / 2 + 0) / 2),  # r2 was never ranked
        ([*fillers(200), "r"], {"r"}, 1 / 201),  # not cut at 10
    ],
)
def test_map_averages_the_precision_at_each_relevant_document(
    ranking: list[str], relevant: set[str], expected: float
) -> None:
    assert measured(ranking, relevant)["map"] == pytest.approx(expected)


def test_nothing_after_rank_1000_counts() -> None:
    at_1000, at_1001 = [*fillers(999), "r"], [*fillers(1000), "r"]

    assert measured(at_1000, {"r"})["map"] == pytest.approx(1 / 1000)
    assert measured(at_1001, {"r"})["map"] == 0
    assert first_relevant_rank(relevance_by_rank([at_1000, at_1001], [{"r"}, {"r"}])).tolist() == [1000, 1001]


def test_an_empty_ranking_scores_zero_and_has_no_first_relevant_rank() -> None:
    assert set(measured([], {"r"}).values()) == {0.0}
    assert first_relevant_rank(relevance_by_rank([[]], [{"r"}])).tolist() == [ABSENT_RANK]


def test_a_shorter_ranking_beside_a_longer_one_keeps_its_own_figures() -> None:
    relevance = relevance_by_rank([["r"], ["x", "y", "r"], []], [{"r"}, {"r"}, {"r"}])

    assert METRICS["map"](relevance, np.array([1, 1, 1])) == pytest.approx([1, 1 / 3, 0])
    assert first_relevant_rank(relevance).tolist() == [1, 3, ABSENT_RANK]


@pytest.mark.parametrize(
    ("rankings", "relevant", "sentence"),
    [
        ([["a"]], [set()], "no relevant document"),
        ([["a", "b", "a"]], [{"a"}], "twice"),
        ([["a"], ["b"]], [{"a"}], "shorter"),
    ],
)
def test_what_would_make_a_metric_meaningless_is_refused(
    rankings: list[list[str]], relevant: list[set[str]], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        relevance_by_rank(rankings, relevant)


TREC_NAMES = {
    **{f"recall@{k}": f"recall_{k}" for k in (1, 5, 10, 20, 50, 100)},
    "ndcg@10": "ndcg_cut_10",
    "map": "map",
}


def by_trec_eval(scores: Mapping[str, float], relevant: set[str]) -> dict[str, float]:
    """trec_eval's figures, from scores: it makes the ranking itself."""

    def evaluated(run: Mapping[str, float], measures: set[str]) -> Mapping[str, float]:
        evaluator = pytrec_eval.RelevanceEvaluator({"q": dict.fromkeys(relevant, 1)}, measures)
        return evaluator.evaluate({"q": dict(run)})["q"]  # type: ignore[no-any-return]

    found = evaluated(scores, {"recall.1,5,10,20,50,100", "ndcg_cut.10", "map"})
    first_10 = {document_id: scores[document_id] for document_id in in_contract_order(scores)[:10]}
    return {ours: found[theirs] for ours, theirs in TREC_NAMES.items()} | {
        "mrr@10": evaluated(first_10, {"recip_rank"})["recip_rank"] if first_10 else 0.0
    }


def in_contract_order(scores: Mapping[str, float]) -> list[str]:
    """Float32 score descending, then id descending by code point."""
    return sorted(scores, key=lambda name: (np.float32(scores[name]), name), reverse=True)


SCORES = st.one_of(
    st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 0.5 + 1e-9]),  # apart as float64, one value as float32
    st.floats(-1, 1, width=32),
    st.floats(-1, 1),
)
IDS = st.text(st.sampled_from("aZ9é\uffff\U0001d538"), min_size=1, max_size=4)


@given(data=st.data(), scores=st.dictionaries(IDS, SCORES, min_size=1, max_size=150))
def test_every_metric_equals_trec_evals_whatever_the_ties(
    data: st.DataObject, scores: dict[str, float]
) -> None:
    relevant = data.draw(st.sets(st.sampled_from([*scores, "never ranked"]), min_size=1))

    ours = measured(in_contract_order(scores), relevant)

    assert ours == pytest.approx(by_trec_eval(scores, relevant), abs=1e-9)


def test_every_metric_equals_trec_evals_on_a_thousand_documents_with_many_ties() -> None:
    random = np.random.default_rng(0)
    ids = [f"d{number}" for number in random.permutation(MAX_K)]
    scores = dict(zip(ids, (random.integers(0, 50, MAX_K) / 50).tolist(), strict=True))

    for _ in range(20):
        relevant = set(random.choice(ids, size=random.integers(1, 30), replace=False).tolist())
        expected = by_trec_eval(scores, relevant)
        assert measured(in_contract_order(scores), relevant) == pytest.approx(expected, abs=1e-9)
