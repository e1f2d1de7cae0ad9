"""From scores to ranks."""

from search_core.ranking.fusion import NAME_WEIGHT, QUESTION_WEIGHT, fuse, lexical_weight
from search_core.ranking.order import order, top_rows
from search_core.ranking.signals import FITTED, CodeFeatures, Weights, code_aware, query_kind

__all__ = [
    "FITTED",
    "NAME_WEIGHT",
    "QUESTION_WEIGHT",
    "CodeFeatures",
    "Weights",
    "code_aware",
    "fuse",
    "lexical_weight",
    "order",
    "query_kind",
    "top_rows",
]
