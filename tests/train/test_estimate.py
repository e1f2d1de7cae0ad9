"""How long a run will take, before it is started."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from search_core.settings import Settings
from search_core.types import StudioError
from tests.train.tuning import pair, tiny
from train.config import TrainingConfig, defaults
from train.estimate import (
    CHARACTERS_PER_TOKEN,
    STARTUP_S,
    encoder_parameters,
    estimate,
    product_flops,
)
from train.events import EventLog, FinishEvent, QueuedEvent, StartEvent, StepEvent
from train.run import CONFIG, Run

SAMPLE = [pair("q" * int(10 * CHARACTERS_PER_TOKEN), "p" * int(100 * CHARACTERS_PER_TOKEN))]
CPU = Settings(device="cpu")


def config(**given: object) -> TrainingConfig:
    return defaults("code", "minilm", on_gpu=False, **{"epochs": 2, "guard": False, **given})


def earlier(folder: Path, config: TrainingConfig, pace: float = 20.0, finished: bool = True) -> Run:
    """A run whose steps came at 100 s and 110 s after its start, and whose end came at 130 s."""
    folder.mkdir()
    folder.joinpath(CONFIG).write_text(config.to_json())
    run = Run(folder.name, folder)
    run.log.append(QueuedEvent(t=0, device="cpu", pid=1, process_started=1.0))
    run.log.append(StartEvent(t=0))
    for step, t in ((1, 100), (2, 110)):
        run.log.append(
            StepEvent(t=t, step=step, epoch=step, loss=1.0, learning_rate=1e-4, pairs_per_s=pace * step / 2)
        )
    if finished:
        EventLog(run.log.path).append(FinishEvent(t=130))
    return run


def test_a_run_like_this_one_tells_how_long_it_takes(tmp_path: Path) -> None:
    like = earlier(tmp_path / "like", config())
    found = estimate(config(), 300, SAMPLE, 1_000, [like], CPU)
    assert found.training_s == 2 * 300 / 20  # two epochs at its pace, the first step left out
    assert found.measuring_s == 130 - 10  # all but its steps
    assert found.like == "like"


@pytest.mark.parametrize(
    "other",
    [{"method": "lora"}, {"max_length": 64}, {"base_model": "studio"}],
    ids=["another method", "another length", "another model"],
)
def test_a_run_of_another_kind_tells_nothing(tmp_path: Path, other: dict[str, object]) -> None:
    unlike = earlier(tmp_path / "unlike", replace(config(), **other))  # type: ignore[arg-type]
    assert estimate(config(), 300, SAMPLE, 1_000, [unlike], CPU).like is None


def test_hard_negatives_take_their_time(tmp_path: Path) -> None:
    like = earlier(tmp_path / "like", config())
    found = estimate(config(hard_negatives=2), 300, SAMPLE, 1_000, [like], CPU)
    assert found.pairs_per_s == 20 * 2 / 4  # texts of a pair: two before, four now


def test_pairs_that_are_kept_out_are_not_trained_on(tmp_path: Path) -> None:
    like = earlier(tmp_path / "like", config())
    found = estimate(config(development=0.1), 300, SAMPLE, 1_000, [like], CPU)
    assert found.training_s == pytest.approx(2 * 270 / 20)


def test_measuring_on_another_corpus_goes_by_the_documents_at_the_earlier_pace(tmp_path: Path) -> None:
    like = earlier(tmp_path / "like", replace(config(), corpus="other"))
    found = estimate(config(), 300, SAMPLE, 1_100, [like], CPU)
    # 20 pairs a second of 110 tokens, three passes each; both measurements encode 1,100 functions of 100.
    assert found.measuring_s == pytest.approx(STARTUP_S + 2 * 1_100 * 100 / (20 * 110 * 3), rel=0.01)


def test_without_an_earlier_run_the_models_size_and_a_measured_product_decide() -> None:
    found = estimate(config(), 300, SAMPLE, 1_000, [], CPU)
    parameters = 6 * (4 * 384 * 384 + 2 * 384 * 1536)
    assert found.like is None
    assert found.pairs_per_s == pytest.approx(product_flops("cpu") / (6 * parameters * 110), rel=0.01)
    assert product_flops("cpu") > 1e9


def test_a_models_size_is_that_of_its_layers(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "model")
    shape = json.loads((folder / "config.json").read_text())
    width, inner = shape["hidden_size"], shape["intermediate_size"]
    per_layer = 4 * width * width + 2 * width * inner
    assert encoder_parameters(folder) == shape["num_hidden_layers"] * per_layer


def test_a_model_that_does_not_tell_its_size_has_no_estimate(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 384}')
    with pytest.raises(StudioError, match=r"does not tell the model's size"):
        encoder_parameters(tmp_path)
