"""Training throughput: ours against sentence-transformers' trainer with its defaults, and on a GPU.

    python -m benchmarks.training [--steps N]
    python -m benchmarks.training --gpu

On a processor, full fine-tuning of `minilm` on CoSQA's pairs, batch 32, the same batches in the same
order. Dropout is off for both, so that the two loss curves can be compared: they must be equal
within 1%. On a GPU, the reference recipe's three epochs over 9,020 pairs, with its evaluations and
checkpoints, of a model of e5-base's shape and random weights: time, and share of the chip's peak.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accelerator import encoding_flops, has_gpu, random_bert, shown_rate
from benchmarks.development_data import cosqa, cosqa_folder
from benchmarks.encoding import read_texts
from search_core.settings import Settings
from train.config import TrainingConfig, defaults
from train.events import Event, StepEvent
from train.pairs import Pair, load_pairs

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH_SIZE = 32
WARM_UP_STEPS = 1
TARGET = 1.5
GPU_PAIRS = 9_020
"""As many as the reference project trained on."""
GPU_DEVELOPMENT_PAIRS = 902
GPU_TARGET_S = 60
BACKWARD = 2
"""Arithmetic of the backward pass, in forward passes."""


@dataclass
class Curve:
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def told(self, event: Event) -> None:
        if isinstance(event, StepEvent) and event.loss is not None:
            self.losses.append(event.loss)
            self.seconds.append(BATCH_SIZE / event.pairs_per_s)

    @property
    def pairs_per_s(self) -> float:
        counted = self.seconds[WARM_UP_STEPS:]
        return BATCH_SIZE * len(counted) / sum(counted)


Train = Callable[[Sequence[Pair], TrainingConfig, Settings, Path, Curve], None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--gpu", action="store_true", help="measure a GPU instead of the processor")
    arguments = parser.parse_args()
    if not arguments.gpu:
        processor(cosqa(), arguments.steps)
    elif has_gpu():
        gpu(cosqa_folder())
    else:
        print("skipped: there is no CUDA device")


def processor(spec: str, steps: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings.from_environment(workspace=Path(scratch, "workspace"), device="cpu")
        pairs = _distinct(load_pairs(spec, settings).pairs)[: steps * BATCH_SIZE]
        config = replace(
            defaults(spec, "minilm", on_gpu=False, batch_size=BATCH_SIZE, epochs=1, evaluation_steps=1_000),
            max_length=None,
        )
        curves = {}
        for name, train in (("sentence-transformers", theirs), ("ours", ours)):
            curves[name] = Curve()
            train(pairs, config, settings, Path(scratch, name), curves[name])
            print(f"{name:22} {curves[name].pairs_per_s:6.1f} pairs/s  losses {_shown(curves[name].losses)}")
    ratio = curves["ours"].pairs_per_s / curves["sentence-transformers"].pairs_per_s
    apart = max(
        abs(a - b) / a
        for a, b in zip(curves["sentence-transformers"].losses, curves["ours"].losses, strict=True)
    )
    print(f"ours is {ratio:.2f} times as fast (target {TARGET}), losses differ by at most {100 * apart:.3f}%")


def gpu(data: Path) -> None:
    from train.trainer import fine_tune, load_trainable

    queries, functions = read_texts(data / "queries.jsonl"), read_texts(data / "corpus.jsonl")
    pairs = [
        Pair(f"{queries[n % len(queries)]} {n}", f"{functions[n % len(functions)]}\n# {n}", str(n))
        for n in range(GPU_PAIRS + GPU_DEVELOPMENT_PAIRS)
    ]
    training, development = pairs[:GPU_PAIRS], pairs[GPU_PAIRS:]
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings.from_environment(workspace=Path(scratch, "workspace"))
        folder = Path(scratch, "model")
        reference = random_bert(folder)
        config = defaults(f"dataset:{data}", str(folder), on_gpu=True)
        model = load_trainable(config.base_model, settings)
        curve = Curve()
        started = time.perf_counter()
        outcome = fine_tune(model, training, development, config, Path(scratch, "checkpoints"), curve.told)
        seconds = time.perf_counter() - started
    asked = [text for pair in training for text in (pair.query, pair.positive)]
    arithmetic = (1 + BACKWARD) * encoding_flops(reference, asked) * config.epochs
    print(f"e5-base-sized model, {GPU_PAIRS:,} pairs, {config.epochs} epochs, batch {config.batch_size}")
    print(f"{outcome.total_steps:,} steps in {seconds:.1f} s (target {GPU_TARGET_S}): loss {_ends(curve)}")
    print(f"with evaluations and checkpoints {shown_rate(arithmetic / seconds)}")
    print(f"the steps alone, {sum(curve.seconds):.1f} s: {shown_rate(arithmetic / sum(curve.seconds))}")


def ours(
    pairs: Sequence[Pair], config: TrainingConfig, settings: Settings, folder: Path, curve: Curve
) -> None:
    from train.trainer import fine_tune, load_trainable

    model = load_trainable(config.base_model, settings)
    _without_dropout(model)
    fine_tune(model, pairs, [], config, folder / "checkpoints", curve.told)


def theirs(
    pairs: Sequence[Pair], config: TrainingConfig, settings: Settings, folder: Path, curve: Curve
) -> None:
    """Its own attention, collator and loss, with our batches, optimizer and measurement."""
    from unittest.mock import patch

    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.data_collator import BaseDataCollator
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    from search_core.encoder import model_folder
    from train import trainer

    torch.set_num_threads(settings.thread_count)
    model = SentenceTransformer(str(model_folder(config.base_model, settings)), device="cpu")
    _without_dropout(model)
    with (
        patch.object(trainer, "TokenCollator", lambda model, *_: BaseDataCollator(model.preprocess)),
        patch.object(
            trainer, "ranking_loss", lambda model, scale, *_, **__: MultipleNegativesRankingLoss(model, scale)
        ),
    ):
        trainer.fine_tune(model, pairs, [], config, folder / "checkpoints", curve.told)


def _without_dropout(model: SentenceTransformer) -> None:
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0


def _distinct(pairs: Sequence[Pair]) -> list[Pair]:
    """One pair for each function, so that every batch is full."""
    return list({pair.positive_key: pair for pair in pairs}.values())


def _ends(curve: Curve) -> str:
    """The mean loss of the first and of the last ten steps."""
    first, last = (sum(part) / len(part) for part in (curve.losses[:10], curve.losses[-10:]))
    return f"{first:.3f} → {last:.3f}"


def _shown(losses: Sequence[float]) -> str:
    return " ".join(f"{loss:.4f}" for loss in losses)


if __name__ == "__main__":
    main()
