"""A worker process that outlives its starter: spawn it, see whether it lives, end it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

CLOCK_TOLERANCE_S = 5.0
"""Start times are derived from the wall clock, which may be corrected while a process runs."""
POLL_S = 0.05
KILL_S = 10.0
"""A killed process may still be in a write."""
NICENESS = 5
"""A third of an equal's share where processors are short: more, and training stands still."""
OOM_SCORE = 500
"""Of 1,000: counted as if it held half of the memory more."""


class Worker(NamedTuple):
    """A process that leads its own group. started: unix seconds; tells it from a later one of its number."""

    pid: int
    started: float

    def is_alive(self) -> bool:
        """False for a zombie, too: it has ended, though its parent has not noticed."""
        try:
            process = psutil.Process(self.pid)
            is_same: bool = abs(process.create_time() - self.started) < CLOCK_TOLERANCE_S
            return is_same and bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    def end(self, grace_s: float) -> None:
        """Ask the process group to end; kill it where it still lives after the grace time."""
        self._signal(signal.SIGTERM)
        if not self.wait(grace_s):
            self._signal(signal.SIGKILL)
            self.wait(KILL_S)

    def yield_to_others(self) -> None:
        """Let what else runs on this machine go first; to be called before it has started threads."""
        with suppress(ProcessLookupError):
            niceness = os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
            os.setpriority(os.PRIO_PROCESS, self.pid, min(niceness, 19))
        with suppress(OSError):  # Linux weighs sessions against each other first, by their autogroup
            Path(f"/proc/{self.pid}/autogroup").write_text(str(NICENESS))
        with suppress(OSError):  # where memory runs out the system ends the run, not those it runs beside
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(str(OOM_SCORE))

    def wait(self, timeout_s: float) -> bool:
        """Whether the process has ended, by the end of the time at the latest."""
        deadline = time.monotonic() + timeout_s
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def spawn(command: Sequence[str], environment: Mapping[str, str], output: Path) -> Worker:
    """Start a command in a session of its own, its input closed, what it prints appended to a file.

    Signals and hang-ups of the caller's terminal do not reach it. Raises OSError.
    """
    with output.open("ab") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = Worker(process.pid, psutil.Process(process.pid).create_time())
    threading.Thread(target=process.wait, daemon=True, name=f"reap {process.pid}").start()
    return worker
