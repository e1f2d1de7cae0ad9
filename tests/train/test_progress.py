"""How far a run is, worked out from its events by hand."""

from __future__ import annotations

import io

from train.progress import Progress, follow, status_line, training_progress
from train.run import RunState

QUEUED = {"t": 0.0, "type": "queued", "device": "cpu", "pid": 1, "process_started": 0.0}
START = {"t": 1.0, "type": "start", "resumed_from": None}
CHECKPOINT = {"t": 15.0, "type": "checkpoint", "step": 2, "path": "checkpoints/checkpoint-2"}
FINISH = {"t": 99.0, "type": "finish"}


def step(number: int, epoch: float, t: float, loss: float | None = 0.5) -> dict[str, object]:
    return {
        "t": t, "type": "step", "step": number, "epoch": epoch, "loss": loss, "learning_rate": 1e-4,
        "pairs_per_s": 32.0,
    }  # fmt: skip


def test_the_time_left_goes_by_the_pace_since_the_first_step() -> None:
    """From epoch 0.25 to 0.75 in 10 s, so the 1.25 that are left of 2 take 25 s."""
    events = [QUEUED, START, step(1, 0.25, t=100.0), step(2, 0.5, t=105.0), step(3, 0.75, t=110.0)]
    assert training_progress(events, epochs=2) == Progress(3, 0.75, 2, 0.5, 32.0, time_left_s=25.0)


def test_before_the_second_step_no_time_left_is_known() -> None:
    assert training_progress([QUEUED, START], epochs=2) is None
    found = training_progress([QUEUED, START, step(1, 0.25, t=100.0)], epochs=2)
    assert found is not None and found.time_left_s is None


def test_a_resumed_run_goes_by_its_own_pace_not_by_the_break_before_it() -> None:
    before = [QUEUED, START, step(1, 0.5, t=10.0), step(2, 1.0, t=20.0)]
    after = [QUEUED, START, step(3, 1.5, t=9_000.0), step(4, 1.75, t=9_001.0)]
    found = training_progress([*before, *after], epochs=2)
    assert found is not None and found.time_left_s == 1.0


def test_a_run_is_told_in_one_line() -> None:
    training = [QUEUED, START, step(1, 0.5, t=0.0), step(2, 1.0, t=70.0)]
    lines = [
        status_line(RunState("queued", [QUEUED]), epochs=2),
        status_line(RunState("running", [QUEUED, START]), epochs=2),
        status_line(RunState("running", training), epochs=2),
        status_line(RunState("running", [QUEUED, START, step(1, 0.5, t=0.0, loss=None)]), epochs=2),
        status_line(RunState("running", [*training, step(4, 2.0, t=140.0), CHECKPOINT]), epochs=2),
        status_line(RunState("finished", [*training, FINISH]), epochs=2),
        status_line(RunState("failed", [QUEUED], "No positives."), epochs=2),
    ]
    assert lines == [
        "queued: waiting for cpu",
        "running: preparing pairs and model",
        "step 2, epoch 1.00 of 2, loss 0.5000, 32.0 pairs/s, 2:20 left",
        "step 1, epoch 0.50 of 2, loss not finite, 32.0 pairs/s",
        "running: trained, now measuring",
        "finished",
        "failed: No positives.",
    ]


def test_hours_are_told_as_hours() -> None:
    events = [QUEUED, START, step(1, 1.0, t=0.0), step(2, 2.0, t=3_601.0)]
    assert status_line(RunState("running", events), epochs=4).endswith("2:00:02 left")


def test_following_a_run_shows_what_it_does_and_returns_when_it_ends(launch) -> None:
    seen = io.StringIO()
    assert follow(launch(steps=5), seen).status == "finished"
    assert seen.getvalue().splitlines()[0] in (
        "queued: waiting for cpu",
        "running: preparing pairs and model",
    )
