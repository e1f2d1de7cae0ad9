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


def watched_folders(spec: str) -> list[Path]:
    """The folders that a corpus is read from. Raises StudioError for one that is not read from any."""
    source = parse_spec(spec)
    parts = source.parts if isinstance(source, UnionSource) else (source,)
    folders = [part.root for part in parts if isinstance(part, CodeSource) and part.kind == "folder"]
    if not folders:
        raise StudioError(f"Corpus {spec!r} cannot be watched: only folders of source files can.")
    return folders


def edits(folders: Sequence[Path], stop: threading.Event) -> Iterator[None]:
    """One item after each burst of edits, until stop is set."""
    from watchfiles import watch

    for _ in watch(
        *folders, debounce=LONGEST_BURST_MS, step=QUIET_MS, stop_event=stop, raise_interrupt=False
    ):
        yield None
