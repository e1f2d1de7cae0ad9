"""Retrieval metrics per query: binary relevance, top 1,000, equal to trec_eval's.

A ranking comes in as document ids, best first. How equal scores are ordered is decided
where rankings are made (float32 score descending, then id descending: trec_eval's rule).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from search_core.types import MAX_K

RECALL_CUTOFFS = (1, 5, 10, 20, 50, 100)
ABSENT_RANK = MAX_K + 1
"""Stands for the rank of a relevant document that is not among the top 1,000."""
ROUNDING = 1e-9
"""Figures that are closer than this are equal: only the order of adding differs."""

Relevance = NDArray[np.bool_]
"""(n_queries, depth): whether the document at each rank is relevant, best rank first; depth at least 1."""
Counts = NDArray[np.int64]
"""(n_queries,): how many documents are relevant to each query, ranked or not; at least 1."""
PerQuery = NDArray[np.float64]
"""(n_queries,)"""


def relevance_by_rank(rankings: Sequence[Sequence[str]], relevant: Sequence[Collection[str]]) -> Relevance:
    """Look up each ranked document among its query's relevant ones.

    rankings: per query, distinct document ids, best first; those after 1,000 are ignored.
    relevant: per query, the ids of its relevant documents, ranked or not.
    Returns rows padded with False to the longest ranking, and to one column at least.

    Raises ValueError where there are no queries, the lengths differ, a query has nothing
    relevant (its recall is undefined) or a ranking names a document twice (it would count twice).

    >>> relevance_by_rank([["b", "a"], ["a"]], [{"a", "c"}, {"a"}])
    array([[False,  True],
           [ True, False]])
    """
    if not rankings:
        raise ValueError("no rankings to judge")
    tops = [ranking[:MAX_K] for ranking in rankings]
    relevance = np.zeros((len(tops), max(1, *map(len, tops))), dtype=np.bool_)
    for row, (top, wanted) in enumerate(zip(tops, relevant, strict=True)):
        if not wanted:
            raise ValueError(f"query in row {row} has no relevant document")
        if len(set(top)) < len(top):
            raise ValueError(f"ranking in row {row} names a document twice")
        relevance[row, : len(top)] = [document_id in wanted for document_id in top]
    return relevance


def first_relevant_rank(relevance: Relevance) -> NDArray[np.int64]:
    """(n_queries,) rank of the first relevant document, from 1; ABSENT_RANK where there is none.

    >>> first_relevant_rank(np.array([[False, True, True], [False, False, False]]))
    array([   2, 1001])
    """
    return np.where(relevance.any(axis=1), relevance.argmax(axis=1) + 1, ABSENT_RANK)


def recall_at_k(relevance: Relevance, n_relevant: Counts, k: int) -> PerQuery:
    """Share of a query's relevant documents that are among its first k.

    >>> recall_at_k(np.array([[True, False, True]]), np.array([4]), k=3)
    array([0.5])
    """
    share: PerQuery = np.count_nonzero(relevance[:, :k], axis=1) / n_relevant
    return share


def reciprocal_rank_at_k(relevance: Relevance, k: int) -> PerQuery:
    """1 / rank of the first relevant document, 0 beyond rank k: trec_eval's recip_rank on the first k.

    >>> reciprocal_rank_at_k(np.array([[False, True], [False, False]]), k=10)
    array([0.5, 0. ])
    """
    ranks = first_relevant_rank(relevance)
    return np.where(ranks <= k, 1 / ranks, 0.0)


def ndcg_at_k(relevance: Relevance, n_relevant: Counts, k: int) -> PerQuery:
    """Normalised discounted cumulative gain of the first k (Järvelin and Kekäläinen, TOIS 20(4), 2002).

    A relevant document at rank r gains 1 / log2(r + 1), trec_eval's discount; the sum is
    divided by that of the best possible list, min(k, n_relevant) relevant ones at the top.

    >>> ndcg_at_k(np.array([[False, True]]), np.array([1]), k=10).round(4)
    array([0.6309])
    """
    discounts = 1 / np.log2(np.arange(k) + 2)
    top = relevance[:, :k]
    ideal = discounts.cumsum()[np.minimum(n_relevant, k) - 1]
    # cumsum adds rank by rank, as `ideal` does: the best list gives exactly 1, however deep it is
    ndcg: PerQuery = (top * discounts[: top.shape[1]]).cumsum(axis=1)[:, -1] / ideal
    return ndcg


def average_precision(relevance: Relevance, n_relevant: Counts) -> PerQuery:
    """Precision at the rank of each relevant document, 0 for those not ranked, averaged over all of them.

    >>> average_precision(np.array([[True, False, True]]), np.array([2])).round(4)
    array([0.8333])
    """
    precision = relevance.cumsum(axis=1) / np.arange(1, relevance.shape[1] + 1)
    mean: PerQuery = (precision * relevance).sum(axis=1) / n_relevant
    return mean


METRICS: Mapping[str, Callable[[Relevance, Counts], PerQuery]] = {
    **{f"recall@{k}": partial(recall_at_k, k=k) for k in RECALL_CUTOFFS},
    "mrr@10": lambda relevance, _: reciprocal_rank_at_k(relevance, k=10),
    "ndcg@10": partial(ndcg_at_k, k=10),
    "map": average_precision,
}
"""Name in a report → the metric, in the report's order."""

METRIC_NAMES = tuple(METRICS)
