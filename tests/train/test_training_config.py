"""A configuration holds every knob of a run, refuses what cannot be, and starts from a recipe."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_core.types import StudioError
from train.config import TrainingConfig, defaults

CONFIG = defaults("stdlib", "minilm", on_gpu=False)


def test_on_a_processor_a_small_model_learns_in_two_large_stepped_passes() -> None:
    assert (CONFIG.corpus, CONFIG.base_model, CONFIG.method) == ("stdlib", "minilm", "full")
    assert (CONFIG.epochs, CONFIG.batch_size, CONFIG.learning_rate) == (2, 64, 1e-4)
    assert (CONFIG.scale, CONFIG.max_length, CONFIG.base_weight) == (20, 160, 0.5)
    assert (CONFIG.hard_negatives, CONFIG.mini_batch_size, CONFIG.development) == (0, None, 0.0)


def test_on_a_gpu_the_recipe_is_the_references() -> None:
    config = defaults("stdlib", "intfloat/e5-base-v2", on_gpu=True)
    assert (config.epochs, config.batch_size, config.learning_rate) == (3, 32, 2e-5)
    assert (config.warmup_steps, config.base_weight, config.max_length) == (100, 0, None)


@pytest.mark.parametrize(("on_gpu", "rate"), [(True, 10 * 2e-5), (False, 10 * 1e-4)])
def test_an_adapter_learns_at_ten_times_the_rate(on_gpu: bool, rate: float) -> None:
    config = defaults("stdlib", "minilm", on_gpu=on_gpu, method="lora")
    assert config.method == "lora"
    assert config.learning_rate == pytest.approx(rate)


def test_what_is_given_wins_over_the_recipe_and_none_is_not_given() -> None:
    given = defaults("stdlib", "minilm", on_gpu=False, method="lora", learning_rate=3e-4, epochs=None)
    assert (given.learning_rate, given.epochs) == (3e-4, 2)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("corpus", " ", "Corpus must be a spec, got ' '."),
        ("base_model", "", "Base model must be a spec, got ''."),
        ("method", "qlora", "Method must be lora or full, got 'qlora'."),
        ("guard", 1, "Guard must be true or false, got 1."),
        ("epochs", 0, "Epochs must be a whole number, at least 1 and at most 1,000, got 0."),
        ("epochs", 2.5, "Epochs must be a whole number, at least 1 and at most 1,000, got 2.5."),
        ("epochs", True, "Epochs must be a whole number, at least 1 and at most 1,000, got True."),
        ("epochs", "2", "Epochs must be a whole number, at least 1 and at most 1,000, got '2'."),
        # One pair alone has nothing to be told from.
        ("batch_size", 1, "Batch size must be a whole number, at least 2 and at most 65,536, got 1."),
        (
            "learning_rate",
            float("nan"),
            "Learning rate must be a number, at least 1e-08 and at most 1, got nan.",
        ),
        # The whole base would be no training.
        ("base_weight", 1.0, "Base weight must be a number, at least 0 and below 1, got 1.0."),
        (
            "max_length",
            7,
            "Max length must be a whole number, at least 8 and at most 32,768, or null, got 7.",
        ),
        ("hard_negatives", -1, "Hard negatives must be a whole number, at least 0 and at most 20, got -1."),
        (
            "warmup_steps",
            1.5,
            "Warmup steps must be a whole number of steps, or below 1 a share of all steps",
        ),
        ("evaluation_steps", 2.5, "Evaluation steps must be a whole number of steps, or below 1 a share"),
        ("mini_batch_size", 65, r"Mini batch size (65) must not exceed batch size (64), which it divides."),
        ("seed", None, "Seed must be a whole number, at least 0"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_sentence(name: str, value: Any, message: str) -> None:
    with pytest.raises(StudioError) as refused:
        replace(CONFIG, **{name: value})
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_two_ways_to_save_memory_are_one_too_many() -> None:
    assert replace(CONFIG, mini_batch_size=16).mini_batch_size == 16
    assert replace(CONFIG, gradient_checkpointing=True).gradient_checkpointing
    with pytest.raises(StudioError, match="do not work together"):
        replace(CONFIG, mini_batch_size=16, gradient_checkpointing=True)


@pytest.mark.parametrize(
    "config",
    [CONFIG, defaults("dataset:a/b", "intfloat/e5-base-v2", on_gpu=True, method="lora", seed=7, guard=False)],
)
def test_a_configuration_reads_back_as_it_was_written(config: TrainingConfig, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(config.to_json())
    assert TrainingConfig.read(path) == config


def test_the_recipes_batch_fits_the_pairs_there_are_and_a_given_one_stays() -> None:
    recipe = defaults("stdlib", "minilm", on_gpu=False, mini_batch_size=16)
    fitted = recipe.fitted_to(7)
    assert (fitted.batch_size, fitted.mini_batch_size, fitted.recipe_batch_size) == (7, 7, 64)
    assert fitted.fitted_to(9).batch_size == 9  # resumed on a corpus that has grown
    assert recipe.fitted_to(1_000) == recipe
    assert recipe.fitted_to(1).batch_size == 2  # which training then refuses
    given = defaults("stdlib", "minilm", on_gpu=False, batch_size=64)
    assert given.fitted_to(7) == given


def test_a_knob_that_an_older_file_lacks_has_its_default(tmp_path: Path) -> None:
    older = json.loads(CONFIG.to_json())
    del older["recipe_batch_size"], older["patience"]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(older))
    assert TrainingConfig.read(path) == replace(CONFIG, recipe_batch_size=None, patience=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("{", "no readable training configuration"),
        ("[1]", "no training configuration of this version"),
        (json.dumps({"learning_rate": 1e-4, "momentum": 1}), "missing or unknown: .*epochs.*momentum"),
        (CONFIG.to_json().replace("160", "7"), "Max length must be"),
    ],
)
def test_an_unusable_file_is_refused_and_named(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StudioError, match=message):
        TrainingConfig.read(path)
