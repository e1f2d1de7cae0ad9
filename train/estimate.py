"""How long a run will take on this machine: by its own earlier runs, else by the model's size."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from search_core.encoder import model_folder
from search_core.encoder.load import choose_backend
from search_core.settings import Settings
from search_core.types import StudioError
from train.config import TrainingConfig
from train.events import session
from train.pairs import Pair
from train.processes import run_devices
from train.run import Run

CHARACTERS_PER_TOKEN = 3.2
"""Of code, in the word pieces of BERT's vocabulary."""
TRAINING_PASSES, ENCODING_PASSES = 6, 2
"""Operations a parameter and token: forward and backward, or forward alone (Kaplan et al., 2020)."""
GUARD_DOCUMENTS = 2_000
"""Held-out functions of the standard library, about."""
STARTUP_S = 15.0
"""Imports, loading and converting the model, twice."""
PRODUCT_SIZE, PRODUCT_S = 1024, 0.2


@dataclass(frozen=True)
class Estimate:
    """measuring_s: everything that is not training: loading, the figures before and after, the guard.

    like: id of the earlier run whose pace it is; None where it goes by the model's size.
    """

    training_s: float
    measuring_s: float
    pairs_per_s: float
    like: str | None

    @property
    def total_s(self) -> float:
        return self.training_s + self.measuring_s


def estimate(
    config: TrainingConfig,
    pairs: int,
    sample: Sequence[Pair],
    documents: int,
    earlier: Iterable[Run],
    settings: Settings,
) -> Estimate:
    """About how long a run will take.

    pairs: how many there are, of which `sample` are some. documents: of the corpus.
    earlier: runs of this machine, the newest first; one of the same base model, method and length
    on the same device tells the pace, and if it was on the same corpus with the same guard, the rest.
    Without one, the base model's weights have to be here, and its size in config.json.

    Raises StudioError where the size cannot be told.
    """
    passed = config.epochs * pairs * (1 - config.development)
    like = next((run for run in earlier if _is_alike(run, config, settings)), None)
    if like:
        shorter = (2 + like.config.hard_negatives) / (2 + config.hard_negatives)  # texts of a pair
        pace = shorter * statistics.median(_paces(like))
        measuring_s = _measured_s(like, config)
        if measuring_s is not None:
            return Estimate(passed / pace, measuring_s, pace, like.id)
    size = encoder_parameters(model_folder(config.base_model, settings))
    query, function = _mean_tokens(sample, config.max_length)
    work = TRAINING_PASSES * size * (query + (1 + config.hard_negatives) * function)  # of a pair
    if like:
        flops = pace * work
    else:
        flops = product_flops(choose_backend(settings).device)
        pace = flops / work
    encoded = 2 * documents + config.guard * 2 * GUARD_DOCUMENTS  # before and after
    measuring_s = STARTUP_S + encoded * ENCODING_PASSES * size * function / flops
    return Estimate(passed / pace, measuring_s, pace, like.id if like else None)


def encoder_parameters(folder: Path) -> int:
    """Of a transformer's layers, which every token passes through; embeddings are looked up.

    Attention has four square matrices a layer, the network behind it two.
    Raises StudioError where config.json does not tell.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        width, inner = config["hidden_size"], config["intermediate_size"]
        return int(config["num_hidden_layers"] * (4 * width * width + 2 * width * inner))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudioError(f"{folder / 'config.json'} does not tell the model's size.") from error


@cache
def product_flops(device: str) -> float:
    """Floating-point operations a second in the fastest product of two square float32 matrices here.

    device: a torch device; the processor is measured without torch. Takes about a fifth of a second.
    """
    multiply = _product() if device == "cpu" else _torch_product(device)
    multiply()
    begun, took_s = time.perf_counter(), list[float]()
    while not took_s or time.perf_counter() - begun < PRODUCT_S:
        started = time.perf_counter()
        multiply()
        took_s.append(time.perf_counter() - started)
    return float(2 * PRODUCT_SIZE**3 / min(took_s))


def _product() -> Callable[[], object]:
    square = np.ones((PRODUCT_SIZE, PRODUCT_SIZE), np.float32)
    return lambda: square @ square


def _torch_product(device: str) -> Callable[[], object]:
    import torch

    square = torch.ones(PRODUCT_SIZE, PRODUCT_SIZE, device=device)
    return lambda: (square @ square)[0, 0].item()  # to read a number is to wait for it


def _mean_tokens(sample: Sequence[Pair], max_length: int | None) -> tuple[float, float]:
    """Of a query and of a function, about."""

    def mean(texts: Iterable[str]) -> float:
        return statistics.fmean(
            min(len(text) / CHARACTERS_PER_TOKEN, max_length or math.inf) for text in texts
        )

    return mean(pair.query for pair in sample), mean(pair.positive for pair in sample)


def _is_alike(run: Run, config: TrainingConfig, settings: Settings) -> bool:
    try:
        theirs, queued = run.config, run.queued
    except StudioError:  # damaged: nothing to go by
        return False
    return (
        (theirs.base_model, theirs.method, theirs.max_length)
        == (config.base_model, config.method, config.max_length)
        and queued is not None
        and queued["device"] == ",".join(run_devices(settings))
        and bool(_paces(run))
    )


def _paces(run: Run) -> list[float]:
    """Pairs a second of each step but the first, which warms up."""
    return [event["pairs_per_s"] for event in run.state().events if event["type"] == "step"][1:]


def _measured_s(run: Run, config: TrainingConfig) -> float | None:
    """What another run took beside its steps; None where it measured something else, or did not get there."""
    theirs, state = run.config, run.state()
    same = (theirs.corpus, theirs.guard, theirs.hard_negatives > 0) == (
        config.corpus,
        config.guard,
        config.hard_negatives > 0,
    )
    events = session(state.events)
    times = {kind: [event["t"] for event in events if event["type"] == kind] for kind in ("start", "step")}
    if not same or state.status != "finished" or len(times["step"]) < 2:
        return None
    return float(events[-1]["t"] - times["start"][0] - (times["step"][-1] - times["step"][0]))
