"""The event log: one JSON object a line, read whatever its last writer suffered."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from search_core.types import StudioError
from train.events import (
    CheckpointEvent,
    ErrorEvent,
    EvaluationEvent,
    EventLog,
    QueuedEvent,
    StartEvent,
    StepEvent,
    read_events,
    session,
)


def step(number: int, loss: float) -> StepEvent:
    return StepEvent(
        t=100.0 + number, step=number, epoch=number / 10, loss=loss, learning_rate=1e-4, pairs_per_s=32.0
    )


def queued(pid: int) -> QueuedEvent:
    return QueuedEvent(t=1.0, device="cpu", pid=pid, process_started=0.5)


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "events.jsonl")


def losses(log: EventLog) -> list[tuple[int, float]]:
    return [(event["step"], event["loss"]) for event in read_events(log.path) if event["type"] == "step"]


def test_an_event_is_one_line_with_its_time_and_type_first(log: EventLog) -> None:
    log.append(step(1, 0.5))
    assert log.path.read_text() == (
        '{"t": 101.0, "type": "step", "step": 1, "epoch": 0.1, "loss": 0.5, '
        '"learning_rate": 0.0001, "pairs_per_s": 32.0}\n'
    )


@pytest.mark.parametrize(
    ("event", "rest"),
    [
        (queued(7), {"type": "queued", "device": "cpu", "pid": 7, "process_started": 0.5}),
        (StartEvent(t=1.0), {"type": "start", "resumed_from": None}),
        (
            EvaluationEvent(t=1.0, phase="during", corpus="c", split="dev", metrics={"map": 0.5}, step=4),
            {
                "type": "evaluation", "phase": "during", "corpus": "c", "split": "dev",
                "metrics": {"map": 0.5}, "step": 4,
            },
        ),
        (
            CheckpointEvent(t=1.0, step=4, path="checkpoints/checkpoint-4"),
            {"type": "checkpoint", "step": 4, "path": "checkpoints/checkpoint-4"},
        ),
        (ErrorEvent(t=1.0, message="no"), {"type": "error", "message": "no", "bug": False}),
    ],
)  # fmt: skip
def test_what_is_appended_is_read_back(log: EventLog, event, rest) -> None:
    log.append(event)
    assert read_events(log.path) == [{"t": 1.0, **rest}]


def test_a_number_that_is_not_finite_becomes_null(log: EventLog) -> None:
    log.append(step(1, math.nan))
    log.append(EvaluationEvent(phase="during", corpus="c", split="s", metrics={"loss": math.inf}))
    first, second = map(json.loads, log.path.read_text().splitlines())
    assert (first["loss"], second["metrics"]) == (None, {"loss": None})


def test_a_log_that_does_not_exist_has_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events.jsonl") == []


def test_a_half_written_last_line_is_left_out(log: EventLog) -> None:
    log.append(step(1, 0.5))
    log.append(step(2, 0.4))
    log.path.write_bytes(log.path.read_bytes()[:-20])
    assert losses(log) == [(1, 0.5)]


def test_appending_after_a_half_written_line_loses_only_that_line(log: EventLog) -> None:
    log.path.write_text('{"t": 1.0, "type": "st')
    log.append(step(2, 0.4))
    assert losses(log) == [(2, 0.4)]


@pytest.mark.parametrize("line", ["[]", "7", "{}", '{"t": 1.0, "type": []}', "\x00\xff", '{"t": 1.0}'])
def test_a_line_that_is_no_event_is_left_out(log: EventLog, line: str) -> None:
    log.path.write_text(f"{line}\n", "latin-1")
    log.append(step(1, 0.5))
    assert losses(log) == [(1, 0.5)]


def test_a_whole_line_that_lacks_what_its_type_has_is_damage(log: EventLog) -> None:
    log.append(step(1, 0.5))
    log.path.write_text(log.path.read_text() + '{"t": 1.0, "type": "queued", "device": "cpu"}\n')
    with pytest.raises(StudioError, match=r"is damaged: line 2, 'queued', lacks pid, process_started\."):
        read_events(log.path)


def test_a_line_of_a_type_that_is_not_known_yet_is_kept(log: EventLog) -> None:
    log.path.write_text('{"type": "later"}\n')
    assert read_events(log.path) == [{"type": "later"}]


def test_where_a_step_occurs_twice_the_later_line_counts(log: EventLog) -> None:
    for event in (step(1, 0.9), step(2, 0.8), step(2, 0.7), step(3, 0.6)):
        log.append(event)
    assert losses(log) == [(1, 0.9), (2, 0.7), (3, 0.6)]


def test_a_resumed_run_takes_back_what_came_after_its_checkpoint(log: EventLog) -> None:
    """Killed after step 4, resumed from step 2, now at step 3: there is no step 4 yet."""
    for number in (1, 2):
        log.append(step(number, 1 / number))
    log.append(CheckpointEvent(step=2, path="checkpoints/checkpoint-2"))
    for number in (3, 4):
        log.append(step(number, 1 / number))
    log.append(CheckpointEvent(step=4, path="checkpoints/checkpoint-4"))
    log.append(StartEvent(resumed_from=2))
    log.append(step(3, 0.3))
    assert losses(log) == [(1, 1.0), (2, 0.5), (3, 0.3)]
    assert [event["step"] for event in read_events(log.path) if event["type"] == "checkpoint"] == [2]


def test_a_run_that_starts_again_from_nothing_takes_back_every_step(log: EventLog) -> None:
    for event in (queued(1), StartEvent(), step(1, 0.9), step(2, 0.8), queued(2), StartEvent(), step(1, 0.7)):
        log.append(event)
    assert losses(log) == [(1, 0.7)]


def test_a_session_is_what_came_since_the_run_was_last_queued(log: EventLog) -> None:
    for event in (queued(1), StartEvent(), queued(2), StartEvent()):
        log.append(event)
    assert [event.get("pid") for event in session(read_events(log.path))] == [2, None]
    assert session([]) == []
