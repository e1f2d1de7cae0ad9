"""How a run's process is asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Cancelled(BaseException):
    """The run was asked to stop. No Exception: libraries must not swallow it."""


class Stop:
    """SIGTERM as a wish: it raises Cancelled, but inside `deferred()` it is a flag to read."""

    def __init__(self) -> None:
        self._requested = self._deferred = False
        signal.signal(signal.SIGTERM, self._receive)

    def is_requested(self) -> bool:
        return self._requested

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """For what asks `is_requested` and then ends in its own way; Cancelled is raised after it."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self._requested:
            raise Cancelled

    def ignore(self) -> None:
        """From here on it is too late to stop."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._requested = True
        if not self._deferred:
            raise Cancelled
