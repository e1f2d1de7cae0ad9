"""`python -m train` as a user meets it: objects, exit codes, one-line errors, and one whole real run."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import pytest
from sentence_transformers import SentenceTransformer

from search_core.settings import Settings
from search_core.types import StudioError
from tests.commands import begin
from tests.train.run_folder import build_run
from tests.train.runs import ended, in_line, kill, reached, steps, wait_until
from train.__main__ import main
from train.config import TrainingConfig
from train.run import CONFIG, cancel, find_run, list_runs


@pytest.fixture
def run(settings: Settings, capsys: pytest.CaptureFixture[str]):
    def run(*argv: object) -> tuple[int, str, str]:
        try:
            code = main([*map(str, argv), "--workspace", str(settings.workspace)])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["run"], "Say what to train on: --corpus SPEC"),
        (["run", "--corpus", "stdlib", "--epochs", "0"], "Epochs must be a whole number, at least 1"),
        (["run", "--corpus", "stdlib", "--epochs", "two"], "invalid int value"),
        (["run", "--corpus", "stdlib", "--batch-size", "1"], "Batch size must be a whole number, at least 2"),
        (["run", "--corpus", "stdlib", "--learning-rate", "-1"], "Learning rate must be a number"),
        (["run", "--corpus", "stdlib", "--base-weight", "1"], "Base weight must be a number"),
        (["run", "--corpus", "stdlib", "--warmup-steps", "many"], "invalid number value"),
        (["run", "--corpus", "stdlib", "--method", "magic"], "invalid choice"),
        (["run", "--resume"], "there is nothing to resume"),
        (["run", "--resume", "--output", "/no/such/run"], "There is no run '/no/such/run'"),
        (["show", "no-such-run"], "There is no run 'no-such-run'"),
        (["cancel", "no-such-run"], "There is no run 'no-such-run'"),
        (["publish", "no-such-run", "--repo-id", "me/model"], "There is no run 'no-such-run'"),
        (["publish", "no-such-run"], "--repo-id"),
        *(
            ([command, name, *more], f"There is no run {name!r}")
            for command, *more in (["show"], ["cancel"], ["publish", "--repo-id", "me/model"])
            for name in ("~nosuchuser", "~nosuchuser/run", "x" * 300)
        ),
        (["run", "--corpus", "stdlib", "--base-model", "minilm", "--output", "~nosuchuser/run"], "--output"),
        (["run", "--resume", "--output", "~nosuchuser/run"], "There is no run"),
        (["run", "--corpus", "stdlib", "--base-model", "~nosuchuser/m"], "There is no model folder"),
        (["run", "--corpus", "stdlib", "--base-model", "x" * 300], "is neither minilm, studio, a folder"),
        (["run", "--corpus", "~nosuchuser/code"], "Unknown corpus"),
        (
            ["run", "--corpus", "package:no-such-package", "--base-model", "minilm"],
            "No installed distribution",
        ),
        (["frobnicate"], "invalid choice"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(run, argv: list[str], sentence: str) -> None:
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and sentence in err


def test_an_empty_workspace_lists_no_runs(run) -> None:
    assert run("list", "--json") == (0, '{"runs": []}\n', "")
    assert "No runs yet" in run("list")[1]


def test_list_names_every_run_with_its_status(run, launch) -> None:
    finished, failed = launch(steps=5), launch("no positives")
    ended(finished), ended(failed)
    _, out, _ = run("list", "--json")
    assert [(one["id"], one["status"]) for one in json.loads(out)["runs"]] == [
        (failed.id, "failed"), (finished.id, "finished"),
    ]  # fmt: skip
    first, second = run("list")[1].splitlines()
    assert first.startswith(failed.id) and "failed: The train split has no positives" in first
    assert second.startswith(finished.id) and "minilm on count" in second and second.endswith("finished")


def test_show_prints_one_object(run, launch) -> None:
    paused = reached(launch("pause at 3", steps=4), 3)
    code, out, _ = run("show", paused.id, "--json")
    shown = json.loads(out)
    assert (code, shown["id"], shown["status"], shown["device"]) == (0, paused.id, "running", "cpu")
    assert (shown["progress"]["step"], shown["progress"]["loss"]) == (3, 1 / 3)
    assert (shown["config"]["corpus"], shown["config"]["epochs"]) == ("pause at 3", 4)
    assert shown["queued_at"] > 0 and shown["ended_at"] is None and shown["pairs"] is None


def test_show_says_how_a_run_stands_and_why_it_failed(run, launch) -> None:
    failed = launch("no positives")
    ended(failed)
    code, out, _ = run("show", failed.folder)
    assert code == 0 and f"{failed.id}, failed: The train split has no positives" in out


def test_show_says_what_was_reached_which_step_was_kept_and_why_nothing_guards_it(
    run, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    finished = build_run(tmp_path / "run", model=model)
    finished.joinpath("guard.json").write_text('{"corpora": [], "reason": "stdlib is what was trained on"}')
    code, out, _ = run("show", finished)
    assert code == 0 and "result    dataset:CoIR-Retrieval/cosqa, split valid" in out
    assert "kept      step 6 of 6, with the lowest loss on the development pairs (1.4000)\n" in out
    assert "guard     nothing measured: stdlib is what was trained on\n" in out


def test_cancel_waits_for_the_end_of_the_run(run, launch) -> None:
    paused = reached(launch("pause at 3", steps=4), 3)
    assert run("cancel", paused.id) == (0, f"Run {paused.id}: cancelled.\n", "")
    code, _, err = run("cancel", paused.id)
    assert code == 2 and f"Run {paused.id} is not running but cancelled" in err


def test_a_run_is_resumed_as_it_was_begun(run, launch) -> None:
    paused = reached(launch("pause at 3", steps=4), 3)
    cancel(paused)
    code, _, err = run("run", "--resume", "--output", paused.folder, "--epochs", 9, "--seed", 42)
    assert code == 2 and f"Run {paused.id} was begun with --epochs 4: resume it so" in err


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[TrainingConfig]:
    """What would be trained; nothing is."""
    configs: list[TrainingConfig] = []

    def start(config: TrainingConfig, *_: object, **__: object) -> NoReturn:
        configs.append(config)
        raise StudioError("not started")

    monkeypatch.setattr("train.__main__.start", start)
    return configs


def test_a_run_keeps_no_relative_folders(
    run, begun: list[TrainingConfig], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("live", "old"):
        (tmp_path / name).mkdir()
    (tmp_path / "model").symlink_to(base)
    monkeypatch.chdir(tmp_path)
    run("run", "--corpus", "./live", "--base-model", "./model")
    run("run", "--corpus", "stdlib + ./live + old", "--base-model", "minilm")
    assert [(config.corpus, config.base_model) for config in begun] == [
        (f"{tmp_path}/live", str(base)),
        (f"stdlib + {tmp_path}/live + {tmp_path}/old", "minilm"),
    ]


def test_a_run_is_resumed_with_the_relative_folder_that_it_was_begun_with(
    run, launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pause at 3").mkdir()
    paused = reached(launch("pause at 3", steps=4), 3)
    cancel(paused)
    config = replace(paused.config, corpus=str(tmp_path / "pause at 3"))
    (paused.folder / CONFIG).write_text(config.to_json())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("train.__main__.resume", resume := Mock(side_effect=StudioError("resumed")))
    assert (
        run("run", "--resume", "--output", paused.folder, "--corpus", "./pause at 3")[2] == "error: resumed\n"
    )
    assert resume.call_count == 1


def test_a_corpus_that_is_not_there_is_said_by_the_run(run, settings: Settings) -> None:
    code, out, err = run("run", "--corpus", "no-such-corpus", "--base-model", "minilm")
    assert (code, out) == (2, "") and "no-such-corpus" in err.splitlines()[-1]
    assert "Traceback" not in err


def test_an_interruption_cancels_the_run_and_is_exit_code_130(launch, settings: Settings) -> None:
    reached(launch("pause at 1", steps=2), 1)  # has the device, so that the next one stays queued
    process = begin("train", "run", "--corpus", "stdlib", "--workspace", settings.workspace)
    wait_until(lambda: len(list_runs(settings)) == 2)
    (interrupted, _) = list_runs(settings)
    in_line(interrupted)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, interrupted.state().status) == (130, "", "cancelled")
    assert "queued: waiting for cpu" in err and "Traceback" not in err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_run_is_killed_resumed_and_finished(
    base: Path, settings: Settings, small_dataset: Path, tmp_path: Path
) -> None:
    """Batches of 4, twice, and a pair to choose by; the folder becomes a model with a whole loss curve."""
    folder = tmp_path / "model"
    argv = ["run", "--corpus", f"dataset:{small_dataset}", "--base-model", base, "--no-guard"]
    argv += ["--batch-size", 4, "--epochs", 2, "--development", 0.1, "--output", folder]
    argv += ["--workspace", settings.workspace]
    begun = begin("train", *argv)
    wait_until((folder / "events.jsonl").exists)
    run = find_run(str(folder), settings)
    wait_until(lambda: run.last_checkpoint is not None)
    kill(run)
    _, err = begun.communicate(timeout=120)
    assert begun.returncode == 2 and "The process died" in err.splitlines()[-1]

    resumed = begin("train", *argv, "--resume", "--json")
    out, err = resumed.communicate(timeout=480)
    assert resumed.returncode == 0, err
    assert json.loads(out)["status"] == "finished"
    assert steps(run) == [1, 2, 3, 4, 5, 6]
    first, second = [event["resumed_from"] for event in run.state().events if event["type"] == "start"]
    assert first is None and second >= 1
    assert SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode("x").shape == (32,)
