"""What must outlive this machine's disk, in a mounted bucket: finished runs, reports, marks, what was added.

A bucket is an object store that looks like a folder: no locks, no appends, no rename that is atomic.
So an item of the workspace (a run, or one file) has a folder of the same name there. A generation of
whole files is written into it, and last the manifest that names them: a reader sees the old generation
or the new one, and an item without a whole generation does not exist.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
RUNS = "runs/*"
FILES = ("judgments.jsonl", "studio.json", "reports/*.json", "uploads/*/*")
"""What is kept beside finished runs, as globs of the workspace."""
LEFT_OUT = "checkpoints"
"""Of a run, beside hidden files: a finished one needs none."""
ENTRY = {"sha256": str, "bytes": int, "modified_ns": int}
"""What a manifest says of a file."""
SCRATCH = ".from-bucket-"
EVERY_S = 60.0
CHUNK_BYTES = 1 << 20

logger = logging.getLogger(__name__)

State = dict[str, tuple[int, int]]
"""Path in an item → bytes, and when it was changed in unix nanoseconds."""


@dataclass(frozen=True)
class Item:
    """A run or a file of the workspace.

    name: its POSIX path there. files: path in the item, the last part of the name included → place here.
    """

    name: str
    files: Mapping[str, Path]

    def state(self) -> State:
        """Raises OSError where a file has gone."""
        stats = {path: file.stat() for path, file in self.files.items()}
        return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


class _Damaged(Exception):
    """What a bucket holds is not what was put there."""


class Bucket:
    """Copies one workspace to a folder of a bucket, and back where something is missing here.

    No method raises: what fails is logged, once, and tried again with the next call of `keep`.
    One workspace to a folder: two would overwrite each other's marks.
    """

    def __init__(self, folder: Path, workspace: Path) -> None:
        self._folder = folder
        self._root = workspace
        self._held: dict[str, State] = {}
        self._unread: set[str] = set()
        self._problems: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="bucket", daemon=True)

    @property
    def problem(self) -> str:
        """Why something is not kept, as a sentence; empty where all is well."""
        if not self._is_mounted():
            return f"{self._folder} is no folder: mount the bucket there, or change CODESEARCH_ARCHIVE."
        return next(iter(self._problems.values()), "")

    def restore(self) -> None:
        """Bring back what is missing in the workspace. Call it before anything reads or writes there."""
        for pattern in (RUNS, *FILES):
            for manifest in sorted(self._folder.glob(f"{pattern}/{MANIFEST}")):
                name = manifest.parent.relative_to(self._folder).as_posix()
                if os.path.lexists(self._root / name):
                    continue
                try:
                    self._restore(name)
                except (FileNotFoundError, _Damaged) as error:
                    logger.warning("%s of %s is damaged and left out: %s", name, self._folder, error)
                except OSError as error:  # it may be whole: it must not be replaced by what comes after it
                    self._unread.add(name)
                    self._note(name, f"{name} cannot be read from {self._folder}: {error}.")

    def keep(self, *patterns: str) -> None:
        """Copy what is new or changed since; forget what was deleted here. patterns: all, where left out."""
        if not self._is_mounted():
            self._note("", self.problem)
            return
        self._problems.pop("", None)
        items = {item.name: item for item in _items(self._root, patterns or (RUNS, *FILES))}
        for name, item in items.items():
            if name not in self._unread:
                self._attempt(name, partial(self._copy_if_changed, item))
        if not patterns:
            for name in self._held.keys() - items.keys():
                room = self._root / name.partition("/")[0] if "/" in name else self._root
                if room.is_dir():  # one item was deleted, not all of them lost
                    self._attempt(name, partial(self._forget, name))

    def start(self) -> None:
        """Keep what comes, from now on, once a minute."""
        self._thread.start()

    def stop(self) -> None:
        """Keep what came last."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self.keep()

    def _watch(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self.keep()

    def _is_mounted(self) -> bool:
        try:
            return self._folder.is_dir()
        except OSError:  # a mount that has died
            return False

    def _attempt(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
            self._problems.pop(name, None)
        except OSError as error:
            self._note(name, f"{name} is not kept in {self._folder}: {error}.")

    def _note(self, name: str, problem: str) -> None:
        if self._problems.get(name) != problem:
            logger.warning("%s", problem)
        self._problems[name] = problem

    def _copy_if_changed(self, item: Item) -> None:
        state = item.state()
        if item.name not in self._held:
            with suppress(FileNotFoundError, _Damaged):
                self._held[item.name] = self._held_state(item.name)
        if state != self._held.get(item.name):
            self._copy(item, state)
            self._held[item.name] = state

    def _held_state(self, name: str) -> State:
        """What the bucket has of an item. Raises _Damaged where that is not what its manifest says."""
        manifest = self._manifest(name)
        generation, state = self._folder / name / manifest["generation"], _state_of(manifest)
        if any((generation / path).stat().st_size != size for path, (size, _) in state.items()):
            raise _Damaged("a file has another size")
        return state

    def _copy(self, item: Item, state: State) -> None:
        place, generation = self._folder / item.name, _generation(state)
        entries = {}
        for path, file in item.files.items():
            checksum, size = _copy_file(file, place / generation / path)
            entries[path] = {"sha256": checksum, "bytes": size, "modified_ns": state[path][1]}
        manifest = {"format_version": FORMAT_VERSION, "generation": generation, "files": entries}
        (place / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")
        for other in place.iterdir():
            if other.is_dir() and other.name != generation:
                shutil.rmtree(other, ignore_errors=True)

    def _forget(self, name: str) -> None:
        (self._folder / name / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self._folder / name)
        del self._held[name]

    def _restore(self, name: str) -> None:
        manifest = self._manifest(name)
        source = self._folder / name / manifest["generation"]
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self._root) as scratch:
            for path, entry in manifest["files"].items():
                copy = Path(scratch, path)
                checksum, _ = _copy_file(source / path, copy)
                if checksum != entry["sha256"]:
                    raise _Damaged(f"{path} does not match its checksum")
                os.utime(copy, ns=(entry["modified_ns"],) * 2)  # lists are in its order
            target = self._root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(scratch, target.name).rename(target)
        self._held[name] = _state_of(manifest)

    def _manifest(self, name: str) -> dict[str, Any]:
        """Raises _Damaged, and OSError where it cannot be read."""
        text = (self._folder / name / MANIFEST).read_text("utf-8", "replace")
        try:
            manifest: dict[str, Any] = json.loads(text)
            if manifest["format_version"] != FORMAT_VERSION:
                raise _Damaged(f"format version {manifest['format_version']}, expected {FORMAT_VERSION}")
            if any(_leads_out(path) for path in (manifest["generation"], *manifest["files"])):
                raise _Damaged("its manifest names a file elsewhere")
            kinds = {tuple(type(entry[key]) for key in ENTRY) for entry in manifest["files"].values()}
            if kinds - {tuple(ENTRY.values())}:
                raise _Damaged("its manifest has a malformed entry")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _Damaged(f"its manifest is unusable ({error})") from error
        return manifest


def _items(root: Path, patterns: tuple[str, ...]) -> Iterator[Item]:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if pattern == RUNS and _has_finished(path):
                yield Item(name, {f"{path.name}/{part}": file for part, file in _run_files(path.resolve())})
            elif pattern != RUNS and path.is_file() and not path.name.startswith("."):
                yield Item(name, {path.name: path})


def _has_finished(run: Path) -> bool:
    """By its last event; a run has more to write until then."""
    try:
        lines = (run / "events.jsonl").read_text("utf-8").splitlines()
        return bool(json.loads(lines[-1])["type"] == "finish")
    except (OSError, ValueError, IndexError, KeyError, TypeError):
        return False


def _run_files(run: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(run.rglob("*")):
        path = file.relative_to(run)
        if file.is_file() and path.parts[0] != LEFT_OUT and not path.name.startswith("."):
            yield path.as_posix(), file


def _state_of(manifest: Mapping[str, Any]) -> State:
    return {path: (entry["bytes"], entry["modified_ns"]) for path, entry in manifest["files"].items()}


def _generation(state: State) -> str:
    """Its name: the same wherever the same is copied, so that two processes at once do no harm."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:12]


def _copy_file(source: Path, target: Path) -> tuple[str, int]:
    """SHA-256 and bytes of what was copied: a file that grows meanwhile is copied again later."""
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(CHUNK_BYTES):
            writing.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _leads_out(path: str) -> bool:
    return PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts
