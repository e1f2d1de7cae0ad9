"""Chunked files in the workspace: documents in shards, so that an edit rewrites a few of them."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from search_core.corpus.storage import documents_table, read_corpus, read_documents, write_corpus
from search_core.types import Document

CHUNKED_BY = f"3, Python {sys.version_info.major}.{sys.version_info.minor}"
"""Stored documents made by another version are made anew: count up when chunking changes."""
FILES_PER_SHARD = 64
MAX_SHARDS = 64


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """One file's documents, and by what to tell that it is still the same.

    mtime_ns: None where the time cannot be trusted and the content must be compared.
    asked_for: as in SourceFile. left_out: why it has no documents.
    """

    path: str
    size: int
    mtime_ns: int | None
    sha256: str
    asked_for: bool
    documents: Sequence[Document] = ()
    left_out: str | None = None


@dataclass(frozen=True)
class StoredFiles:
    """What the last writer left. files: by path; shards: by name."""

    files: Mapping[str, ChunkedFile] = field(default_factory=dict)
    shards: Mapping[str, Path] = field(default_factory=dict)


def read_stored(folder: Path) -> StoredFiles:
    """Empty where there is nothing that can be used."""
    artifact = read_corpus(folder)
    if artifact is None or artifact.metadata["chunked_by"] != CHUNKED_BY:
        return StoredFiles()
    by_path: dict[str | None, list[Document]] = {}
    for shard in artifact.files.values():
        by_path |= {
            path: list(group) for path, group in groupby(read_documents(shard), key=attrgetter("path"))
        }
    files = {
        path: ChunkedFile(path, size, mtime_ns, sha256, asked_for, by_path.get(path, ()), left_out)
        for path, (size, mtime_ns, sha256, asked_for, left_out) in artifact.metadata["files"].items()
    }
    return StoredFiles(files, artifact.files)


def write_files(folder: Path, spec: str, files: Sequence[ChunkedFile], stored: StoredFiles) -> None:
    """Store what the files are now; the caller holds the folder's lock.

    stored: what was read before. Its shards without a change are taken over.
    """
    count = _shards_for(len(files))
    members: list[list[ChunkedFile]] = [[] for _ in range(count)]
    for file in files:
        members[_shard_of(file.path, count)].append(file)
    tables = {
        _name(shard): documents_table([document for file in inside for document in file.documents])
        for shard, inside in enumerate(members)
    }
    changed = _changed_shards(files, stored, count)
    unchanged = {name: path for name, path in stored.shards.items() if name not in changed}
    states = {
        file.path: [file.size, file.mtime_ns, file.sha256, file.asked_for, file.left_out] for file in files
    }
    write_corpus(folder, tables, {"spec": spec, "chunked_by": CHUNKED_BY, "files": states}, unchanged)


def _changed_shards(files: Sequence[ChunkedFile], stored: StoredFiles, count: int) -> set[str]:
    """Names of shards with other documents than before."""
    if len(stored.shards) != count:
        return {_name(shard) for shard in range(max(count, len(stored.shards)))}
    now = {file.path: file.documents for file in files}
    before = {path: file.documents for path, file in stored.files.items()}
    paths = now.keys() | before.keys()
    return {_name(_shard_of(path, count)) for path in paths if now.get(path) is not before.get(path)}


def _name(shard: int) -> str:
    return f"documents-{shard:02}.parquet"


def _shard_of(path: str, count: int) -> int:
    return zlib.crc32(path.encode()) % count


def _shards_for(files: int) -> int:
    """A power of two, so that it seldom changes."""
    return min(MAX_SHARDS, 1 << max(0, (files - 1) // FILES_PER_SHARD).bit_length())
