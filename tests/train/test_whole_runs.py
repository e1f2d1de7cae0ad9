"""Whole runs by the real command line on some fifty functions: every part at once, none replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import torch
from huggingface_hub import ModelCard
from sentence_transformers import SentenceTransformer

from search_core.encoder import model_folder
from search_core.settings import Settings
from tests.fake_hub import FakeHub
from tests.train.publisher import REPO, TOKEN
from tests.train.runs import ended, kill, reached, steps, wait_until, worker_of
from train.run import Run, cancel, find_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ON_CPU = {"CODESEARCH_DEVICE": "cpu", "CODESEARCH_BACKEND": "torch"}


def command(*argv: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """`python -m train`, and what it said."""
    return subprocess.run(
        [sys.executable, "-m", "train", *map(str, argv)],
        env={**os.environ, **ON_CPU, **variables},
        capture_output=True,
        text=True,
        timeout=500,
    )


@pytest.fixture(scope="module")
def workspace(model_workspace: Path) -> Path:
    return model_workspace


class Whole(NamedTuple):
    """A run, and what its command said."""

    run: Run
    out: str
    err: str


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, workspace: Path, small_dataset: Path) -> Whole:
    """An adapter of minilm, on pairs with a hard negative each, in a batch of all: the recipe's is 64."""
    folder = tmp_path_factory.mktemp("runs") / "lora"
    options = ["--method", "lora", "--lora-rank", 2, "--hard-negatives", 1, "--learning-rate", 0.01]
    options += ["--epochs", 3, "--no-guard", "--output", folder, "--workspace", workspace]
    done = command("run", "--corpus", f"dataset:{small_dataset}", "--base-model", "minilm", *options)
    assert done.returncode == 0, done.stderr
    return Whole(find_run(str(folder), Settings(workspace=workspace)), done.stdout, done.stderr)


@pytest.fixture(scope="module")
def lora_run(whole: Whole) -> Run:
    return whole.run


def test_an_adapter_is_trained_on_pairs_with_hard_negatives(lora_run: Run, workspace: Path) -> None:
    assert lora_run.state().status == "finished"
    pairs = lora_run.pairs
    assert pairs is not None and pairs["counts"]["too_few_negatives"] == 0
    assert steps(lora_run) == [1, 2, 3]
    folders = (str(lora_run.folder), str(lora_run.folder / "adapter"), "minilm")
    settings = Settings(workspace=workspace)
    merged, rebuilt, before = (
        torch.tensor(
            SentenceTransformer(str(model_folder(one, settings)), device="cpu").encode("open a file")
        )
        for one in folders
    )
    change = (merged - before).abs().max()
    assert change > 1e-3
    assert (merged - rebuilt).abs().max() < change / 10  # the adapter is kept in half precision


def test_a_finished_run_keeps_nothing_to_resume_from_and_says_so(lora_run: Run, workspace: Path) -> None:
    assert not lora_run.checkpoints.exists()
    assert not list(lora_run.folder.glob(".*.gz"))
    done = command("run", "--resume", "--output", lora_run.folder, "--workspace", workspace)
    assert done.returncode == 2 and "has finished: there is nothing to resume" in done.stderr


def test_show_says_which_step_was_kept_and_why_there_is_no_guard(lora_run: Run, workspace: Path) -> None:
    shown = command("show", lora_run.folder, "--workspace", workspace).stdout
    assert f"kept      step {steps(lora_run)[-1]}, the last\n" in shown
    assert "guard     nothing measured: switched off with --no-guard\n" in shown


def test_model_and_adapter_replace_each_other_in_one_repository(
    lora_run: Run, workspace: Path, hub: FakeHub, tmp_path: Path
) -> None:
    """The three commands as a user gives them: the model, its adapter instead, the model again."""

    def publish(*options: str) -> tuple[dict[str, bytes], ModelCard]:
        environment = hub.environment(tmp_path / "cache") | {"HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}
        argv = ["publish", lora_run.folder, "--repo-id", REPO, *options, "--workspace", workspace]
        done = command(*argv, **environment)
        assert (done.returncode, done.stdout) == (0, f"{hub.url}/{REPO}\n"), done.stderr
        held = hub.files(REPO)
        return held, ModelCard(held["README.md"].decode())

    weights = lora_run.folder.joinpath("model.safetensors").read_bytes()
    model_only = {
        "model.safetensors",
        "config.json",
        "modules.json",
        "tokenizer.json",
        "1_Pooling/config.json",
    }
    adapter_only = {"adapter_config.json", "adapter_model.safetensors"}

    held, card = publish()
    assert model_only <= held.keys() and not adapter_only & held.keys()
    assert held["model.safetensors"] == weights
    assert (card.data.get("library_name"), card.data.get("base_model_relation")) == (
        "sentence-transformers",
        "finetune",
    )

    held, card = publish("--adapter")
    assert adapter_only <= held.keys() and not model_only & held.keys()
    assert (card.data.get("library_name"), card.data.get("base_model_relation")) == ("peft", "adapter")

    held, card = publish()
    assert model_only <= held.keys() and not adapter_only & held.keys()
    assert held["model.safetensors"] == weights
    assert card.data.get("base_model_relation") == "finetune"


def test_the_recipes_batch_is_lowered_to_the_pairs_there_are(whole: Whole) -> None:
    run = whole.run
    assert run.pairs is not None
    pairs = run.pairs["training"]
    assert pairs < 64  # the recipe's batch
    assert f"batches of {pairs}, not 64: there are no more pairs\n" in whole.err
    assert f"batches of {pairs} (the recipe's 64 are more than there are pairs)" in whole.out
    info = json.loads(run.folder.joinpath("training_info.json").read_text())
    assert info["batch_size"] == run.config.batch_size == pairs


@pytest.mark.full
def test_a_batch_that_was_given_is_refused_where_there_are_fewer_pairs(
    lora_run: Run, base: Path, workspace: Path, small_dataset: Path, tmp_path: Path
) -> None:
    """In two processes, too, each of which would see half a batch."""
    argv = ["run", "--corpus", f"dataset:{small_dataset}", "--base-model", base, "--no-guard"]
    argv += ["--workspace", workspace, "--output", tmp_path / "given", "--batch-size", 64]
    refused = command(*argv, CODESEARCH_TRAIN_PROCESSES="2")
    assert lora_run.pairs is not None and refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(
        f"error: A batch of 64 is larger than the {lora_run.pairs['training']} pairs to train on"
    )


@pytest.mark.full
def test_a_run_in_two_processes_is_cancelled_killed_resumed_and_finished(
    base: Path, workspace: Path, small_dataset: Path, tmp_path: Path
) -> None:
    folder, settings = tmp_path / "model", Settings(workspace=workspace)
    two = {"CODESEARCH_TRAIN_PROCESSES": "2"}
    argv = ["run", "--corpus", f"dataset:{small_dataset}", "--base-model", base, "--no-guard", "--epochs", 40]
    argv += ["--batch-size", 4, "--development", 0.1, "--output", folder, "--workspace", workspace]

    def begin(*options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "train", *map(str, argv), *options],
            env={**os.environ, **ON_CPU, **two},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def processes(run: Run) -> list[psutil.Process]:
        leader = psutil.Process(worker_of(run).pid)
        return [one for one in leader.children(recursive=True) if "train.rank" in one.cmdline()]

    begun = begin()
    wait_until((folder / "events.jsonl").exists)
    run = reached(find_run(str(folder), settings), 3)
    ranks = processes(run)
    assert len(ranks) == 2
    cancel(run)
    assert begun.wait(60) == 130
    assert run.state().events[-2]["type"] == "checkpoint"
    assert run.last_checkpoint == steps(run)[-1]
    assert not any(one.is_running() for one in ranks)

    first = steps(run)[-1]
    begun = begin("--resume")
    reached(run, first + 3)
    ranks = processes(run)
    kill(run)
    wait_until(lambda: not any(one.is_running() and one.status() != "zombie" for one in ranks))
    assert begun.wait(60) == 2 and run.state().status == "failed"

    resumed = command(*argv, "--resume", **two)
    assert resumed.returncode == 0, resumed.stderr
    assert ended(run).status == "finished"
    per_epoch = run.pairs["training"] // 4  # an incomplete batch is left out
    assert steps(run) == list(range(1, 40 * per_epoch + 1))
    evaluated = [event["step"] for event in run.state().events if event.get("phase") == "during"]
    assert evaluated == [30, 60, 90, 120]  # one pair, less than a batch; a quarter of the way each
    assert SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode("x").shape == (32,)
