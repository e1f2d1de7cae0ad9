"""Where documents come from: a spec in, documents (and judged queries) out."""

from __future__ import annotations

from dataclasses import replace

from search_core.corpus.code import load_code
from search_core.corpus.datasets import dataset_corpus, load_dataset
from search_core.corpus.examples import asked_of, said_in
from search_core.corpus.files import check_installed
from search_core.corpus.judged import (
    Judgment,
    Judgments,
    dataset_judgments,
    docstring_judgments,
    first_queries,
    judge_dataset,
    judge_docstrings,
)
from search_core.corpus.spec import DatasetSource, SingleSource, UnionSource, corpus_id, parse_spec
from search_core.corpus.union import union_of
from search_core.settings import Settings
from search_core.types import Corpus, EvaluationProtocol, JudgedCorpus, Progress, StudioError, silent

__all__ = ["Judgment", "Judgments", "check_installed", "load_corpus", "load_judged", "load_judgments"]


def load_corpus(spec: str, settings: Settings, progress: Progress = silent) -> Corpus:
    """The documents that a spec names, as they are now; progress counts files.

    Stored in the workspace, so that a second call reads only what changed. A data set's
    documents are merged by content. Raises StudioError where the spec names nothing usable.
    """
    source = parse_spec(spec)
    if isinstance(source, DatasetSource):
        dataset = load_dataset(source, settings)
        corpus = dataset_corpus(spec, dataset, "content")
        return replace(corpus, id=corpus_id(source), queries=asked_of(dataset))
    corpus = _load_code(source, settings, progress)
    return replace(corpus, queries=said_in(corpus))


def load_judged(
    spec: str,
    split: str,
    protocol: EvaluationProtocol,
    settings: Settings,
    limit_queries: int | None = None,
) -> JudgedCorpus:
    """The corpus to rank with the queries and qrels of one split.

    A data set brings its qrels; those of code are derived from docstrings, and its corpus holds
    all functions and methods without them. limit_queries: take the first of the queries, by id.
    Raises StudioError for a split or protocol that the corpus does not have.
    """
    if limit_queries is not None and limit_queries < 1:
        raise StudioError(f"The number of queries must be at least 1, got {limit_queries}.")
    source = parse_spec(spec)
    if isinstance(source, DatasetSource):
        judged = judge_dataset(spec, load_dataset(source, settings), split, protocol)
    else:
        judged = judge_docstrings(_load_code(source, settings, silent), split, protocol)
    return first_queries(judged, limit_queries)


def load_judgments(spec: str, settings: Settings) -> Judgments:
    """Every judgment of every split, those that an evaluation leaves out too: what training reads.

    Raises StudioError where the spec names nothing usable.
    """
    source = parse_spec(spec)
    if isinstance(source, DatasetSource):
        return dataset_judgments(spec, load_dataset(source, settings))
    return docstring_judgments(_load_code(source, settings, silent))


def _load_code(source: SingleSource | UnionSource, settings: Settings, progress: Progress) -> Corpus:
    if isinstance(source, UnionSource):
        return union_of(source, [load_code(part, settings, progress) for part in source.parts])
    return load_code(source, settings, progress)
