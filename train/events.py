"""What a run says about itself: one JSON object a line, appended as it happens.

The records are the lines of events.jsonl; whoever shows a run words them, nobody measures them again.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from search_core.types import StudioError

Phase = Literal["before", "during", "after"]

AT_STEPS = frozenset({"step", "evaluation", "checkpoint"})
"""Events that a resumed run writes again if they came after its checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """t: unix seconds."""

    type: ClassVar[str]
    t: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """The JSON object; a number that is not finite becomes None, for JSON has none."""
        return {"t": self.t, "type": self.type} | {
            one.name: _finite(getattr(self, one.name)) for one in fields(self) if one.name != "t"
        }


@dataclass(frozen=True, kw_only=True)
class QueuedEvent(Event):
    """Written by the starter, as soon as the process is there; a run that is resumed has several.

    device: what the run waits for, several with commas between. pid, process_started: the
        worker's, which leads its process group; the time (unix seconds) tells it from a later process
        of the same number.
    """

    type: ClassVar[str] = "queued"
    device: str
    pid: int
    process_started: float


@dataclass(frozen=True, kw_only=True)
class StartEvent(Event):
    """The device is ours. resumed_from: the checkpoint's step; None for a run from the beginning."""

    type: ClassVar[str] = "start"
    resumed_from: int | None = None


@dataclass(frozen=True, kw_only=True)
class StepEvent(Event):
    """One optimizer step, as measured.

    step: steps finished, from 1. epoch: passes over the training pairs, as a fraction.
    loss: None where it was not finite. pairs_per_s: training pairs through this step.
    """

    type: ClassVar[str] = "step"
    step: int
    epoch: float
    loss: float | None
    learning_rate: float
    pairs_per_s: float


@dataclass(frozen=True, kw_only=True)
class EvaluationEvent(Event):
    """metrics: name to value. step: where in the training; None before and after it."""

    type: ClassVar[str] = "evaluation"
    phase: Phase
    corpus: str
    split: str
    metrics: Mapping[str, float]
    step: int | None = None


@dataclass(frozen=True, kw_only=True)
class CheckpointEvent(Event):
    """A whole checkpoint is on disk. path: relative to the run's folder."""

    type: ClassVar[str] = "checkpoint"
    step: int
    path: str


@dataclass(frozen=True, kw_only=True)
class FinishEvent(Event):
    """The model and its reports are in the run's folder."""

    type: ClassVar[str] = "finish"


@dataclass(frozen=True, kw_only=True)
class CancelledEvent(Event):
    type: ClassVar[str] = "cancelled"


@dataclass(frozen=True, kw_only=True)
class ErrorEvent(Event):
    """message: one line, as the user reads it. bug: it is ours to mend; log.txt has the traceback."""

    type: ClassVar[str] = "error"
    message: str
    bug: bool = False


def _needed(kind: type[Event]) -> frozenset[str]:
    given = {one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING}
    return frozenset(given | {"t"})


_NEEDED: Mapping[str, frozenset[str]] = {kind.type: _needed(kind) for kind in Event.__subclasses__()}
"""What a line must hold to be an event of its type."""


class EventLog:
    """Appends events to a file; one process at a time writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Write one line, so that other processes see it at once. Raises OSError, say on a full disk."""
        line = json.dumps(event.as_dict(), allow_nan=False).encode() + b"\n"
        with self.path.open("a+b") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a writer was killed in mid-line
                    line = b"\n" + line
            file.write(line)


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events that count, in order; none where there is no file.

    A half-written line is left out. A `start` takes back what came after the step it resumes
    from, and where a step occurs twice all the same, the later line counts.
    Raises StudioError for a whole line that lacks what its type has: nobody wrote it so.
    """
    kept: dict[object, dict[str, Any]] = {}
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else []):
        event = _parsed(line)
        if event is None:
            continue
        if missing := _NEEDED.get(event["type"], frozenset()) - event.keys():
            lacked = ", ".join(sorted(missing))
            raise StudioError(f"{path} is damaged: line {number + 1}, {event['type']!r}, lacks {lacked}.")
        if event["type"] == "start":
            kept = {
                key: one for key, one in kept.items() if not _is_after(one, event.get("resumed_from") or 0)
            }
        key = ("step", event.get("step")) if event["type"] == "step" else number
        kept.pop(key, None)
        kept[key] = event
    return list(kept.values())


def session(events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The events since the run was last queued, that one included; none if it never was."""
    begins = [row for row, event in enumerate(events) if event["type"] == "queued"]
    return events[begins[-1] :] if begins else []


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("type"), str) else None


def _is_after(event: Mapping[str, Any], step: int) -> bool:
    return event["type"] in AT_STEPS and (event.get("step") or 0) > step


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
