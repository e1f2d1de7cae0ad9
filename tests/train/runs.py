"""Real runs for tests, whose training only counts (counting_worker.py)."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from train.config import TrainingConfig, defaults
from train.process import Worker
from train.run import Run, RunState

WORKER = (sys.executable, str(Path(__file__).with_name("counting_worker.py")))
PATIENCE_S = 120.0


def config(corpus: str = "count", steps: int = 1) -> TrainingConfig:
    return defaults(corpus, "minilm", on_gpu=False, epochs=steps)


def worker_of(run: Run) -> Worker:
    queued = run.queued
    assert queued is not None
    return Worker(queued["pid"], queued["process_started"])


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def ended(run: Run) -> RunState:
    wait_until(lambda: not run.state().is_alive)
    assert worker_of(run).wait(PATIENCE_S)
    return run.state()


def reached(run: Run, step: int) -> Run:
    wait_until(lambda: any(event.get("step") == step for event in run.state().events))
    return run


def steps(run: Run) -> list[int]:
    return [event["step"] for event in run.state().events if event["type"] == "step"]


def types(state: RunState) -> list[str]:
    return [event["type"] for event in state.events]


def kill(run: Run) -> None:
    os.killpg(worker_of(run).pid, signal.SIGKILL)
    assert worker_of(run).wait(PATIENCE_S)


def in_line(run: Run) -> Run:
    """Waiting for the device: what it writes before is there, and the kernel knows of its wait."""
    waiting = re.compile(rf"-> FLOCK .* {worker_of(run).pid} ")
    wait_until(lambda: (run.folder / ".reserve").exists())
    wait_until(lambda: waiting.search(Path("/proc/locks").read_text()) is not None)
    return run


def time_of(run: Run, event_type: str) -> float:
    return next(event["t"] for event in run.state().events if event["type"] == event_type)
