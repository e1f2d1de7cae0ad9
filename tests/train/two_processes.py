"""What each of two processes does: train, and write down what it saw. Arguments: base model, folder."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import torch

from tests.train.tuning import CPU, PAIRS, recipe
from train import trainer
from train.events import Event, StepEvent
from train.trainer import fine_tune, load_trainable


def main(base: Path, folder: Path) -> None:
    trainer.working_dtype = lambda _: torch.float32  # in bf16 halves of a batch do not round as the whole
    events: list[Event] = []
    model = load_trainable(str(base), CPU)
    fine_tune(model, PAIRS, [], recipe(base), folder / "checkpoints", events.append)
    digest = hashlib.sha256()
    for tensor in model.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    losses = [event.loss for event in events if isinstance(event, StepEvent)]
    seen = {"losses": losses, "weights": digest.hexdigest()}
    (folder / f"rank-{os.environ['RANK']}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
