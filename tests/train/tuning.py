"""Small things to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search_core.settings import Settings
from search_core.types import Document
from tests.search_core.encoder.tiny_model import build_tiny_model
from train.config import TrainingConfig, defaults
from train.pairs import Pair

WORDS = (
    *("list", "file", "path", "socket", "thread", "json", "date", "hash"),
    *("image", "audio", "matrix", "string", "table", "graph", "queue", "buffer"),
)


def pair(query: str, positive: str, *negatives: str) -> Pair:
    return Pair(query, positive, Document("", positive, positive).content_key, negatives)


PAIRS = [
    pair(f"how to open a {word}", f"def open_{word}({word}):\n" + "    work\n" * n)
    for n, word in enumerate(WORDS)
]


def tiny(folder: Path, **parts: Any) -> Path:
    return build_tiny_model(folder, **{"normalize": True} | parts)


def recipe(base: Path, **given: Any) -> TrainingConfig:
    """Two epochs of four steps: sixteen pairs, four a batch."""
    quick = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "evaluation_steps": 2, "max_length": 32}
    return defaults("dataset:tests", str(base), on_gpu=False, **quick | given)


CPU = Settings(device="cpu", threads=1)  # two would wait for each other where cores are short
