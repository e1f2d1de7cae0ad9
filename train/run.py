"""A run: a folder that one worker process fills. Start it, look at it, cancel it, resume it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from search_core.corpus.spec import existing_path
from search_core.settings import Settings
from search_core.store import LOCK, Workspace, write_text
from search_core.types import StudioError
from train.config import TrainingConfig
from train.events import CancelledEvent, EventLog, QueuedEvent, read_events, session
from train.process import Worker, spawn
from train.processes import device_variables, run_devices

Status = Literal["queued", "running", "finished", "cancelled", "failed"]

ROOM = "runs"
CONFIG = "training_config.json"
"""Not config.json: that one is the model's, in the same folder."""
PAIRS = "pairs.json"
PAIR_COUNTS = frozenset({"training", "development", "counts"})
MARKS = "marks.jsonl"
"""What people had marked when the run began, where it learns from that."""
RESERVE = ".reserve"
FROZEN_PAIRS, FROZEN_VALID = ".pairs.jsonl.gz", ".valid.jsonl.gz"
"""What the run read of its corpus when it began; removed once it has finished."""
WORKER = (sys.executable, "-P", "-m", "train.worker")
"""The command of a run's process, to which the run's folder is added. -P: a folder `train` where
the user happens to be is not ours."""
SOURCE = Path(__file__).parents[1]
GRACE_S = 120.0
"""How long a cancelled run may take for its last step and checkpoint: large models are slow on processors."""
LAST_WORDS = 400
"""Characters shown of what a process that died said last."""
LEFTOVERS = frozenset(
    {CONFIG, "events.jsonl", "log.txt", RESERVE, PAIRS, MARKS, FROZEN_PAIRS, FROZEN_VALID}
    | {"checkpoints", "reports"}
)
"""All that a run leaves behind that came to nothing."""

_ENDINGS: Mapping[str, Status] = {"finish": "finished", "cancelled": "cancelled", "error": "failed"}


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunState:
    """One look at a run. events: those that count, in order. message: why it failed, else empty."""

    status: Status
    events: Sequence[Mapping[str, Any]]
    message: str = ""

    @property
    def is_alive(self) -> bool:
        return self.status in ("queued", "running")

    @property
    def is_bug(self) -> bool:
        """Whether it failed by a fault of ours."""
        return any(event.get("bug") for event in session(self.events))


@dataclass(frozen=True)
class Run:
    """Its folder is all there is of a run: whatever is asked of it is read from there.

    id: unique in its workspace.
    """

    id: str
    folder: Path

    @property
    def config(self) -> TrainingConfig:
        """Raises StudioError where it is missing or damaged."""
        return TrainingConfig.read(self.folder / CONFIG)

    @property
    def pairs(self) -> dict[str, Any] | None:
        """What it learns from, once that is read: `source`, pairs in `training` and in `development`,
        and the `counts` of what was left out (docs/training.md). Raises StudioError where it is damaged."""
        path = self.folder / PAIRS
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StudioError(f"{path} cannot be read as JSON: {error}.") from error
        if not isinstance(found, dict) or not found.keys() >= PAIR_COUNTS:
            raise StudioError(f"{path} is damaged: it needs {', '.join(sorted(PAIR_COUNTS))}.")
        return found

    @property
    def log(self) -> EventLog:
        return EventLog(self.folder / "events.jsonl")

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def queued(self) -> Mapping[str, Any] | None:
        """The event with which the present process, or the last one, was queued."""
        return next(iter(session(read_events(self.log.path))), None)

    @property
    def last_checkpoint(self) -> int | None:
        """The step from which the run would go on."""
        kept = [
            event["step"] for event in self._checkpoint_events() if (self.folder / event["path"]).is_dir()
        ]
        return max(kept, default=None)

    def discard_unfinished_checkpoints(self) -> None:
        """Remove what a process was still writing when it died or the disk was full."""
        whole = {self.folder / event["path"] for event in self._checkpoint_events()}
        for folder in self.checkpoints.glob("checkpoint-*"):
            if folder not in whole:
                shutil.rmtree(folder)

    def state(self) -> RunState:
        """How the run stands. One whose process died without a last word has failed.

        Raises StudioError where its events are damaged.
        """
        events = read_events(self.log.path)
        if _ending(events) is None and not _is_alive(events):
            events = read_events(self.log.path)  # it may have ended between the two looks
            if _ending(events) is None:
                return RunState("failed", events, self._last_words())
        if ending := _ending(events):
            return RunState(_ENDINGS[ending["type"]], events, ending.get("message", ""))
        return RunState("queued" if events[-1]["type"] == "queued" else "running", events)

    def _checkpoint_events(self) -> list[dict[str, Any]]:
        return [event for event in read_events(self.log.path) if event["type"] == "checkpoint"]

    def _last_words(self) -> str:
        path = self.folder / "log.txt"
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        printed = next((line.strip() for line in reversed(lines) if line.strip()), "")
        said = f"Its log ends: {printed[-LAST_WORDS:]}" if printed else "Its log is empty."
        return f"The process died without a last word, as it does when memory runs out. {said}"


def start(
    config: TrainingConfig,
    settings: Settings,
    *,
    output: Path | None = None,
    background: bool = False,
    worker: Sequence[str] = WORKER,
) -> Run:
    """Start a run in a process of its own; it waits by itself until its device is free.

    output: the run's folder; a new one in the workspace where left out.
    background: leave a core to those who are served beside it, and let them go first.
    worker: the command that trains; tests have their own.

    Raises StudioError, and writes nothing, for a device that is not here and for a folder that
    cannot be written or holds what would be lost.
    """
    devices, room = run_devices(settings), _room(settings)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    run = _run_in(output_folder(output) if output else room / name, room)
    if run.folder.is_dir():
        _held(run)  # what is refused gets no lock either
    with Workspace(settings.workspace).writing(run.folder):
        _clear(run)
        write_text(run.folder / CONFIG, config.to_json())
        _register(run, room)
        _launch(run, devices, settings, background, worker)
    return run


def resume(run: Run, settings: Settings, *, background: bool = False, worker: Sequence[str] = WORKER) -> Run:
    """Go on from a run's last checkpoint in a new process; from the beginning where it has none.

    Raises StudioError for a run that is alive or has finished, or whose folder cannot be written.
    """
    devices = run_devices(settings)
    with Workspace(settings.workspace).writing(run.folder):
        state = run.state()
        if state.is_alive:
            raise StudioError(f"Run {run.id} is {state.status}: wait for its end, or cancel it first.")
        if state.status == "finished":
            raise StudioError(f"Run {run.id} has finished: there is nothing to resume.")
        _launch(run, devices, settings, background, worker)
    return run


def cancel(run: Run, grace_s: float = GRACE_S) -> None:
    """Let a run finish its step and write a checkpoint; kill it where that takes longer than the grace time.

    Returns when its process has ended. Raises StudioError for a run that had ended before.
    """
    state = run.state()
    if not state.is_alive:
        raise StudioError(f"Run {run.id} is not running but {state.status}: there is nothing to cancel.")
    _worker(state.events).end(grace_s)
    if _ending(read_events(run.log.path)) is None:  # its process is gone: nobody else writes
        run.log.append(CancelledEvent())


def delete(run: Run, settings: Settings) -> None:
    """Remove a run's folder, and with it its model; what was published stays on the Hub.

    Raises StudioError for a run that is alive, and where its files cannot be removed.
    """
    with Workspace(settings.workspace).writing(run.folder):
        state = run.state()
        if state.is_alive:
            raise StudioError(f"Run {run.id} is {state.status}: cancel it first, then delete it.")
        try:
            run.log.path.unlink(missing_ok=True)  # first: without its events a folder is no run any more
            shutil.rmtree(run.folder)
            (_room(settings) / run.id).unlink(missing_ok=True)  # the link to a run elsewhere
        except OSError as error:
            raise StudioError(f"Run {run.id} cannot be deleted: {error.strerror or error}.") from error


def find_run(name: str, settings: Settings) -> Run:
    """The run that has this id, or is in this folder. Raises StudioError where there is none."""
    room = _room(settings)
    by_id = existing_path(str(room / name)) if (room / name).parent == room else None
    folder = by_id or existing_path(name)
    if folder is None or not name or not (run := _run_in(folder, room)).log.path.is_file():
        raise StudioError(f"There is no run {name!r}: `python -m train list` names those of this workspace.")
    return run


def output_folder(given: Path) -> Path:
    """Absolute. Raises StudioError for one in the home of nobody."""
    try:
        return given.expanduser().resolve()
    except RuntimeError as error:
        raise StudioError(f"Nothing can be written to {given} ({error}): choose another --output.") from error


def list_runs(settings: Settings) -> list[Run]:
    """The workspace's runs, the newest first, with those that were given a folder elsewhere.

    Left out, with a log line: what has no configuration of this version.
    """
    room = _room(settings)
    folders = [path.resolve() for path in room.iterdir()] if room.exists() else []
    runs = [run for folder in folders if (run := _run_in(folder, room)).log.path.is_file()]
    readable = [run for run in runs if _has_config(run)]
    return sorted(readable, key=_configured_at, reverse=True)


def _has_config(run: Run) -> bool:
    try:
        return bool(run.config)
    except StudioError as error:
        logger.warning("Left out run %s: %s", run.id, error)
        return False


def _configured_at(run: Run) -> float:
    try:
        return (run.folder / CONFIG).stat().st_mtime
    except OSError:  # deleted since it was listed
        return 0.0


def _room(settings: Settings) -> Path:
    return Workspace(settings.workspace).folder(ROOM).resolve()


def _run_in(folder: Path, room: Path) -> Run:
    """A run elsewhere is named by its folder and a digest of the path, as is its link in the room."""
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    return Run(folder.name if folder.parent == room else f"{folder.name}-{digest}", folder)


def _register(run: Run, room: Path) -> None:
    link = room / run.id
    if run.folder != link and not link.is_symlink():
        with suppress(OSError):  # without links, such a run is found by its folder alone
            room.mkdir(parents=True, exist_ok=True)
            link.symlink_to(run.folder)


def _clear(run: Run) -> None:
    """Make room for a new run. Raises StudioError where something would be lost."""
    for name in _held(run):
        path = run.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _held(run: Run) -> set[str]:
    """What an earlier run left in its folder. Raises StudioError where something would be lost."""
    held = {path.name for path in run.folder.iterdir()} - {LOCK}
    state = run.state() if run.log.path.is_file() else None
    if state and state.is_alive:
        raise StudioError(f"{run.folder} is in use by a run that is {state.status}: choose another --output.")
    if held and (state is None or state.status == "finished" or held - LEFTOVERS):
        raise StudioError(f"{run.folder} is not empty: choose another --output.")
    if any(run.checkpoints.glob("*")):
        raise StudioError(
            f"{run.folder} holds a run that stopped on its way: add --resume to go on with it, "
            "or choose another --output."
        )
    return held


def _launch(
    run: Run, devices: tuple[str, ...], settings: Settings, background: bool, worker: Sequence[str]
) -> None:
    environment = _environment(settings, background) | device_variables(devices, os.environ)
    try:
        process = spawn([*worker, str(run.folder)], environment, run.folder / "log.txt")
        if background:
            process.yield_to_others()
        run.log.append(
            QueuedEvent(device=",".join(devices), pid=process.pid, process_started=process.started)
        )
    except OSError as error:
        raise StudioError(f"Cannot start a run in {run.folder}: {error.strerror or error}.") from error


def _environment(settings: Settings, background: bool) -> dict[str, str]:
    """The worker's: our settings, and fewer threads where a page is served beside it."""
    if background:
        settings = replace(settings, threads=max(1, settings.thread_count - 1))
    threads = {"OMP_NUM_THREADS": str(settings.threads)} if settings.threads else {}
    paths = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **settings.as_environment(), **threads, "PYTHONPATH": paths}


def _ending(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((event for event in session(events) if event["type"] in _ENDINGS), None)


def _worker(events: Sequence[Mapping[str, Any]]) -> Worker:
    queued = session(events)[0]
    return Worker(queued["pid"], queued["process_started"])


def _is_alive(events: Sequence[Mapping[str, Any]]) -> bool:
    return bool(session(events)) and _worker(events).is_alive()
