"""Training: what a step is, what is told of it, when it ends, and how it goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from search_core.types import StudioError
from tests.train.tuning import CPU, PAIRS, pair, recipe, tiny
from train import trainer
from train.collator import TokenCollator, pair_table
from train.events import CheckpointEvent, EvaluationEvent, Event, StepEvent
from train.loss import SortedRankingLoss
from train.trainer import Outcome, fine_tune, load_trainable


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without dropout, so that a loss depends on nothing but weights and texts."""
    folder = tiny(tmp_path_factory.mktemp("base"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def train(base: Path, tmp_path: Path) -> Callable[..., tuple[SentenceTransformer, Outcome, list[Event]]]:
    """Fine-tune the tiny model; gives it, the outcome and the events."""

    def run(folder: str = "run", development: int = 0, stop_at: int = 0, resume: bool = False, **given: Any):
        events: list[Event] = []
        asked = iter(range(1, 1_000))  # once after each step
        model = load_trainable(str(base), CPU)
        checkpoints = tmp_path / folder / "checkpoints"
        outcome = fine_tune(
            model,
            PAIRS[development:],
            PAIRS[:development],
            recipe(base, **given),
            checkpoints,
            events.append,
            should_stop=lambda: next(asked) == stop_at,
            resume=resume,
        )
        return model, outcome, events

    return run


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processor computes in bf16, batches that are cut otherwise are rounded otherwise."""
    monkeypatch.setattr(trainer, "working_dtype", lambda _: torch.float32)


def steps(events: list[Event]) -> list[StepEvent]:
    return [event for event in events if isinstance(event, StepEvent)]


def losses(events: list[Event]) -> dict[int, float | None]:
    return {event.step: event.loss for event in steps(events)}


def features(model: SentenceTransformer, pairs: list) -> list[dict[str, torch.Tensor]]:
    batch = TokenCollator(model, pairs, None)(list(pair_table(pairs)))
    columns = list(pair_table(pairs).column_names)
    return [
        {
            name.removeprefix(f"{column}_"): tensor
            for name, tensor in batch.items()
            if name.startswith(f"{column}_")
        }
        for column in columns
    ]


def test_sorting_by_length_changes_neither_the_loss_nor_its_gradients(base: Path) -> None:
    pairs = [pair(one.query, one.positive, PAIRS[-1 - n].positive + " no") for n, one in enumerate(PAIRS)]
    values, gradients = [], []
    for kind in (MultipleNegativesRankingLoss, SortedRankingLoss):
        model = load_trainable(str(base), CPU)
        loss = kind(model, scale=20.0)(features(model, pairs), None)
        loss.backward()
        values.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert values[1] == pytest.approx(values[0], rel=1e-5)
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-3, atol=1e-5 * gradients[0].abs().max().item())


def test_tokens_are_those_of_sentence_transformers_with_the_models_prompts(tmp_path: Path) -> None:
    folder = tiny(tmp_path, prompts={"query": "ask: ", "document": "code: "})
    model = load_trainable(str(folder), CPU)
    query, positive = features(model, PAIRS[:3])
    for found, texts, prompt in (
        (query, [one.query for one in PAIRS[:3]], "ask: "),
        (positive, [one.positive for one in PAIRS[:3]], "code: "),
    ):
        expected = model.preprocess(texts, prompt=prompt)
        assert found["input_ids"].tolist() == expected["input_ids"].tolist()
        assert found["attention_mask"].tolist() == expected["attention_mask"].tolist()


def test_texts_are_cut_to_the_training_length(base: Path) -> None:
    model = load_trainable(str(base), CPU)
    batch = TokenCollator(model, PAIRS, max_length=8)(list(pair_table(PAIRS)))
    assert batch["positive_input_ids"].shape == (16, 8)


def test_each_step_is_told_as_it_was(train) -> None:
    _, outcome, events = train()
    told = steps(events)
    assert [event.step for event in told] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [event.epoch for event in told] == [step / 4 for step in range(1, 9)]
    # One step of warm-up (0.1 of 8, rounded up), then linearly to zero.
    assert [event.learning_rate for event in told] == pytest.approx(
        [0] + [1e-3 * n / 7 for n in range(7, 0, -1)]
    )
    assert all(event.pairs_per_s > 0 for event in told)
    assert outcome.total_steps == 8
    assert not outcome.stopped


def test_one_seed_gives_the_same_losses_twice_and_another_seed_others(train) -> None:
    first, again, other = (losses(train(f"run-{n}", seed=seed)[2]) for n, seed in enumerate((1, 1, 2)))
    assert first == again
    assert first != other


def test_training_lowers_the_loss(train) -> None:
    _, _, events = train(epochs=20, learning_rate=1e-2, evaluation_steps=80)
    assert sum(losses(events)[step] for step in range(77, 81)) < 0.8 * sum(
        losses(events)[step] for step in range(1, 5)
    )


def test_no_text_is_twice_in_a_batch(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that answers two queries is never its own negative: they do not meet."""
    batches: list[list[str]] = []

    class Recording(TokenCollator):
        def __call__(self, rows):
            batches.append([text for row in rows for text in row.values()])
            return super().__call__(rows)

    monkeypatch.setattr(trainer, "TokenCollator", Recording)
    pairs = [pair("a b", "shared"), pair("c d", "shared"), pair("e f", "other"), pair("g h", "more")]
    model = load_trainable(str(base), CPU)
    fine_tune(model, pairs, [], recipe(base, epochs=3), tmp_path / "checkpoints", lambda _: None)
    assert len(batches) >= 3
    assert all(len(set(texts)) == len(texts) for texts in batches)


def test_the_best_checkpoint_on_the_development_pairs_is_what_stays(train) -> None:
    _, outcome, events = train(development=4, learning_rate=0.3, epochs=4)
    evaluations = {e.step: e.metrics["loss"] for e in events if isinstance(e, EvaluationEvent)}
    assert outcome.best_step == min(evaluations, key=evaluations.__getitem__)
    kept = [e.path for e in events if isinstance(e, CheckpointEvent) and e.step == outcome.best_step]
    assert kept == [f"checkpoints/checkpoint-{outcome.best_step}"]


def test_the_weights_are_those_of_the_best_checkpoint(train, tmp_path: Path) -> None:
    model, outcome, _ = train(development=4, learning_rate=0.3, epochs=4)
    best = load_trainable(str(tmp_path / f"run/checkpoints/checkpoint-{outcome.best_step}"), CPU)
    state = model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in best.state_dict().items())


def test_training_ends_early_when_the_development_loss_no_longer_falls(train) -> None:
    _, outcome, _ = train(development=4, learning_rate=0.3, epochs=50, patience=1)
    assert outcome.total_steps < 150
    assert not outcome.stopped


def test_a_run_that_is_asked_to_stop_leaves_a_checkpoint_and_goes_on_from_there_as_if_nothing_had_been(
    train,
) -> None:
    _, _, whole = train("whole")
    _, outcome, first = train("parts", stop_at=3)
    assert outcome.stopped
    assert outcome.total_steps == 3
    assert [e.step for e in first if isinstance(e, CheckpointEvent)][-1] == 3
    _, _, second = train("parts", resume=True)
    assert losses(first) | losses(second) == pytest.approx(losses(whole), abs=1e-6)
    assert min(losses(second)) == 4


def test_a_batch_larger_than_the_data_is_refused(train) -> None:
    with pytest.raises(StudioError, match="17 is larger than the 16 pairs"):
        train(batch_size=17)


def test_a_loss_that_is_no_number_ends_training_and_says_so(base: Path, tmp_path: Path) -> None:
    model = load_trainable(str(base), CPU)
    next(model.parameters()).data.fill_(float("nan"))
    events: list[Event] = []
    with pytest.raises(StudioError, match="no longer a number at step 1"):
        fine_tune(model, PAIRS, [], recipe(base), tmp_path / "checkpoints", events.append)
    (step,) = steps(events)
    assert step.as_dict()["loss"] is None


def test_lora_trains_nothing_but_its_own_small_matrices(train, base: Path) -> None:
    model, _, _ = train(method="lora", lora_rank=2, learning_rate=1e-2)
    before = load_trainable(str(base), CPU).state_dict()
    after = {name.replace(".base_layer", ""): tensor for name, tensor in model.state_dict().items()}
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert any(tensor.any() for name, tensor in after.items() if "lora_B" in name)


def test_lora_goes_on_after_a_stop_too(train) -> None:
    given = {"method": "lora", "learning_rate": 1e-2}
    _, _, whole = train("whole", **given)
    _, _, first = train("parts", stop_at=4, **given)
    _, _, second = train("parts", resume=True, **given)
    assert losses(first) | losses(second) == pytest.approx(losses(whole), abs=1e-6)


@pytest.mark.usefixtures("in_float32")
@pytest.mark.parametrize("given", [{"mini_batch_size": 2}, {"gradient_checkpointing": True}])
def test_ways_to_save_memory_change_no_loss(train, given) -> None:
    plain = losses(train("plain")[2])
    saving = losses(train("saving", **given)[2])
    assert saving == pytest.approx(plain, rel=1e-3)


@pytest.mark.usefixtures("in_float32")
def test_two_processes_share_each_batch_so_their_steps_are_those_of_one(
    train, base: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    script = Path(__file__).parent / "two_processes.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [*command, "--nproc-per-node", "2", str(script), str(base), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    told = [json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1)]
    alone = losses(train("alone")[2])
    assert told[0]["losses"] == pytest.approx(list(alone.values()), rel=1e-4)
    assert told[1]["losses"] == []  # the first one tells
    assert told[0]["weights"] == told[1]["weights"]
