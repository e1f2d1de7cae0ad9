"""Options of a run that are fields of TrainingConfig: read by the command line, written by model cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from train.config import TrainingConfig


def number(text: str) -> float:
    """An int where the text is one."""
    return int(text) if text.isdigit() else float(text)


SPECS = ("corpus", "base_model")
KNOBS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "epochs": (int, "passes over the pairs"),
    "batch_size": (int, "pairs in a step; each is the others' negative"),
    "learning_rate": (float, "its peak"),
    "warmup_steps": (number, "steps until the peak; below 1, a share of all steps"),
    "hard_negatives": (int, "functions that look right and are not, mined for each pair"),
    "base_weight": (float, "the base model's share when weights are averaged at the end; 0 is none"),
    "development": (float, "share of the functions kept out to choose the best checkpoint by; 0 is none"),
    "seed": (int, "of everything random"),
    "max_length": (int, "tokens a text is cut to in training"),
    "mini_batch_size": (int, "pairs embedded at a time: large batches in little memory"),
    "lora_rank": (int, "of the adapter's matrices"),
}
"""Options with a number → its type and what it is."""
SWITCHES: Mapping[str, tuple[str, bool, str]] = {
    "judgments": ("judgments", True, "learn from what people marked as right or wrong, too"),
    "no-guard": ("guard", False, "do not measure on corpora that were not trained on"),
    "gradient-checkpointing": ("gradient_checkpointing", True, "less memory for more time"),
}
"""Options without a value → their field, the value that they give it, and what that is."""
FIELDS = (*SPECS, "method", *KNOBS, *(name for name, _, _ in SWITCHES.values()))


def option_words(config: TrainingConfig) -> Iterator[str]:
    """The words with which the command line makes the same configuration, on a machine of the same kind."""
    for name in (*SPECS, "method", *KNOBS):
        value = getattr(config, name)
        if value is not None and (name != "lora_rank" or config.method == "lora"):
            yield from (f"--{name.replace('_', '-')}", str(value))
    for option, (name, value, _) in SWITCHES.items():
        if getattr(config, name) == value:
            yield f"--{option}"
