"""Which devices a run has, and in how many processes it trains there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from search_core.encoder.load import Choice
from search_core.settings import Settings
from train import processes
from train.config import defaults
from train.processes import device_variables, process_count, run_devices

CONFIG = defaults("stdlib", "minilm", on_gpu=False, batch_size=64)
CPU = Settings(device="cpu")


def on_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """A machine as torch describes it where there are so many."""
    monkeypatch.setattr(
        processes,
        "choose_backend",
        lambda settings: Choice("torch", settings.device.replace("auto", "cuda"), ""),
    )
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_a_processor_is_one_device_and_one_process_unless_the_settings_ask_for_more() -> None:
    assert run_devices(CPU) == ("cpu",)
    assert process_count(CONFIG, CPU) == 1
    assert process_count(CONFIG, replace(CPU, train_processes=2)) == 2


def test_each_gpu_in_sight_has_a_process_unless_a_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    on_gpus(monkeypatch, 4)
    found = {device: run_devices(Settings(device=device)) for device in ("auto", "cuda", "cuda:2")}
    assert found == {
        "auto": ("cuda:0", "cuda:1", "cuda:2", "cuda:3"),
        "cuda": ("cuda:0",),
        "cuda:2": ("cuda:2",),
    }
    assert process_count(CONFIG, Settings()) == 4
    assert process_count(CONFIG, Settings(device="cuda:2")) == 1
    assert process_count(CONFIG, Settings(train_processes=2)) == 2
    assert process_count(CONFIG, Settings(train_processes=9)) == 4


def test_no_process_is_started_that_would_have_no_equal_share_of_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_gpus(monkeypatch, 7)
    assert process_count(CONFIG, Settings()) == 4  # of 64, seven, six and five have no equal shares
    assert process_count(replace(CONFIG, batch_size=11), Settings()) == 1


@pytest.mark.parametrize(
    ("devices", "visible", "variables"),
    [
        (("cpu",), {}, {}),
        (("cuda:0",), {}, {"CUDA_VISIBLE_DEVICES": "0", "CODESEARCH_DEVICE": "cuda"}),
        (
            ("cuda:1",),
            {"CUDA_VISIBLE_DEVICES": "2, 5"},
            {"CUDA_VISIBLE_DEVICES": "5", "CODESEARCH_DEVICE": "cuda"},
        ),
        (("cuda:0", "cuda:1"), {}, {}),
    ],
)
def test_a_run_on_one_gpu_sees_no_other(devices, visible, variables) -> None:
    assert device_variables(devices, visible) == variables
