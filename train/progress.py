"""How far a run is, from its events alone: numbers first, then words."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from train.events import session
from train.run import Run, RunState

POLL_S = 0.5
LINE_EVERY_S = 10.0
"""Between progress lines where standard error is no terminal."""


@dataclass(frozen=True)
class Progress:
    """Of the training itself. loss: None where it was not finite. time_left_s: None until it can be told."""

    step: int
    epoch: float
    epochs: int
    loss: float | None
    pairs_per_s: float
    time_left_s: float | None


def training_progress(events: Sequence[Mapping[str, Any]], epochs: int) -> Progress | None:
    """Where training is; None before the first step of the present process.

    The time left is what is left of the epochs at the pace since this process's first step.
    """
    steps = [event for event in session(events) if event["type"] == "step"]
    if not steps:
        return None
    first, last = steps[0], steps[-1]
    advance, elapsed_s = last["epoch"] - first["epoch"], last["t"] - first["t"]
    left_s = (epochs - last["epoch"]) * elapsed_s / advance if advance > 0 else None
    return Progress(last["step"], last["epoch"], epochs, last["loss"], last["pairs_per_s"], left_s)


def status_line(state: RunState, epochs: int) -> str:
    """A run in one line, for a terminal."""
    if state.status == "queued":
        return f"queued: waiting for {session(state.events)[0]['device']}"
    if state.status != "running":
        return f"{state.status}: {state.message}" if state.message else state.status
    progress = training_progress(state.events, epochs)
    if progress is None:
        return "running: preparing pairs and model"
    if state.events[-1]["type"] != "step" and progress.epoch >= epochs:
        return "running: trained, now measuring"
    loss = "not finite" if progress.loss is None else f"{progress.loss:.4f}"
    left = "" if progress.time_left_s is None else f", {_clock(progress.time_left_s)} left"
    return (
        f"step {progress.step:,}, epoch {progress.epoch:.2f} of {epochs}, loss {loss}, "
        f"{progress.pairs_per_s:.1f} pairs/s{left}"
    )


def follow(run: Run, stream: TextIO) -> RunState:
    """Show a run's progress until it ends: one line that changes, or a line now and then off a terminal."""
    begun = run.config
    epochs, batch_size = begun.epochs, begun.batch_size
    shown, shown_at = "", -LINE_EVERY_S
    while (state := run.state()).is_alive:
        if run.config.batch_size != batch_size:
            batch_size = run.config.batch_size
            clear = "\r\x1b[K" if stream.isatty() else ""
            stream.write(
                f"{clear}batches of {batch_size:,}, not {begun.batch_size:,}: there are no more pairs\n"
            )
        line = status_line(state, epochs)
        if stream.isatty():
            width = shutil.get_terminal_size().columns
            stream.write(f"\r\x1b[K{line[: width - 1]}")
        elif line != shown and time.monotonic() - shown_at >= LINE_EVERY_S:
            stream.write(f"{line}\n")
            shown, shown_at = line, time.monotonic()
        stream.flush()
        time.sleep(POLL_S)
    if stream.isatty():
        stream.write("\r\x1b[K")
    return state


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
