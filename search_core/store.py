"""The workspace on disk: artifact folders that are whole or do not exist.

An artifact is a folder whose manifest.json names its files with size and SHA-256.
Data files carry their checksum in their name and are never changed; replacing the
manifest (one atomic rename) is what makes a new generation visible. A reader sees
the old files or the new ones, never a mixture.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import filelock

from search_core.types import StudioError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
LOCK = ".lock"
SCRATCH = ".writing-"
ARTIFACT_ROOMS = ("corpora", "vectors", "indexes", "runtimes", "negatives")
DELETED_FROM = (*ARTIFACT_ROOMS, "sources", "uploads")
"""Rooms whose folders are deleted; what is deleted first gets a name of its own there."""
LOCKED_DEPTH = {"vectors": 1, "indexes": 2}
"""How far below these rooms the folders with locks are; elsewhere each artifact has its own."""
KEPT_GENERATIONS = 2

logger = logging.getLogger(__name__)

WriteFile = Callable[[Path], object]
"""Writes one file at the path it is given."""


@dataclass(frozen=True)
class Artifact:
    """A verified folder. files: logical name → path on disk."""

    folder: Path
    metadata: Mapping[str, Any]
    files: Mapping[str, Path]


@dataclass(frozen=True)
class Removed:
    files: int = 0
    bytes: int = 0

    def __add__(self, other: Removed) -> Removed:
        return Removed(self.files + other.files, self.bytes + other.bytes)


class Workspace:
    """Where everything stored lives; docs/reference.md has the layout."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, *parts: str) -> Path:
        return self.root.joinpath(*parts)

    @contextmanager
    def writing(self, folder: Path) -> Iterator[None]:
        """Hold the folder's write lock, waiting for another writer.

        Raises StudioError where nothing can be written.
        """
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(folder / LOCK)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                logger.warning("Waiting for another process that writes %s", folder)
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def delete(self, *parts: str) -> Removed:
        """Delete a folder with all that is in it, as soon as nobody writes it; nothing where there is none.

        Who has a file of it open goes on reading. Raises StudioError where it cannot be deleted.
        """
        folder = self.folder(*parts)
        if not folder.is_dir():
            return Removed()
        with self.writing(folder), _explained(folder):
            return _delete_tree(folder)

    def prune(self) -> Removed:
        """Remove what unfinished writes and damage left behind; what a manifest names stays.

        So do the files of archives and repositories, as long as their corpora are stored.
        A folder that is being written is left alone. Raises StudioError where a file cannot be removed.
        """
        removed = sum((_prune_scratch(self.folder(room)) for room in DELETED_FROM), start=Removed())
        models = self.folder("models")
        removed += _unless_written(models, partial(_prune_scratch, models))
        for room in ARTIFACT_ROOMS:
            files = (path for path in self.folder(room).rglob("*") if path.is_file())
            for folder in sorted({file.parent for file in files if SCRATCH not in str(file.parent)}):
                removed += _unless_written(self._locked_for(folder), partial(_prune_folder, folder))
        for folder in sorted(path for path in self.folder("sources").glob("*") if path.is_dir()):
            stored = self.folder("corpora", folder.name, MANIFEST).exists()
            prune = _prune_scratch if stored else _delete_tree
            removed += _unless_written(folder, partial(prune, folder))
        return removed

    def _locked_for(self, folder: Path) -> Path:
        """Whose lock the writer of an artifact's folder holds: vectors have one for each model, indexes one
        for each corpus and model."""
        room, *inside = folder.relative_to(self.root).parts
        return self.folder(room, *inside[: LOCKED_DEPTH.get(room, len(inside))])


def write_artifact(
    folder: Path,
    files: Mapping[str, WriteFile],
    metadata: Mapping[str, Any],
    unchanged: Mapping[str, Path] = MappingProxyType({}),
) -> Artifact:
    """Store a new generation of an artifact; the caller holds the folder's lock.

    unchanged: files of the generation that was read before, whose content would be the same:
    those that are still there are taken over, the others written.
    Raises StudioError where the disk is full or read-only; the old generation stays.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        old = _read_manifest(folder)
        current = old["generations"][0] if old else {}
        entries = {
            name: current[name]
            if name in unchanged and name in current and current[name]["file"] == unchanged[name].name
            else _write_data(folder, name, write)
            for name, write in files.items()
        }
        generations = [entries, *(old["generations"] if old else [])][:KEPT_GENERATIONS]
        stored = dict(metadata)
        manifest = {"format_version": FORMAT_VERSION, "metadata": stored, "generations": generations}
        text = json.dumps(manifest, indent=1)
        _write_durably(folder / MANIFEST, lambda path: path.write_text(text, "utf-8"))
        _remove_unnamed(folder, {entry["file"] for entries in generations for entry in entries.values()})
    return Artifact(folder, stored, {name: folder / entry["file"] for name, entry in entries.items()})


def read_artifact(folder: Path) -> Artifact | None:
    """The folder's newest generation, or None where there is none or it is damaged (with a log line)."""
    manifest = _read_manifest(folder)
    if manifest is None:
        return None
    entries = manifest["generations"][0]
    for entry in entries.values():
        problem = _problem(folder / entry["file"], entry)
        if problem:
            logger.warning("%s is damaged and will be rebuilt: %s %s", folder, entry["file"], problem)
            return None
    return Artifact(
        folder, manifest["metadata"], {name: folder / entry["file"] for name, entry in entries.items()}
    )


def _write_data(folder: Path, name: str, write: WriteFile) -> dict[str, Any]:
    stem, dot, suffix = name.partition(".")
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
        path = Path(scratch, name)
        write(path)
        checksum = _sha256(path)
        size = path.stat().st_size
        _sync(path)
        file = f"{stem}-{checksum[:16]}{dot}{suffix}"
        path.replace(folder / file)
    return {"file": file, "bytes": size, "sha256": checksum}


def _write_durably(target: Path, write: WriteFile) -> None:
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")  # many threads may write the same file
    try:
        write(temporary)
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_text(target: Path, text: str) -> None:
    """Write a file beside its target and rename it into place. Raises StudioError where that fails."""
    write_bytes(target, text.encode())


def write_bytes(target: Path, content: bytes) -> None:
    """Like `write_text`."""
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_durably(target, lambda path: path.write_bytes(content))


def append_lines(target: Path, lines: str) -> None:
    """Add whole lines to a file and wait until they are on the disk; the caller holds the lock.

    Where an earlier writer did not get to the end of its line, that one is ended first.
    Raises StudioError where nothing can be written.
    """
    with _explained(target), target.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        if size and file.read(1) != b"\n":
            file.write(b"\n")
        file.write(lines.encode())
        file.flush()
        os.fsync(file.fileno())


def _read_manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if manifest["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format version {manifest['format_version']}, expected {FORMAT_VERSION}")
        for entry in manifest["generations"][0].values():
            if {type(entry["file"]), type(entry["bytes"]), type(entry["sha256"])} != {str, int}:
                raise ValueError("malformed entry")
            if Path(entry["file"]).name != entry["file"]:
                raise ValueError(f"names a file elsewhere: {entry['file']!r}")
        dict(manifest["metadata"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        logger.warning("%s has no usable manifest and will be rebuilt: %s", folder, error)
        return None
    return manifest


def _problem(path: Path, entry: Mapping[str, Any]) -> str | None:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return f"has {size:,} bytes, expected {entry['bytes']:,}"
        return None if _sha256(path) == entry["sha256"] else "does not match its checksum"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _remove_unnamed(folder: Path, named: set[str]) -> Removed:
    removed = Removed()
    for path in folder.iterdir():
        if path.is_file() and path.name not in {MANIFEST, LOCK, *named}:
            removed += Removed(1, path.stat().st_size)
            path.unlink(missing_ok=True)
    return removed


def _unless_written(locked: Path, prune: Callable[[], Removed]) -> Removed:
    if not locked.is_dir():
        return Removed()
    with (
        _explained(locked),
        suppress(filelock.Timeout),  # inside, for it is an OSError
        filelock.FileLock(locked / LOCK, timeout=0),
    ):
        return prune()
    return Removed()


def _delete_tree(folder: Path) -> Removed:
    """The caller holds the lock. The folder is whole, or not there."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder.parent, ignore_cleanup_errors=True) as trash:
        return _size(folder.rename(Path(trash, folder.name)))


def _prune_scratch(folder: Path) -> Removed:
    """What was left of a write, or of a deletion, that did not end."""
    removed = Removed()
    for scratch in list(folder.glob(f"{SCRATCH}*")):
        removed += _size(scratch)
        shutil.rmtree(scratch, ignore_errors=True)
    return removed


def _size(folder: Path) -> Removed:
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file() and path.name != LOCK]
    return Removed(len(sizes), sum(sizes))


def _prune_folder(folder: Path) -> Removed:
    if not folder.is_dir():  # its writer removed it just now
        return Removed()
    removed = _prune_scratch(folder)
    manifest = _read_manifest(folder)
    if read_artifact(folder) is None:
        (folder / MANIFEST).unlink(missing_ok=True)
        manifest = None
    generations = manifest["generations"] if manifest else []
    return removed + _remove_unnamed(folder, {entry["file"] for one in generations for entry in one.values()})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn a failed write into a sentence that says what to do."""
    try:
        yield
    except OSError as error:
        raise StudioError(
            f"Cannot write {path}: {error.strerror or error}. "
            "Free some space, or choose another folder with --workspace or CODESEARCH_HOME."
        ) from error
