"""Folders that are watched for edits, so that a corpus can follow them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from search_core.corpus.spec import CodeSource, UnionSource, parse_spec
from search_core.types import StudioError

QUIET_MS = 200
"""Editors and version control change many files at once: a burst is over after this long without a change."""
LONGEST_BURST_MS = 2_000
LOOK_AGAIN_MS = 30_000
"""Not every file system tells of its changes."""
TICK_MS = 500


def watched_folders(spec: str) -> list[Path]:
    """The folders that a corpus is read from. Raises StudioError for one that is not read from any."""
    source = parse_spec(spec)
    parts = source.parts if isinstance(source, UnionSource) else (source,)
    folders = [part.root for part in parts if isinstance(part, CodeSource) and part.kind == "folder"]
    if not folders:
        raise StudioError(f"Corpus {spec!r} cannot be watched: only folders of source files can.")
    return folders


def edits(folders: Sequence[Path], stop: threading.Event) -> Iterator[None]:
    """One item after each burst of edits, until stop is set. Raises StudioError like `looks`."""
    for edited in _ticks(folders, stop):
        if edited:
            yield None


def looks(folders: Sequence[Path], stop: threading.Event) -> Iterator[None]:
    """One item once the folders are watched, so that no edit comes too early; one after each burst of edits,
    and after LOOK_AGAIN_MS without any. Raises StudioError where nothing can be watched.
    """
    waited_ms = LOOK_AGAIN_MS
    for edited in _ticks(folders, stop):
        waited_ms += TICK_MS
        if edited or waited_ms >= LOOK_AGAIN_MS:
            waited_ms = 0
            yield None


def _ticks(folders: Sequence[Path], stop: threading.Event) -> Iterator[bool]:
    """Whether something was edited: after each burst, and every TICK_MS. What is edited in between counts."""
    from watchfiles import watch

    bursts = watch(
        *folders,
        debounce=LONGEST_BURST_MS,
        step=QUIET_MS,
        stop_event=stop,
        rust_timeout=TICK_MS,
        yield_on_timeout=True,
    )
    try:
        yield from map(bool, bursts)
    except OSError as error:
        raise StudioError(
            f"{', '.join(map(str, folders))} cannot be watched: {error.strerror or error}."
        ) from error
