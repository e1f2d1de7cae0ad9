"""Code corpora: files cut into documents, and kept so that an edit costs only what changed."""

from __future__ import annotations

import gc
import hashlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path, PurePosixPath

from search_core.corpus.chunker import Chunker, LeftOut
from search_core.corpus.files import TESTS, Listing, SourceFile, list_distribution, list_folder, read_file
from search_core.corpus.python import chunk_python
from search_core.corpus.spec import CodeSource, corpus_id
from search_core.corpus.storage import DOCUMENTS, documents_table, read_corpus, read_documents, write_corpus
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import Corpus, Document, Progress, SkippedFile, StudioError

CHUNKERS: Mapping[str, Chunker] = {".py": chunk_python}
"""Suffix of a file → what cuts it."""

CHUNKED_BY = f"1, Python {sys.version_info.major}.{sys.version_info.minor}"
"""Stored documents made by another version are made anew: count up when chunking changes."""

SETTLED_NS = 2_000_000_000
"""A file changed more recently than this before it was read may change again within one tick of its clock."""


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """One file's documents, and by what to tell that it is still the same.

    mtime_ns: None where the time cannot be trusted and the content must be compared.
    left_out: why it has no documents.
    """

    path: str
    size: int
    mtime_ns: int | None
    sha256: str
    documents: Sequence[Document] = ()
    left_out: str | None = None


def load_code(source: CodeSource, settings: Settings, progress: Progress) -> Corpus:
    """The corpus as the files are now; files that did not change since the last time are not read."""
    workspace = Workspace(settings.workspace)
    folder = workspace.folder("corpora", corpus_id(source))
    listing = _list_files(source)
    stored = _read_stored(folder)
    files = []
    with _collector_paused():
        for done, file in enumerate(listing.files):
            progress(done, len(listing.files))
            files.append(_refresh(file, stored.get(file.path)))
    progress(len(files), len(listing.files))
    corpus = _corpus(source, files, listing.skipped)
    if files != list(stored.values()):
        with workspace.writing(folder):
            _write(folder, source, files)
    return corpus


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Syntax trees have no cycles, but the collector would walk them all again and again: 45% of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _list_files(source: CodeSource) -> Listing:
    if source.kind == "package":
        return list_distribution(source.name, CHUNKERS)
    return list_folder(source.root, CHUNKERS, TESTS if source.kind == "stdlib" else ())


def _refresh(file: SourceFile, stored: ChunkedFile | None) -> ChunkedFile:
    if stored and (stored.size, stored.mtime_ns) == (file.size, file.mtime_ns):
        return stored
    settled = time.time_ns() - file.mtime_ns > SETTLED_NS
    read = ChunkedFile(file.path, file.size, file.mtime_ns if settled else None, "")
    try:
        data = read_file(file)
        sha256 = hashlib.sha256(data).hexdigest()
        if stored and stored.sha256 == sha256:
            return replace(stored, size=read.size, mtime_ns=read.mtime_ns)
        read = replace(read, sha256=sha256)
        documents = CHUNKERS[PurePosixPath(file.path).suffix](file.path, data)
    except LeftOut as error:
        return replace(read, left_out=str(error), mtime_ns=read.mtime_ns if read.sha256 else None)
    return replace(read, documents=documents)


def _corpus(source: CodeSource, files: Sequence[ChunkedFile], skipped: Sequence[SkippedFile]) -> Corpus:
    documents = tuple(document for file in files for document in file.documents)
    left_out = [SkippedFile(file.path, file.left_out) for file in files if file.left_out]
    skipped = tuple(sorted([*skipped, *left_out], key=attrgetter("path")))
    read = len(files) - len(left_out)
    if not documents:
        first = f" (first: {skipped[0].path}, {skipped[0].reason})" if skipped else ""
        raise StudioError(
            f"Corpus {source.spec!r} has no function, method or class to search: "
            f"{read} {'/'.join(CHUNKERS)} files were read, {len(skipped)} left out{first}."
        )
    return Corpus(source.spec, documents, read, skipped, id=corpus_id(source))


def _write(folder: Path, source: CodeSource, files: Sequence[ChunkedFile]) -> None:
    documents = [document for file in files for document in file.documents]
    states = {file.path: [file.size, file.mtime_ns, file.sha256, file.left_out] for file in files}
    metadata = {"spec": source.spec, "chunked_by": CHUNKED_BY, "files": states}
    write_corpus(folder, {DOCUMENTS: documents_table(documents)}, metadata)


def _read_stored(folder: Path) -> dict[str, ChunkedFile]:
    """Path to file, as the last writer left them; empty where there is nothing that can be used."""
    artifact = read_corpus(folder)
    if artifact is None or artifact.metadata["chunked_by"] != CHUNKED_BY:
        return {}
    documents = read_documents(artifact.files[DOCUMENTS])
    by_path = {path: list(group) for path, group in groupby(documents, key=attrgetter("path"))}
    return {
        path: ChunkedFile(path, size, mtime_ns, sha256, by_path.get(path, ()), left_out)
        for path, (size, mtime_ns, sha256, left_out) in artifact.metadata["files"].items()
    }
