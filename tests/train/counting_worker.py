"""A run's real process whose training is counting: real events, checkpoints and signals, in milliseconds.

The corpus of its configuration says what happens: `count`, `pause at N` (until it is asked to stop;
once resumed it counts to the end), `fill disk`, `out of memory`, `no positives`, `bug`, `deaf`
(does not ask whether to stop), `last words`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from search_core.settings import Settings
from search_core.types import StudioError
from train.events import CheckpointEvent, StepEvent
from train.run import Run
from train.stop import Stop
from train.worker import work

CHECKPOINT_EVERY = 5


def count(run: Run, stop: Stop, pause_at: int | None = None) -> None:
    step = run.last_checkpoint or 0
    with stop.deferred():
        while step < run.config.epochs and not stop.is_requested():
            step += 1
            run.log.append(
                StepEvent(step=step, epoch=step, loss=1 / step, learning_rate=1e-4, pairs_per_s=32.0)
            )
            if step == pause_at:
                while not stop.is_requested():
                    time.sleep(0.01)
            if step % CHECKPOINT_EVERY == 0 or stop.is_requested():
                checkpoint = run.checkpoints / f"checkpoint-{step}"
                checkpoint.mkdir(parents=True, exist_ok=True)
                run.log.append(CheckpointEvent(step=step, path=str(checkpoint.relative_to(run.folder))))


def is_resumed(run: Run) -> bool:
    return sum(event["type"] == "start" for event in run.state().events) > 1


def fill(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb", buffering=0) as file:
        while file.write(bytes(4_096)):
            pass


def train(run: Run, settings: Settings, stop: Stop) -> None:
    match run.config.corpus.split():
        case ["pause", "at", step] if not is_resumed(run):
            count(run, stop, pause_at=int(step))
        case ["count"] | ["pause", "at", _]:
            count(run, stop)
        case ["fill", "disk"]:
            count(run, stop)
            fill(run.checkpoints / "checkpoint-99" / "optimizer.pt")
            fill(run.folder / "model.safetensors")
        case ["out", "of", "memory"]:
            bytearray(1 << 60)
        case ["no", "positives"]:
            raise StudioError("The train split has no positives: choose another corpus.")
        case ["bug"]:
            raise TypeError("unexpected\nnull")
        case ["deaf"]:
            with stop.deferred():
                time.sleep(60)
        case ["last", "words"]:
            os.write(sys.stderr.fileno(), b"Loading weights\nBus error\n")
            os._exit(7)


if __name__ == "__main__":
    work(Path(sys.argv[1]), Settings.from_environment(), train)
