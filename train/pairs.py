"""What a model learns from: pairs of a query and a function that answers it.

A data set's judged pairs, or the docstrings of code. Only the train split is used, and
nothing that an evaluation will ask or look for is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from search_core.corpus import Judgment, Judgments, load_judgments
from search_core.corpus.judged import split_of_module
from search_core.settings import Settings
from search_core.types import Corpus, Document, StudioError

Source = Literal["judged", "docstrings"]

REASONS: Mapping[str, str] = {
    "zero_scored": "judged irrelevant",
    "empty": "without a text on either side",
    "other_module": "in a module of another split",
    "duplicate": "there already",
    "query_in_evaluation": "with a query that is in another split",
    "document_in_evaluation": "with a function that another split looks for",
}
"""Why a row of the train split is no pair, in the order in which they are tried, and in words."""


@dataclass(frozen=True, slots=True)
class Pair:
    """query, positive, negatives: texts as they are encoded. positive_key: the positive's content key."""

    query: str
    positive: str
    positive_key: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairSet:
    """Pairs, and all that is needed to find negatives for them.

    counts: `rows` of the train split and, for each of REASONS, how many of them were left out;
        the rest are the pairs. Mined negatives add figures of their own.
    candidates: documents that may serve as negatives: all of a data set, which is chosen without
        looking at any judgment; the train modules of code.
    relevant: folded query to the content keys of all documents known to answer it, those whose
        pair was left out, too.
    """

    pairs: tuple[Pair, ...]
    counts: Mapping[str, int]
    source: Source
    candidates: Corpus
    relevant: Mapping[str, frozenset[str]]


def load_pairs(spec: str, settings: Settings) -> PairSet:
    """The pairs of a corpus' train split, in its order.

    Raises StudioError where the spec names nothing usable, and for fewer than two functions to
    learn from: training compares them with each other.
    """
    judgments = load_judgments(spec, settings)
    rows = [row for row in judgments.rows if row.split == "train"]
    evaluation = _Evaluation.of(judgments)
    pairs: dict[tuple[str, str], Pair] = {}
    counts = {"rows": len(rows), **dict.fromkeys(REASONS, 0)}
    for row in rows:
        reason = next(_reasons(row, judgments.derived, pairs, evaluation), None)
        if reason:
            counts[reason] += 1
        elif row.document:
            key = row.document.content_key
            pairs[folded(row.query), key] = Pair(row.query, row.document.encoded, key)
    if len({key for _, key in pairs}) < 2:
        raise _too_few(judgments, len(pairs), counts)
    return PairSet(
        tuple(pairs.values()),
        counts,
        "docstrings" if judgments.derived else "judged",
        _candidates(judgments),
        _relevant(rows),
    )


def split_development(pairs: Sequence[Pair], fraction: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on, and those that tell when to stop: a fraction of the functions, rounded down.

    All pairs of one function are on one side. Which side depends on the function's text, the
    seed and the other functions, not on the order.
    """
    keys = {pair.positive_key for pair in pairs}
    drawn = sorted(keys, key=lambda key: hashlib.sha256(f"{seed}\0{key}".encode()).digest())
    development = set(drawn[: int(fraction * len(drawn))])
    return (
        [pair for pair in pairs if pair.positive_key not in development],
        [pair for pair in pairs if pair.positive_key in development],
    )


def folded(query: str) -> str:
    """Two queries are the same if they differ only in case, white space or the final stop.

    >>> folded(" Sort  a List. ")
    'sort a list'
    """
    return " ".join(query.casefold().split()).rstrip(" .!?")


@dataclass(frozen=True)
class _Evaluation:
    """What must not be learnt: folded queries, and content keys of relevant documents, of other splits."""

    queries: frozenset[str]
    documents: frozenset[str]

    @classmethod
    def of(cls, judgments: Judgments) -> _Evaluation:
        rows = [row for row in judgments.rows if row.split != "train"]
        return cls(
            frozenset(folded(row.query) for row in rows),
            frozenset(row.document.content_key for row in rows if row.relevant and row.document),
        )


def _reasons(
    row: Judgment, derived: bool, pairs: Mapping[tuple[str, str], Pair], evaluation: _Evaluation
) -> Iterator[str]:
    """Why a row is no pair, in the order of REASONS; nothing for one that is."""
    if not row.relevant:
        yield "zero_scored"
    if not row.document or not row.query.strip():
        yield "empty"
        return
    query, key = folded(row.query), row.document.content_key
    if derived and not _is_in_train_module(row.document):
        yield "other_module"
    if (query, key) in pairs:
        yield "duplicate"
    if query in evaluation.queries:
        yield "query_in_evaluation"
    if key in evaluation.documents:
        yield "document_in_evaluation"


def _is_in_train_module(document: Document) -> bool:
    return split_of_module(document.path or "") == "train"


def _candidates(judgments: Judgments) -> Corpus:
    corpus = judgments.corpus
    if not judgments.derived:
        return corpus
    return replace(corpus, documents=tuple(filter(_is_in_train_module, corpus.documents)))


def _relevant(rows: Sequence[Judgment]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.relevant and row.document:
            found.setdefault(folded(row.query), set()).add(row.document.content_key)
    return {query: frozenset(keys) for query, keys in found.items()}


def _too_few(judgments: Judgments, pairs: int, counts: Mapping[str, int]) -> StudioError:
    left_out = "".join(
        f", {words}: {counts[reason]:,}" for reason, words in REASONS.items() if counts[reason]
    )
    way_out = (
        "Take code with more docstrings (a first sentence of three words or more), or dataset:ID_OR_PATH."
        if judgments.derived
        else "Add rows with a score above 0 to that split of its config 'default'."
    )
    return StudioError(
        f"Corpus {judgments.corpus.spec!r} has too few pairs to train on: two with different functions are "
        f"the least. Rows in split 'train': {counts['rows']:,}, usable: {pairs:,}{left_out}. {way_out}"
    )
