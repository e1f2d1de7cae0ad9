"""Inside a run's process: wait for the device, train, and leave a last word whatever happens."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from search_core.bucket import RUNS, Bucket
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import StudioError
from train.events import CancelledEvent, ErrorEvent, Event, FinishEvent, StartEvent
from train.processes import RankFailure
from train.run import FROZEN_PAIRS, FROZEN_VALID, RESERVE, ROOM, Run
from train.stop import Cancelled, Stop

RESERVE_BYTES = 1 << 16
"""Given back to a full disk, so that the last word still fits."""
FULL_DISK_BYTES = 1 << 20
"""With less than this left, a write that failed without saying why (torch's do) wanted for space."""
OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
"""How torch words it, on an accelerator and on a processor."""


Train = Callable[[Run, Settings, Stop], object]
"""Fills a run's folder: events, checkpoints and at last the model."""


def work(folder: Path, settings: Settings, train: Train) -> None:
    """Live a run: from the queue to its last event. One that has finished keeps nothing to resume from."""
    stop = Stop()
    run = Run(folder.name, folder)
    with Workspace(settings.workspace).writing(folder):
        queued = run.queued  # written by the starter, who holds the lock until then
    if queued is None or queued["pid"] != os.getpid():
        raise SystemExit(f"{folder} is not queued for this process.")
    last = _attempt(run, queued["device"], settings, stop, train)
    stop.ignore()
    (folder / RESERVE).unlink(missing_ok=True)
    run.log.append(last)
    if isinstance(last, FinishEvent):  # after it: a run without its model must not lose them
        shutil.rmtree(run.checkpoints, ignore_errors=True)
        for frozen in (FROZEN_PAIRS, FROZEN_VALID):
            (folder / frozen).unlink(missing_ok=True)
        if settings.archive:
            Bucket(settings.archive, settings.workspace).keep(RUNS)


def _attempt(run: Run, device: str, settings: Settings, stop: Stop, train: Train) -> Event:
    try:
        (run.folder / RESERVE).write_bytes(os.urandom(RESERVE_BYTES))
        with holding(device, settings):
            run.discard_unfinished_checkpoints()
            run.log.append(StartEvent(resumed_from=run.last_checkpoint))
            train(run, settings, stop)
    except Cancelled:
        return CancelledEvent()
    except Exception as error:
        last = explained(error, run.folder)
        with suppress(OSError):  # the disk may be full
            run.discard_unfinished_checkpoints()
            traceback.print_exc()
        return last
    return FinishEvent()


@contextmanager
def holding(devices: str, settings: Settings) -> Iterator[None]:
    """Have devices to ourselves, as soon as nobody else has them; the system gives them back if we die.

    devices: with commas between, in an order that all runs keep, so that none wait for each other.
    """
    room = Workspace(settings.workspace).folder(ROOM)
    room.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        for device in devices.split(","):
            lock = locks.enter_context((room / f".device-{device.replace(':', '-')}").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def explained(error: Exception, folder: Path) -> ErrorEvent:
    """The last word about an error: one line with what went wrong, and the way out."""
    text = " ".join(str(error).split())
    if isinstance(error, RankFailure):
        return error.event
    if isinstance(error, StudioError):
        return ErrorEvent(message=text)
    no_space = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if no_space or "No space left" in text or shutil.disk_usage(folder).free < FULL_DISK_BYTES:
        return ErrorEvent(
            message=f"The disk of {folder} is full. Free some space, then go on from the last checkpoint "
            f"with --resume --output {folder}."
        )
    if isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        return ErrorEvent(
            message=f"Memory ran out ({text or 'MemoryError'}). Start again with a smaller --batch-size; "
            "the checkpoints so far are kept."
        )
    return ErrorEvent(message=f"{type(error).__name__}: {text} (a bug: see {folder / 'log.txt'})", bug=True)


def train_model(run: Run, settings: Settings, stop: Stop) -> None:
    """The steps of a real run. Imported when the device is ours: who waits in the queue needs no torch."""
    from train.pipeline import train_model

    train_model(run, settings, stop)


if __name__ == "__main__":
    work(Path(sys.argv[1]), Settings.from_environment(), train_model)
