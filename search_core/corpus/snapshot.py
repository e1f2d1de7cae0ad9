"""Snapshots: files of an archive or a repository, written into the workspace where they can do no harm.

Members of an archive have hostile names and sizes. Only regular files that may be source code
are written, under names that stay inside the snapshot, and no more than the settings allow.
"""

from __future__ import annotations

import errno
import json
import logging
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from search_core.corpus.files import (
    LOOKED_AT_PER_FILE,
    MAX_FILE_BYTES,
    TOO_LARGE,
    is_passed_over,
    printable,
    summary_of_skipped,
    too_many_files,
)
from search_core.corpus.ignoring import IGNORE_FILES
from search_core.corpus.languages import language_of
from search_core.settings import Settings
from search_core.store import SCRATCH, write_text
from search_core.types import SkippedFile, StudioError

RECORD = "source.json"
FORMAT = 1
"""Count up when what is written into a snapshot changes, say by a new language: others are made anew."""
ADDED_BY_SYSTEMS = frozenset({"__MACOSX"})
"""Folders that an operating system puts into every archive."""
UNUSABLE_NAME = frozenset({errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ})

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """root: folder with the files. version: by what to tell that the source is still the same.

    others: how many members of each suffix are no source code.
    """

    root: Path
    version: Mapping[str, Any]
    skipped: tuple[SkippedFile, ...]
    others: Mapping[str, int]


class SnapshotWriter:
    """Takes a source's members one after another; those that are no source code are only counted."""

    def __init__(self, root: Path, spec: str, settings: Settings) -> None:
        self.skipped: list[SkippedFile] = []
        self.others: Counter[str] = Counter()
        self.root = root
        self._spec = spec
        self._max_files = settings.max_files
        self._max_mb = settings.max_source_mb
        self._looked_at = self._files = self._bytes = 0
        self._tops: set[str] = set()

    def only_folder(self) -> Path:
        """The folder that everything lies in, where there is one: archives of releases have it."""
        folder = self.root.joinpath(*self._tops)
        return folder if len(self._tops) == 1 and folder.is_dir() else self.root

    def wants(self, path: str, size: int, unusable: str | None = None) -> bool:
        """Whether to write this member; what could have been source code is listed as left out.

        unusable: why it cannot be read, a link for instance. Raises StudioError for too many members.
        """
        self._looked_at += 1
        if self._looked_at > self._max_files * LOOKED_AT_PER_FILE:
            raise too_many_files(f"Corpus {self._spec!r}", self._max_files)
        parts = PurePosixPath(path).parts
        if not parts or not _stays_inside(path, parts):
            self.leave_out(path, "unsafe path")
            return False
        if parts[0] not in ADDED_BY_SYSTEMS:
            self._tops.add(parts[0])
        if is_passed_over(parts[:-1]) or (parts[-1] not in IGNORE_FILES and language_of(path) is None):
            self.others[PurePosixPath(path).suffix] += 1
            return False
        if size > MAX_FILE_BYTES:
            unusable = unusable or TOO_LARGE
        if unusable:
            self.leave_out(path, unusable)
        return unusable is None

    def write(self, path: str, data: bytes) -> None:
        """Raises StudioError where the source is larger than the settings allow."""
        self._files += 1
        self._bytes += len(data)
        if self._files > self._max_files:
            raise too_many_files(f"Corpus {self._spec!r}", self._max_files)
        if self._bytes > self._max_mb * 1_000_000:
            raise too_large(self._spec, self._max_mb)
        target = self.root / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            self.leave_out(path, "its name is a file's and a folder's")
        except OSError as error:
            if error.errno not in UNUSABLE_NAME:
                raise
            self.leave_out(path, f"its name cannot be written: {error.strerror}")

    def leave_out(self, path: str, reason: str) -> None:
        self.skipped.append(SkippedFile(printable(path), reason))


def too_large(spec: str, max_mb: int) -> StudioError:
    return StudioError(
        f"Corpus {spec!r} is larger than {max_mb:,} MB: raise CODESEARCH_MAX_SOURCE_MB, "
        "or give a folder with the part that matters."
    )


def kept_snapshot(folder: Path) -> Snapshot | None:
    """The snapshot that was taken last, or None where there is none that can be used."""
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
        root = folder / record["root"]
        if record["format"] != FORMAT or not root.is_dir():
            return None
        skipped = tuple(SkippedFile(**file) for file in record["skipped"])
        return Snapshot(root, record["version"], skipped, record["others"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s has no usable record and will be made anew: %s", folder, error)
        return None


def take_snapshot(
    folder: Path,
    version: Mapping[str, Any],
    writer_at: Callable[[Path], SnapshotWriter],
    fill: Callable[[SnapshotWriter], Path],
) -> Snapshot:
    """Write a snapshot beside the one that is there, and put it in its place when it is whole.

    fill gives every member to the writer and says from where paths count. The caller holds the folder's lock.
    Raises StudioError where the workspace cannot be written.
    """
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    try:
        writer = writer_at(scratch)
        top = fill(writer).relative_to(scratch)
        taken = scratch.with_name(scratch.name.replace(SCRATCH, "files-"))
        scratch.rename(taken)
    except BaseException as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(error, OSError):
            raise StudioError(
                f"Cannot write {folder}: {error.strerror or error}. Free some space."
            ) from error
        raise
    snapshot = Snapshot(taken / top, version, summary_of_skipped(writer.skipped), writer.others)
    _record(folder, snapshot)
    for other in folder.iterdir():
        if other.is_dir() and other != taken:
            shutil.rmtree(other, ignore_errors=True)
    return snapshot


def renew(folder: Path, snapshot: Snapshot, version: Mapping[str, Any]) -> Snapshot:
    """The same files under another version: the source changed in time, not in content."""
    renewed = replace(snapshot, version=version)
    _record(folder, renewed)
    return renewed


def _record(folder: Path, snapshot: Snapshot) -> None:
    record = {
        "format": FORMAT,
        "root": str(snapshot.root.relative_to(folder)),
        "version": dict(snapshot.version),
        "skipped": [asdict(file) for file in snapshot.skipped],
        "others": dict(snapshot.others),
    }
    write_text(folder / RECORD, json.dumps(record))


def _stays_inside(path: str, parts: Sequence[str]) -> bool:
    """Backslashes and drives are paths on some systems."""
    return not (path.startswith("/") or ".." in parts or re.search(r"[\\\0]|^[A-Za-z]:", path))
