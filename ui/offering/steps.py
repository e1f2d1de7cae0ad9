"""What has to be prepared before a corpus is searched with a model, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Stage = Literal["waiting", "working", "ready", "failed"]

STEADY_S = 2.0
"""Seconds of progress before a rate is worth an estimate."""


@dataclass(frozen=True)
class Step:
    """One thing to prepare: reading a corpus (model is None), or indexing it with a model.

    again: the corpus has been read before, and is searched as it was then until this is done.
    done, total: as the work reports them; total is 0 before the first report.
    since_s, since_done: monotonic time of the first report and what was done by then.
    error: why the step failed.
    """

    corpus: str
    model: str | None
    stage: Stage = "waiting"
    again: bool = False
    done: int = 0
    total: int = 0
    since_s: float = 0.0
    since_done: int = 0
    error: str = ""

    @property
    def settled(self) -> bool:
        return self.stage in ("ready", "failed")

    @property
    def urgent(self) -> bool:
        """Nothing can be found in the corpus before this is done."""
        return self.model is None and not self.again

    def advanced(self, done: int, total: int, now_s: float) -> Step:
        if total != self.total:  # the first report, or the next part of the work
            return replace(self, done=done, total=total, since_s=now_s, since_done=done)
        return replace(self, done=done)

    def seconds_left(self, now_s: float) -> float | None:
        """At the rate so far; None while that is too short to tell."""
        elapsed, progress = now_s - self.since_s, self.done - self.since_done
        if elapsed < STEADY_S or progress <= 0:
            return None
        return (self.total - self.done) * elapsed / progress
