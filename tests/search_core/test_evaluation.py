"""Rankings become figures, and two reports a comparison, all of it by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from search_core.evaluation import Report, Timing, compare, comparison_table, evaluate, score_rankings
from search_core.metrics import METRIC_NAMES
from search_core.settings import Settings
from search_core.types import Corpus, Document, JudgedCorpus, StudioError

TEXTS = {
    "sort": "def sort(values): return sorted(values)",
    "read": "def read(path): return open(path).read()",
    "hash": "def checksum(data): return hashlib.sha256(data).hexdigest()",
}
JUDGED = JudgedCorpus(
    corpus=Corpus("tiny", tuple(Document(id=name, text=text, encoded=text) for name, text in TEXTS.items())),
    split="valid",
    protocol="content",
    queries={"q1": "sorted values", "q2": "open path"},
    qrels={"q1": frozenset({"sort"}), "q2": frozenset({"read"})},
    skipped_queries=4,
)


def report(*rankings: Sequence[str], judged: JudgedCorpus = JUDGED, model: str | None = "minilm") -> Report:
    return score_rankings(
        judged,
        rankings,
        model=model,
        model_fingerprint=None,
        mode="dense",
        timing=Timing(),
        environment={},
    )


FIRST_THEN_THIRD = report(["sort", "read", "hash"], ["hash", "sort", "read"])
SECOND_THEN_FIRST = report(["read", "sort"], ["read"], model="studio")
BOTH_FIRST = report(["sort"], ["read"])
NEVER = report([], ["hash"])


def test_a_report_carries_what_was_judged() -> None:
    found = report(["sort"], ["read"], judged=replace(JUDGED, protocol="official", derived=True))
    assert (found.corpus, found.split, found.protocol) == ("tiny", "valid", "official")
    assert (found.derived_qrels, found.skipped_queries, found.documents) == (True, 4, 3)


def test_each_query_has_its_own_figures_and_the_report_their_mean() -> None:
    first, second = FIRST_THEN_THIRD.per_query
    assert (first.query_id, first.query, first.first_relevant_rank) == ("q1", "sorted values", 1)
    assert (second.query_id, second.query, second.first_relevant_rank) == ("q2", "open path", 3)
    assert second.metrics["ndcg@10"] == pytest.approx(1 / math.log2(3 + 1))
    assert FIRST_THEN_THIRD.metrics["recall@1"] == (1 + 0) / 2
    assert FIRST_THEN_THIRD.metrics["recall@5"] == (1 + 1) / 2
    assert FIRST_THEN_THIRD.metrics["mrr@10"] == pytest.approx((1 + 1 / 3) / 2)
    assert FIRST_THEN_THIRD.metrics["ndcg@10"] == pytest.approx((1 + 1 / math.log2(3 + 1)) / 2)
    assert FIRST_THEN_THIRD.metrics["map"] == pytest.approx((1 + 1 / 3) / 2)


def test_a_relevant_document_that_is_not_ranked_has_no_rank() -> None:
    assert [row.first_relevant_rank for row in NEVER.per_query] == [None, None]
    assert set(NEVER.metrics.values()) == {0.0}


def test_a_report_made_here_is_one_that_can_be_read() -> None:
    assert Report.from_dict(FIRST_THEN_THIRD.as_dict()) == FIRST_THEN_THIRD


def test_lexical_evaluation_ranks_with_the_engine_and_names_no_model(settings: Settings) -> None:
    found = evaluate(JUDGED, "minilm", "lexical", settings)
    assert found.metrics == dict.fromkeys(METRIC_NAMES, 1.0)  # each query shares words with one text only
    assert (found.model, found.model_fingerprint, found.mode) == (None, None, "lexical")
    assert found.timing.encode_documents_s is found.timing.documents_per_s is None
    assert found.timing.queries_per_s == pytest.approx(2 / (found.timing.search_s or 0))


def test_encoding_is_timed_only_where_it_was_done(fresh_workspace: Path) -> None:
    settings = Settings(workspace=fresh_workspace)
    fresh, cached = (evaluate(JUDGED, "minilm", "dense", settings) for _ in range(2))
    assert fresh.timing.documents_per_s == pytest.approx(3 / (fresh.timing.encode_documents_s or 0))
    assert cached.timing.encode_documents_s is cached.timing.documents_per_s is None
    assert fresh.per_query == cached.per_query
    assert fresh.model == "minilm" and fresh.model_fingerprint
    assert fresh.environment["backend"]


def test_a_split_without_judged_queries_cannot_be_evaluated(settings: Settings) -> None:
    with pytest.raises(StudioError, match=r"no query of split 'valid' in tiny .*4 left out"):
        evaluate(replace(JUDGED, queries={}, qrels={}), "minilm", "lexical", settings)


def test_a_difference_is_b_minus_a_and_relative_to_a() -> None:
    found = compare(FIRST_THEN_THIRD, SECOND_THEN_FIRST).metrics["mrr@10"]
    a, b = (1 + 1 / 3) / 2, (1 / 2 + 1) / 2
    assert (found.a, found.b) == pytest.approx((a, b))
    assert found.absolute == pytest.approx(b - a)
    assert found.relative_pct == pytest.approx(100 * (b - a) / a)
    assert found.ci95 == pytest.approx(
        (1 / 2 - 1, 1 - 1 / 3)
    )  # of two queries: both times the one or the other


def test_a_relative_difference_to_zero_is_null() -> None:
    found = compare(NEVER, BOTH_FIRST).metrics["map"]
    assert (found.absolute, found.relative_pct) == (1.0, None)


def test_wins_losses_and_ties_count_queries_by_ndcg() -> None:
    found = compare(FIRST_THEN_THIRD, SECOND_THEN_FIRST)
    assert (found.wins, found.losses, found.ties) == (1, 1, 0)  # q2 from rank 3 to 1, q1 from 1 to 2
    found = compare(FIRST_THEN_THIRD, BOTH_FIRST)
    assert (found.wins, found.losses, found.ties) == (1, 0, 1)


def test_ln_rank_counts_a_missing_document_as_rank_1001() -> None:
    one_missing = report(["sort"], ["hash"])
    found = compare(one_missing, SECOND_THEN_FIRST).ln_first_relevant_rank
    assert found.a == pytest.approx((math.log(1) + math.log(1001)) / 2)
    assert found.b == pytest.approx((math.log(2) + math.log(1)) / 2)
    assert found.relative_pct is None


def test_a_report_compared_with_itself_shows_nothing() -> None:
    found = compare(FIRST_THEN_THIRD, FIRST_THEN_THIRD)
    assert {(d.absolute, d.ci95, d.p_value) for d in found.metrics.values()} == {(0.0, (0.0, 0.0), 1.0)}
    assert (found.wins, found.losses, found.ties) == (0, 0, 2)


def test_one_query_proves_nothing() -> None:
    single = replace(JUDGED, queries={"q1": "sorted values"})
    found = compare(report(["read", "sort"], judged=single), report(["sort"], judged=single))
    assert found.metrics["mrr@10"].ci95 == (0.5, 0.5)
    assert found.metrics["mrr@10"].p_value == 1.0


def test_queries_are_paired_by_id_whatever_their_order() -> None:
    turned = replace(BOTH_FIRST, per_query=BOTH_FIRST.per_query[::-1])
    assert compare(FIRST_THEN_THIRD, turned).as_dict() == compare(FIRST_THEN_THIRD, BOTH_FIRST).as_dict()


def test_the_json_has_the_keys_of_the_contract() -> None:
    data = compare(FIRST_THEN_THIRD, SECOND_THEN_FIRST, "a.json", "b.json").as_dict()
    assert data["a"] == {"model": "minilm", "mode": "dense", "file": "a.json"}
    assert data["b"] == {"model": "studio", "mode": "dense", "file": "b.json"}
    assert tuple(data["metrics"]) == METRIC_NAMES
    assert list(data["metrics"]["map"]) == ["a", "b", "absolute", "relative_pct", "ci95", "p_value"]
    assert isinstance(data["metrics"]["map"]["ci95"], list)
    assert list(data) == ["a", "b", "metrics", "ln_first_relevant_rank", "wins", "losses", "ties"]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (replace(BOTH_FIRST, corpus="stdlib"), r"differ in corpus \('tiny' and 'stdlib'\)"),
        (replace(BOTH_FIRST, documents=20_604), r"number of documents \(3 and 20604\)"),
        (replace(BOTH_FIRST, split="test"), r"split \('valid' and 'test'\)"),
        (replace(BOTH_FIRST, protocol="official"), r"protocol \('content' and 'official'\)"),
        (
            replace(BOTH_FIRST, per_query=BOTH_FIRST.per_query[:1]),
            r"queries \(1 only in the first, 0 only in",
        ),
        (
            replace(
                BOTH_FIRST,
                per_query=(replace(BOTH_FIRST.per_query[0], query="other"), BOTH_FIRST.per_query[1]),
            ),
            r"queries \(1 only in the first, 1 only in the second\)",
        ),
    ],
)
def test_reports_about_different_things_are_not_compared(other: Report, difference: str) -> None:
    with pytest.raises(StudioError, match=difference):
        compare(BOTH_FIRST, other)


def test_everything_that_differs_is_named_at_once() -> None:
    with pytest.raises(StudioError, match=r"corpus .*, split .*, protocol"):
        compare(BOTH_FIRST, replace(BOTH_FIRST, corpus="x", split="y", protocol="official"))


def test_the_table_shows_both_sides_each_difference_and_the_count_of_queries() -> None:
    table = comparison_table(compare(NEVER, BOTH_FIRST, "a.json", "b.json"))
    assert table.splitlines()[:3] == [
        "tiny, split valid, content protocol",
        "a: minilm, dense a.json",
        "b: minilm, dense b.json",
    ]
    assert "map          0.0000   1.0000   +1.0000  [+1.0000, +1.0000]" in table
    assert "b wins 2, loses 0, ties 0" in table
