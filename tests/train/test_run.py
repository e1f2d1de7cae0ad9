"""Runs are real processes here; only what they do with the device is short (counting_worker.py)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from search_core.settings import Settings
from search_core.types import StudioError
from tests.train.runs import (
    WORKER,
    config,
    ended,
    in_line,
    kill,
    reached,
    steps,
    time_of,
    types,
    wait_until,
    worker_of,
)
from train.process import Worker
from train.run import cancel, delete, find_run, list_runs, resume, start


def test_a_run_is_queued_starts_steps_and_finishes(launch) -> None:
    run = launch(steps=5)
    state = ended(run)
    assert state.status == "finished"
    assert types(state) == ["queued", "start", *["step"] * 5, "checkpoint", "finish"]


def test_a_run_keeps_its_configuration(launch) -> None:
    assert launch(steps=3).config == config(steps=3)


def test_a_run_is_in_the_workspace_under_its_id(launch, settings: Settings) -> None:
    run = launch()
    assert run.folder == settings.workspace.resolve() / "runs" / run.id
    assert find_run(run.id, settings) == find_run(str(run.folder), settings) == run


def test_a_finished_run_is_kept_in_the_bucket(settings: Settings, tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    run = start(config(), replace(settings, archive=bucket), worker=WORKER)
    assert ended(run).status == "finished"
    assert (bucket / "runs" / run.id / "manifest.json").is_file()


def test_a_run_is_a_session_of_its_own_with_its_input_closed(launch) -> None:
    run = launch("pause at 1", steps=2)
    pid = worker_of(reached(run, 1)).pid
    assert os.getsid(pid) == os.getpgid(pid) == pid != os.getsid(0)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")


def test_a_run_beside_a_page_leaves_it_a_core_and_lets_it_go_first(settings: Settings) -> None:
    four = Settings(workspace=settings.workspace, threads=4)
    run = start(config("pause at 1", steps=2), four, background=True, worker=WORKER)
    try:
        pid = worker_of(reached(run, 1)).pid
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert {"OMP_NUM_THREADS=3", "CODESEARCH_THREADS=3"} <= set(environment)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
    finally:
        kill(run)


def test_runs_on_one_device_take_turns(launch) -> None:
    first = reached(launch("pause at 1", steps=2), 1)
    second = launch(steps=1)
    assert (first.state().status, second.state().status) == ("running", "queued")
    cancel(first)
    assert ended(second).status == "finished"
    assert time_of(second, "start") >= time_of(first, "cancelled")


def test_all_that_wait_are_served(launch) -> None:
    first = reached(launch("pause at 1", steps=2), 1)
    waiting = [in_line(launch(steps=1)) for _ in range(3)]
    cancel(first)
    assert [ended(run).status for run in waiting] == ["finished"] * 3


def test_a_killed_holder_of_the_device_does_not_block_the_queue(launch) -> None:
    first = reached(launch("pause at 1", steps=2), 1)
    second = in_line(launch(steps=1))
    kill(first)
    assert ended(second).status == "finished"


def test_a_queued_run_can_be_cancelled(launch) -> None:
    first = reached(launch("pause at 1", steps=2), 1)
    second = in_line(launch(steps=1))
    cancel(second)
    assert second.state().status == "cancelled" and "start" not in types(second.state())
    assert first.state().status == "running"


def test_a_run_cancelled_before_it_could_listen_is_cancelled_all_the_same(launch) -> None:
    run = launch("pause at 1", steps=2)
    cancel(run)
    assert run.state().status == "cancelled"


def test_a_running_run_that_is_cancelled_finishes_its_step_and_writes_a_checkpoint(launch) -> None:
    run = reached(launch("pause at 7", steps=20), 7)
    cancel(run)
    state = run.state()
    assert state.status == "cancelled" and types(state)[-3:] == ["step", "checkpoint", "cancelled"]
    assert state.events[-2]["step"] == steps(run)[-1] == 7
    assert not worker_of(run).is_alive()


def test_a_run_that_does_not_listen_is_killed_after_the_grace_time(launch) -> None:
    run = launch("deaf")
    wait_until(lambda: run.state().status == "running")
    cancel(run, grace_s=0.2)
    assert run.state().status == "cancelled" and not worker_of(run).is_alive()


def test_a_run_that_has_ended_cannot_be_cancelled(launch) -> None:
    run = launch()
    ended(run)
    with pytest.raises(StudioError, match=f"Run {run.id} is not running but finished"):
        cancel(run)


def test_a_killed_run_goes_on_from_its_last_checkpoint_and_its_curve_has_no_gap(
    launch, settings: Settings
) -> None:
    """Checkpoints come every 5 steps."""
    run = reached(launch("pause at 12", steps=30), 12)
    kill(run)
    assert run.state().status == "failed"
    resume(run, settings, worker=WORKER)
    state = ended(run)
    assert state.status == "finished"
    assert [event["resumed_from"] for event in state.events if event["type"] == "start"] == [None, 10]
    assert steps(run) == list(range(1, 31))


def test_a_checkpoint_that_was_being_written_at_the_kill_is_not_resumed_from(
    launch, settings: Settings
) -> None:
    run = reached(launch("pause at 6", steps=12), 6)
    kill(run)
    torn = run.checkpoints / "checkpoint-10"
    torn.mkdir(exist_ok=True)
    (torn / "optimizer.pt").write_bytes(b"PK")
    resume(run, settings, worker=WORKER)
    state = ended(run)
    assert [event["resumed_from"] for event in state.events if event["type"] == "start"] == [None, 5]
    assert steps(run) == list(range(1, 13)) and not (torn / "optimizer.pt").exists()


def test_a_cancelled_run_goes_on(launch, settings: Settings) -> None:
    run = reached(launch("pause at 3", steps=20), 3)
    cancel(run)
    resume(run, settings, worker=WORKER)
    assert ended(run).status == "finished" and steps(run) == list(range(1, 21))


def test_a_run_without_a_checkpoint_is_resumed_from_its_beginning(launch, settings: Settings) -> None:
    run = reached(launch("pause at 2", steps=10), 2)
    kill(run)
    resume(run, settings, worker=WORKER)
    assert ended(run).status == "finished" and steps(run) == list(range(1, 11))


def test_what_is_alive_or_finished_is_not_resumed(launch, settings: Settings) -> None:
    run = reached(launch("pause at 1", steps=2), 1)
    with pytest.raises(StudioError, match="is running: wait for its end, or cancel it first"):
        resume(run, settings, worker=WORKER)
    cancel(run)
    finished = launch()
    ended(finished)
    with pytest.raises(StudioError, match="has finished: there is nothing to resume"):
        resume(finished, settings, worker=WORKER)


def test_a_process_that_dies_is_a_failed_run_with_its_last_words(launch) -> None:
    state = ended(launch("last words"))
    assert state.status == "failed" and "start" in types(state)
    assert state.message.startswith("The process died") and state.message.endswith("Its log ends: Bus error")


def test_another_process_with_the_same_number_is_not_the_run(launch) -> None:
    run = reached(launch("pause at 1", steps=2), 1)
    pid, started = worker_of(run)
    assert Worker(pid, started).is_alive()
    assert not Worker(pid, started - 3_600).is_alive()


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ("no positives", "The train split has no positives: choose another corpus."),
        ("out of memory", "Memory ran out (MemoryError). Start again with a smaller --batch-size"),
        ("bug", "TypeError: unexpected null (a bug: see {folder}/log.txt)"),
    ],
)
def test_an_error_is_the_last_event_in_one_line(launch, corpus: str, message: str) -> None:
    run = launch(corpus)
    state = ended(run)
    assert (state.status, types(state)) == ("failed", ["queued", "start", "error"])
    assert state.message.startswith(message.format(folder=run.folder)) and "\n" not in state.message
    assert state.is_bug == (corpus == "bug")


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 300 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"only root can make a small disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_a_run_with_a_last_word_and_its_checkpoints_kept(small_disk: Path, launch) -> None:
    run = launch("fill disk", steps=5, output=small_disk / "model")
    state = ended(run)
    assert (state.status, types(state)[-2:]) == ("failed", ["checkpoint", "error"])
    assert state.message == (
        f"The disk of {run.folder} is full. Free some space, then go on from the last checkpoint "
        f"with --resume --output {run.folder}."
    )
    assert [path.name for path in run.checkpoints.iterdir()] == ["checkpoint-5"]


def test_a_bug_leaves_its_traceback_in_the_log(launch) -> None:
    run = launch("bug")
    ended(run)
    assert "Traceback" in (run.folder / "log.txt").read_text()


def test_a_folder_in_use_by_a_living_run_is_refused(launch, tmp_path: Path) -> None:
    run = launch("pause at 1", steps=2, output=tmp_path / "model")
    with pytest.raises(StudioError, match="is in use by a run that is"):
        launch(output=tmp_path / "model")
    assert run.state().is_alive


def test_a_folder_with_a_finished_run_or_with_checkpoints_is_refused(launch, tmp_path: Path) -> None:
    finished = launch(steps=5, output=tmp_path / "finished")
    ended(finished)
    with pytest.raises(StudioError, match="finished is not empty"):
        launch(output=tmp_path / "finished")
    stopped = reached(launch("pause at 5", steps=9, output=tmp_path / "stopped"), 5)
    cancel(stopped)
    with pytest.raises(StudioError, match="add --resume to go on with it"):
        launch(output=tmp_path / "stopped")


def test_a_folder_with_anything_else_is_refused(launch, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.md").write_text("It was")
    with pytest.raises(StudioError, match="thesis is not empty"):
        launch(output=tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter-1.md"]


def test_a_run_that_came_to_nothing_makes_room_for_the_next(launch, tmp_path: Path) -> None:
    ended(launch("no positives", output=tmp_path / "model"))
    assert ended(launch("count", output=tmp_path / "model")).status == "finished"


def test_runs_are_listed_newest_first_with_those_in_folders_elsewhere(
    launch, settings: Settings, tmp_path: Path
) -> None:
    inside, outside = launch(), launch(output=tmp_path / "model")
    assert list_runs(settings) == [outside, inside]
    assert outside.id.startswith("model-") and find_run(outside.id, settings).folder == tmp_path / "model"


def test_a_run_of_another_version_does_not_hide_the_others(
    launch, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = launch(), launch()
    (old.folder / "training_config.json").write_text('{"rows": 3}')
    assert list_runs(settings) == [new]
    assert f"Left out run {old.id}" in caplog.text


def test_an_empty_workspace_has_no_runs(settings: Settings) -> None:
    assert list_runs(settings) == []


@pytest.mark.parametrize("name", ["", ".", "..", "no-such-run", ".device-cpu", "/"])
def test_a_name_without_a_run_is_said_to_be_so(settings: Settings, name: str) -> None:
    with pytest.raises(StudioError, match="There is no run"):
        find_run(name, settings)


def test_an_unknown_device_is_refused_before_anything_starts(settings: Settings) -> None:
    with pytest.raises(StudioError, match="'abacus' is no device"):
        start(config(), Settings(workspace=settings.workspace, device="abacus"), worker=WORKER)
    assert not settings.workspace.exists()


def test_a_deleted_run_is_gone_with_its_model(settings: Settings) -> None:
    run = start(config(), settings, worker=WORKER)
    ended(run)
    delete(run, settings)
    assert not run.folder.exists()
    assert list_runs(settings) == []


def test_a_run_that_is_alive_is_not_deleted(launch, settings: Settings) -> None:
    run = reached(launch("pause at 2", steps=9), step=2)
    with pytest.raises(StudioError, match=r"is running: cancel it first"):
        delete(run, settings)
    assert run.state().status == "running"


def test_a_run_elsewhere_is_deleted_there(settings: Settings, tmp_path: Path) -> None:
    run = start(config(), settings, output=tmp_path / "elsewhere", worker=WORKER)
    ended(run)
    delete(run, settings)
    assert not (tmp_path / "elsewhere").exists()
    assert not list((settings.workspace / "runs").glob("elsewhere*"))
