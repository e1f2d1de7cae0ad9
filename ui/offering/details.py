"""What there is to know about a corpus on offer, and what the workspace holds of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from search_core.corpus.spec import (
    ArchiveSource,
    CodeSource,
    DatasetSource,
    GitSource,
    Source,
    UnionSource,
    corpus_id,
    parse_spec,
    part_specs,
    stored_ids,
)
from search_core.store import Removed, Workspace
from search_core.types import Corpus, StudioError
from ui.offering.offers import Reading
from ui.offering.steps import Step
from ui.offering.uploads import delete_upload, is_upload

ROOMS = ("corpora", "sources", "indexes")
"""Of the workspace: they have a folder for each corpus. Vectors belong to texts, wherever these occur."""


@dataclass(frozen=True, slots=True)
class ModelOver:
    """A model over one corpus. vectors: how many its index holds; index: exact, or how it approximates."""

    step: Step
    vectors: int = 0
    index: str = ""


@dataclass(frozen=True, slots=True)
class CorpusDetails:
    """A corpus on offer.

    name: what people know it by: the spec, or the name of the file that was uploaded.
    source: what the spec names, in words; empty where nothing is there any more.
    reading: the step. corpus, indexed_at: as it was read last, None before.
    bytes: on disk, in the workspace.
    """

    spec: str
    name: str
    source: str
    reading: Step
    models: tuple[ModelOver, ...]
    corpus: Corpus | None = None
    indexed_at: datetime | None = None
    bytes: int = 0


def details_of(steps: Sequence[Step], reading: Reading | None, workspace: Path) -> CorpusDetails:
    """steps: of one corpus, reading first."""
    first, *others = steps
    source = _source(first.corpus)
    uploaded = isinstance(source, ArchiveSource) and is_upload(source.file, workspace)
    details = CorpusDetails(
        first.corpus,
        Path(first.corpus).name if uploaded else first.corpus,
        "uploaded archive" if uploaded else _in_words(source),
        first,
        tuple(_over(step, reading) for step in others),
    )
    if reading is None:
        return details
    corpus = reading.engine.corpus
    folders = frozenset(workspace / room / id for room in ROOMS for id in _held(source, corpus))
    held = _bytes_below(folders, (reading.indexed_at, reading.engine.models))
    return replace(details, corpus=corpus, indexed_at=reading.indexed_at, bytes=held)


def delete_held(spec: str, corpus: Corpus | None, others: Collection[str], workspace: Path) -> Removed:
    """Delete what the workspace holds of a corpus and of no other one: documents, files, indexes, its upload.

    corpus: as it was read last. Raises StudioError where a folder cannot be deleted.
    """
    source, rooms = _source(spec), Workspace(workspace)
    parts = [part for other in others for part in (other, *part_specs(other))]  # one may be gone, not all
    ids = _held(source, corpus).difference(*(_held(_source(part), None) for part in parts))
    removed = sum((rooms.delete(room, id) for room in ROOMS for id in sorted(ids)), start=Removed())
    if isinstance(source, ArchiveSource) and corpus_id(source) in ids:  # in no union either
        removed += delete_upload(source.file, workspace)
    return removed


def is_same(spec: str, source: Source) -> bool:
    """Whether a spec names that corpus; not where nothing is there any more."""
    named = _source(spec)
    return named is not None and named.identity == source.identity


def _held(source: Source | None, corpus: Corpus | None) -> frozenset[str]:
    """Ids of the folders that hold something of a corpus."""
    return stored_ids(source) if source else frozenset([corpus.id] if corpus else ())


def _source(spec: str) -> Source | None:
    """None where nothing is there any more."""
    with suppress(StudioError):
        return parse_spec(spec)
    return None


def _in_words(source: Source | None) -> str:
    match source:
        case None:
            return ""
        case CodeSource(kind="stdlib"):
            return "Python's standard library"
        case CodeSource(kind="package"):
            return "installed package"
        case CodeSource():
            return "folder"
        case ArchiveSource():
            return "archive"
        case GitSource():
            return "git repository"
        case DatasetSource():
            return "data set"
        case UnionSource(parts=parts):
            return f"{len(parts)} corpora joined"


def _over(step: Step, reading: Reading | None) -> ModelOver:
    with suppress(StudioError):  # not ready, or removed just now
        if reading:
            index = reading.engine.model(step.model).index
            return ModelOver(step, len(index), index.kind)
    return ModelOver(step)


@lru_cache(maxsize=256)
def _bytes_below(folders: frozenset[Path], state: object) -> int:
    """state: of what is in them; the same one has the same answer, without another look."""
    total = 0
    for path in (Path(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names):
        with suppress(FileNotFoundError):  # replaced by a newer one just now
            total += path.lstat().st_size
    return total
