"""Training throughput on a processor: ours against sentence-transformers' trainer with its defaults.

    python -m benchmarks.training [--steps N]

Full fine-tuning of `minilm` on CoSQA's pairs, batch 32, the same batches in the same order. Dropout
is off for both, so that the two loss curves can be compared: they must be equal within 1%.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search_core.settings import Settings
from train.config import TrainingConfig, defaults
from train.events import Event, StepEvent
from train.pairs import Pair, load_pairs

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH_SIZE = 32
WARM_UP_STEPS = 1
TARGET = 1.5


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
    parser = argparse.ArgumentParser(description="Compare training speed with sentence-transformers'.")
    parser.add_argument("--steps", type=int, default=6)
    steps = parser.parse_args().steps
    data = os.environ.get("CODESEARCH_DATASETS")
    if not data:
        print("skipped: CODESEARCH_DATASETS names no folder with the development data")
        return
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings.from_environment(workspace=Path(scratch, "workspace"), device="cpu")
        spec = f"dataset:{data}/cosqa"
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


def _shown(losses: Sequence[float]) -> str:
    return " ".join(f"{loss:.4f}" for loss in losses)


if __name__ == "__main__":
    main()
