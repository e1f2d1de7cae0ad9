"""What a model learns from: pairs of a query and a function that answers it.

A data set's judged pairs, or the docstrings of code, and what people marked in searches. Only the
train split is used, and nothing that an evaluation will ask or look for is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from search_core.corpus import Judgment, Judgments, load_judgments
from search_core.corpus.judged import split_of_module
from search_core.judgments import Mark, folded
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
    """query, positive, negatives: texts as they are encoded. positive_key: the positive's content key.

    negatives: those that people marked as wrong for the query, until mining adds its own.
    """

    query: str
    positive: str
    positive_key: str
    negatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class PairSet:
    """Pairs, and all that is needed to find negatives for them.

    counts: `rows` of the train split and, for each of REASONS, how many of them were left out;
        the rest are the pairs. Marks are rows, too, where they are right, and add `marked_right`,
        `marked_wrong` and `labelled_negatives` (wrong ones that a pair can use); mined negatives add
        figures of their own.
    candidates: documents that may serve as negatives: all of a data set, which is chosen without
        looking at any judgment; the train modules of code; any other positive of a pair.
    relevant: folded query to the content keys of all documents known to answer it, those whose
        pair was left out, too.
    """

    pairs: tuple[Pair, ...]
    counts: Mapping[str, int]
    source: Source
    candidates: Corpus
    relevant: Mapping[str, frozenset[str]]


def load_pairs(spec: str, settings: Settings, marks: Collection[Mark] = ()) -> PairSet:
    """The pairs of a corpus' train split, in its order, and after them those that people marked as right.

    marks: of this corpus, the latest ones. A wrong one becomes a labelled negative of every pair with its
    query. Raises StudioError where the spec names nothing usable, and for fewer than two functions to
    learn from: training compares them with each other.
    """
    judgments = load_judgments(spec, settings)
    evaluation = _Evaluation.of(judgments)
    rows = [row for row in judgments.rows if row.split == "train"]
    rows += [_row(mark) for mark in marks if mark.verdict == "right"]
    pairs: dict[tuple[str, str], Pair] = {}
    counts = {"rows": len(rows), **dict.fromkeys(REASONS, 0)}
    for row in rows:
        reason = next(_reasons(row, judgments, pairs, evaluation), None)
        if reason:
            counts[reason] += 1
        elif row.document:
            key = row.document.content_key
            pairs[folded(row.query), key] = Pair(row.query, row.document.encoded, key)
    if len({key for _, key in pairs}) < 2:
        raise _too_few(judgments, len(pairs), counts)
    found = PairSet(
        tuple(pairs.values()),
        counts,
        "docstrings" if judgments.derived else "judged",
        _candidates(judgments, rows, {key for _, key in pairs}),
        _relevant(rows),
    )
    return _labelled(found, marks, judgments, evaluation) if marks else found


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
    row: Judgment, judgments: Judgments, pairs: Mapping[tuple[str, str], Pair], evaluation: _Evaluation
) -> Iterator[str]:
    """Why a row is no pair, in the order of REASONS; nothing for one that is."""
    if not row.relevant:
        yield "zero_scored"
    if not row.document or not row.query.strip():
        yield "empty"
        return
    query, key = folded(row.query), row.document.content_key
    if not _is_in_train_module(row.document, judgments):
        yield "other_module"
    if (query, key) in pairs:
        yield "duplicate"
    if query in evaluation.queries:
        yield "query_in_evaluation"
    if key in evaluation.documents:
        yield "document_in_evaluation"


def _is_in_train_module(document: Document, judgments: Judgments) -> bool:
    return not judgments.derived or split_of_module(judgments.corpus.module_path(document)) == "train"


def _row(mark: Mark) -> Judgment:
    """A mark as a row of the train split."""
    document = Document(f"marked/{mark.key}", mark.text, mark.text, mark.path, mark.symbol)
    return Judgment("train", mark.query, document, relevant=mark.verdict == "right")


def _candidates(judgments: Judgments, rows: Sequence[Judgment], positives: set[str]) -> Corpus:
    """positives: content keys. One that only a mark knows, say of a class, joins the candidates."""
    corpus = judgments.corpus
    documents = [one for one in corpus.documents if _is_in_train_module(one, judgments)]
    marked = {row.document.content_key: row.document for row in rows if row.document}
    missing = positives - {document.content_key for document in documents}
    return replace(corpus, documents=(*documents, *(marked[key] for key in marked if key in missing)))


def _labelled(
    found: PairSet, marks: Collection[Mark], judgments: Judgments, evaluation: _Evaluation
) -> PairSet:
    """With the wrong marks that are of use: their query has a pair, their document is no known answer to
    it, and no evaluation looks for it."""
    paired = {folded(pair.query) for pair in found.pairs}
    wrong = [(folded(mark.query), _row(mark).document) for mark in marks if mark.verdict == "wrong"]
    negatives: dict[str, dict[str, None]] = {}  # texts as keys: a set that keeps their order
    for query, document in wrong:
        if (
            document
            and query in paired
            and document.content_key not in found.relevant[query] | evaluation.documents
            and _is_in_train_module(document, judgments)
        ):
            negatives.setdefault(query, {})[document.encoded] = None
    return replace(
        found,
        pairs=tuple(
            replace(pair, negatives=tuple(negatives.get(folded(pair.query), ()))) for pair in found.pairs
        ),
        counts={
            **found.counts,
            "marked_right": sum(mark.verdict == "right" for mark in marks),
            "marked_wrong": len(wrong),
            "labelled_negatives": sum(map(len, negatives.values())),
        },
    )


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
