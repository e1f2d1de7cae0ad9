"""Queries and qrels: a data set's own, or derived from the docstrings of code."""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace

from search_core.corpus.datasets import RetrievalDataset, dataset_corpus, merge_equal
from search_core.corpus.languages import without_docstring
from search_core.types import Corpus, Document, EvaluationProtocol, JudgedCorpus, StudioError

DERIVED_SPLITS = ("train", "valid", "test")
SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\betc)[.!?](?=\s|$)")
MIN_QUERY_WORDS = 3


@dataclass(frozen=True, slots=True)
class Judgment:
    """One row of the qrels, as it is: of use to an evaluation or not.

    query: its text, empty where it has none. document: None where there is none with a text.
    """

    split: str
    query: str
    document: Document | None
    relevant: bool


@dataclass(frozen=True)
class Judgments:
    """Every row of every split. corpus, derived: as in JudgedCorpus, protocol content."""

    corpus: Corpus
    rows: tuple[Judgment, ...]
    derived: bool


def dataset_judgments(spec: str, dataset: RetrievalDataset) -> Judgments:
    """The rows of a data set's config `default`."""
    corpus = dataset_corpus(spec, dataset, "content")
    kept = merge_equal(dataset.documents)[1]
    columns = (dataset.qrels[name] for name in ("split", "query", "document", "score"))
    rows = tuple(
        Judgment(split, dataset.queries.get(query, ""), corpus.by_id.get(kept.get(document, "")), score > 0)
        for split, query, document, score in zip(*columns, strict=True)
    )
    return Judgments(corpus, rows, derived=False)


def docstring_judgments(corpus: Corpus) -> Judgments:
    """A row for each query and function that are derived from the code; all are relevant."""
    derived = _derive(corpus)
    rows = tuple(
        Judgment(derived.split_of[id_], query, derived.candidates[document], relevant=True)
        for id_, query in derived.queries.items()
        for document in derived.relevant[id_]
    )
    documents = tuple(derived.candidates.values())
    return Judgments(replace(corpus, documents=documents, id=""), rows, derived=True)


def judge_dataset(
    spec: str, dataset: RetrievalDataset, split: str, protocol: EvaluationProtocol
) -> JudgedCorpus:
    """A data set's queries of one split. Where the protocol merges documents, its qrels follow.

    Raises StudioError for an unknown split, and where no query has a relevant document.
    """
    splits = sorted(set(dataset.qrels["split"]))
    if split not in splits:
        raise StudioError(
            f"Corpus {spec!r} has no split {split!r}: choose from {', '.join(splits) or 'none'}."
        )
    corpus = dataset_corpus(spec, dataset, protocol)
    kept = merge_equal(dataset.documents)[1] if protocol == "content" else {id_: id_ for id_ in corpus.by_id}
    relevant: dict[str, set[str]] = {}
    columns = (dataset.qrels[name] for name in ("split", "query", "document", "score"))
    for row_split, query, document, score in zip(*columns, strict=True):
        if row_split == split:
            found = relevant.setdefault(query, set())
            if score > 0 and document in kept:
                found.add(kept[document])
    usable = {query: found for query, found in relevant.items() if found and query in dataset.queries}
    if not usable:
        raise StudioError(
            f"Split {split!r} of corpus {spec!r} has no query with a relevant document: none of its "
            f"{len(relevant)} judged queries is in config 'queries' and points into config 'corpus'."
        )
    return JudgedCorpus(
        corpus,
        split,
        protocol,
        queries={query: dataset.queries[query] for query in usable},
        qrels={query: frozenset(found) for query, found in usable.items()},
        skipped_queries=len(relevant) - len(usable),
    )


def judge_docstrings(corpus: Corpus, split: str, protocol: EvaluationProtocol) -> JudgedCorpus:
    """Queries from docstrings: the first sentence should find its function among all, docstrings removed.

    A query belongs to one split, that of the first module it occurs in, so that no query is seen
    in training and in a test; all functions it was said of are relevant.
    """
    if protocol != "content":
        raise StudioError(
            f"Corpus {corpus.spec!r} is code: its derived qrels have only the protocol 'content'."
        )
    if split not in DERIVED_SPLITS:
        raise StudioError(
            f"Corpus {corpus.spec!r} has no split {split!r}: choose from {', '.join(DERIVED_SPLITS)}."
        )
    derived = _derive(corpus)
    chosen = {id_: query for id_, query in derived.queries.items() if derived.split_of[id_] == split}
    if not chosen:
        raise StudioError(
            f"Corpus {corpus.spec!r} has no query in split {split!r}: the docstrings of its "
            f"{derived.functions} functions and methods give {len(derived.queries)} sentences of "
            f"{MIN_QUERY_WORDS} words or more."
        )
    return JudgedCorpus(
        replace(corpus, documents=tuple(derived.candidates.values()), id=""),
        split,
        protocol,
        queries=chosen,
        qrels={id_: frozenset(derived.relevant[id_]) for id_ in chosen},
        derived=True,
    )


def first_queries(judged: JudgedCorpus, limit: int | None) -> JudgedCorpus:
    """With the queries in the order of their ids, and no more than the limit."""
    ids = sorted(judged.queries)[:limit]
    return replace(
        judged,
        queries={id_: judged.queries[id_] for id_ in ids},
        qrels={id_: judged.qrels[id_] for id_ in ids},
    )


def learnable_text(document: Document) -> str:
    """What training reads of a document: a data set's text as encoded, code without what documents it."""
    return document.encoded if document.path is None else _undocumented(document).encoded


def first_sentence(docstring: str) -> str:
    """Up to the first full stop, or the end of the first paragraph, on one line.

    >>> first_sentence("Copy a file, e.g. a log.\\n\\nReturns nothing.")
    'Copy a file, e.g. a log.'
    """
    paragraph = re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0]
    line = " ".join(paragraph.split())
    end = SENTENCE_END.search(line)
    return line[: end.end()] if end else line


def split_of_module(path: str) -> str:
    """Split of a module by its POSIX path: eight tenths train, one tenth valid, one tenth test.

    >>> split_of_module("json/decoder.py")
    'test'
    """
    tenth = int(hashlib.sha256(path.encode()).hexdigest()[:8], 16) % 10
    return "train" if tenth < 8 else "valid" if tenth == 8 else "test"


@dataclass(frozen=True)
class _Derived:
    """Ids to candidate functions; query ids to texts, ids of relevant candidates and split."""

    functions: int
    candidates: Mapping[str, Document]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, None]]
    split_of: Mapping[str, str]


def _derive(corpus: Corpus) -> _Derived:
    functions = [document for document in corpus.documents if document.kind in ("function", "method")]
    candidates, kept = merge_equal([_undocumented(document) for document in functions])
    texts: dict[str, str] = {}
    relevant: dict[str, dict[str, None]] = {}  # ids as keys: a set that keeps their order
    split_of: dict[str, str] = {}
    for document in functions:
        query = first_sentence(document.docstring or "")
        if len(query.split()) >= MIN_QUERY_WORDS:
            id_ = hashlib.sha256(query.encode()).hexdigest()[:16]
            texts[id_] = query
            relevant.setdefault(id_, {})[kept[document.id]] = None
            split_of.setdefault(id_, split_of_module(corpus.module_path(document)))
    by_id = {document.id: document for document in candidates}
    return _Derived(len(functions), by_id, texts, relevant, split_of)


def _undocumented(document: Document) -> Document:
    """A function as its code alone: neither what is said of it nor where it is."""
    return replace(document, encoded=textwrap.dedent(without_docstring(document)))
