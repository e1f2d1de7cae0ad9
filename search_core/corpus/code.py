"""Code corpora: files cut into documents, and kept so that an edit costs only what changed."""

from __future__ import annotations

import gc
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from search_core.corpus.archive import archive_snapshot
from search_core.corpus.chunked import ChunkedFile, read_stored, write_files
from search_core.corpus.chunker import LeftOut
from search_core.corpus.files import (
    TESTS,
    Listing,
    SourceFile,
    list_distribution,
    list_folder,
    printable,
    read_file,
    summary_of_skipped,
)
from search_core.corpus.git import repository_snapshot
from search_core.corpus.heading import heading
from search_core.corpus.languages import PROSE, chunker_for, language_of
from search_core.corpus.recognition import not_written_by_hand
from search_core.corpus.spec import ArchiveSource, CodeSource, GitSource, SingleSource, corpus_id
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import Corpus, Document, Progress, SkippedFile, StudioError

SETTLED_NS = 2_000_000_000
"""A file changed more recently than this before it was read may change again within one tick of its clock."""


@dataclass(frozen=True)
class _Found:
    """The files of a source. commit: of a repository."""

    listing: Listing
    commit: str | None = None


def load_code(source: SingleSource, settings: Settings, progress: Progress) -> Corpus:
    """The corpus as the files are now; files that did not change since the last time are not read."""
    workspace = Workspace(settings.workspace)
    folder = workspace.folder("corpora", corpus_id(source))
    with _collector_paused(), _found(source, settings, progress) as found:
        stored = read_stored(folder)
        files = []
        for done, file in enumerate(found.listing.files):
            progress(done, len(found.listing.files))
            files.append(_refresh(file, stored.files.get(file.path), settings))
        progress(len(files), len(found.listing.files))
    if files != list(stored.files.values()):
        with workspace.writing(folder):
            write_files(folder, source.spec, files, stored)
    return _corpus(source, files, found)


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


@contextmanager
def _found(source: SingleSource, settings: Settings, progress: Progress) -> Iterator[_Found]:
    """The files to read; those of a snapshot stay in their place until the block ends."""

    def is_source(path: str) -> bool:
        return chunker_for(path, settings.prose) is not None

    if isinstance(source, CodeSource):
        if source.kind == "package":
            yield _Found(list_distribution(source.name, is_source))
        else:
            left_out = TESTS if source.kind == "stdlib" else ()
            yield _Found(list_folder(source.root, is_source, left_out, settings.max_files))
        return
    workspace = Workspace(settings.workspace)
    folder = workspace.folder("sources", corpus_id(source))
    with workspace.writing(folder):
        if isinstance(source, ArchiveSource):
            snapshot = archive_snapshot(source, folder, settings)
        else:
            snapshot = repository_snapshot(source, folder, settings, progress)
        listing = list_folder(snapshot.root, is_source, max_files=settings.max_files)
        listing.skipped += snapshot.skipped
        listing.others.update(snapshot.others)
        yield _Found(listing, snapshot.version.get("commit"))


def _refresh(file: SourceFile, stored: ChunkedFile | None, settings: Settings) -> ChunkedFile:
    unchanged = (file.size, file.mtime_ns, file.asked_for)
    if stored and (stored.size, stored.mtime_ns, stored.asked_for) == unchanged:
        return stored
    settled = time.time_ns() - file.mtime_ns > SETTLED_NS
    read = ChunkedFile(file.path, file.size, file.mtime_ns if settled else None, "", file.asked_for)
    try:
        data = read_file(file)
        sha256 = hashlib.sha256(data).hexdigest()
        if stored and (stored.sha256, stored.asked_for) == (sha256, file.asked_for):
            return replace(stored, size=read.size, mtime_ns=read.mtime_ns)
        read = replace(read, sha256=sha256)
        return replace(read, documents=_cut(file, data, settings))
    except LeftOut as error:
        return replace(read, left_out=str(error), mtime_ns=read.mtime_ns if read.sha256 else None)


def _cut(file: SourceFile, data: bytes, settings: Settings) -> list[Document]:
    taken = file.asked_for or language_of(file.path) in PROSE  # whose paragraphs may be long lines
    if not taken and (reason := not_written_by_hand(data)):
        raise LeftOut(reason)
    chunk = chunker_for(file.path, settings.prose)
    if chunk is None:
        raise LeftOut("in no language that is searched")
    return [
        replace(one, encoded=heading(one.path, one.symbol, one.docstring) + one.encoded)
        for one in chunk(file.path, data)
    ]


def _corpus(source: SingleSource, files: Sequence[ChunkedFile], found: _Found) -> Corpus:
    documents = tuple(document for file in files for document in file.documents)
    if isinstance(source, GitSource) and found.commit:
        link = partial(source.permalink, found.commit)
        documents = tuple(replace(document, url=_link(document, link)) for document in documents)
    left_out = [SkippedFile(file.path, file.left_out) for file in files if file.left_out]
    skipped = summary_of_skipped([*found.listing.skipped, *left_out])
    read = len(files) - len(left_out)
    if not documents:
        raise StudioError(_nothing_found(source, read, skipped, found.listing.others))
    return Corpus(source.spec, documents, read, skipped, id=corpus_id(source), commit=found.commit)


def _link(document: Document, permalink: Callable[[str, int, int], str]) -> str:
    return permalink(document.path or "", document.start_line or 1, document.end_line or 1)


def _nothing_found(
    source: SingleSource, read: int, skipped: Sequence[SkippedFile], others: Counter[str]
) -> str:
    found = [f"{read:,} source files were read"]
    if skipped:
        found.append(f"{len(skipped):,} left out (first: {skipped[0].path}, {skipped[0].reason})")
    if others:
        kinds = ", ".join(
            f"{count:,} {printable(suffix) or 'without suffix'}" for suffix, count in others.most_common(5)
        )
        found.append(f"other files: {kinds}")
    return f"Corpus {source.spec!r} has no code to search: {'; '.join(found)}."
