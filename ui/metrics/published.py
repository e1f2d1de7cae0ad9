"""Figures that others have published, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from search_core.types import EvaluationProtocol


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """metric: a name of METRIC_NAMES, or `mrr`: the mean of 1 / first relevant rank, however deep."""

    model: str
    metric: str
    value: float
    corpus: str
    split: str
    protocol: EvaluationProtocol
    source: str


_COSQA = "dataset:CoIR-Retrieval/cosqa"
_SCODER = "Li et al., Findings of EMNLP 2022 (SCodeR)"
_CODET5 = "Wang et al., EMNLP 2023 (CodeT5+)"
_UNIXCODER = "Guo et al., ACL 2022 (UniXcoder)"
_MTEB = "MTEB results, task CosQA"

_FINE_TUNED = (
    ("CodeBERT", 0.647, _SCODER),
    ("GraphCodeBERT", 0.675, _SCODER),
    ("UniXcoder", 0.701, _UNIXCODER),
    ("CodeT5+ 770M", 0.740, _CODET5),
    ("SCodeR", 0.745, _SCODER),
)
"""Trained on CoSQA's own pairs, ranked over its 6,267 distinct functions."""

PUBLISHED: tuple[PublishedFigure, ...] = (
    *(PublishedFigure(model, "mrr", mrr, _COSQA, "test", "content", by) for model, mrr, by in _FINE_TUNED),
    PublishedFigure("e5-base-v2", "ndcg@10", 0.326, _COSQA, "test", "official", _MTEB),
    PublishedFigure("e5-base-v2", "recall@10", 0.580, _COSQA, "test", "official", _MTEB),
)


def published_figures(corpus: str, split: str, protocol: EvaluationProtocol) -> tuple[PublishedFigure, ...]:
    """Those of exactly this corpus, split and protocol."""
    return tuple(
        figure
        for figure in PUBLISHED
        if (figure.corpus, figure.split, figure.protocol) == (corpus, split, protocol)
    )
