"""Every knob of a training run, and the recipes that set them.

docs/decisions/training.md has the figures behind the recipes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from search_core.types import StudioError

Method = Literal["lora", "full"]
METHODS: tuple[Method, ...] = get_args(Method)

REFERENCE_MODEL = "intfloat/e5-base-v2"
OFFLINE_MODEL = "minilm"

REFERENCE_RECIPE: Mapping[str, Any] = {
    "epochs": 3,
    "batch_size": 32,
    "learning_rate": 2e-5,
    "warmup_steps": 100,
    "base_weight": 0.0,
    "max_length": None,
    "evaluation_steps": 100,
}
"""What the reference project did with e5-base-v2 on a GPU."""

CPU_RECIPE: Mapping[str, Any] = {
    "epochs": 2,
    "batch_size": 64,
    "learning_rate": 1e-4,
    "warmup_steps": 0.1,
    "base_weight": 0.5,
    "max_length": 160,
    "evaluation_steps": 0.25,
    "development": 0.0,
}
"""A small model on a few hundred pairs, minutes on two cores: all pairs, the last step. A tenth of so few
pairs chooses a checkpoint by noise; ask for one with --development."""

LORA_LEARNING_RATE_FACTOR = 10
"""An adapter starts from nothing and takes larger steps than the weights themselves."""


class Bound(NamedTuple):
    """What a number may be. open_end: whether the largest value itself is excluded."""

    smallest: float
    largest: float
    whole: bool = True
    open_end: bool = False
    optional: bool = False

    def admits(self, value: object) -> bool:
        if value is None:
            return self.optional
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.smallest <= value <= self.largest and not (self.open_end and value == self.largest)

    def __str__(self) -> str:
        number = "a whole number" if self.whole else "a number"
        largest = f"{self.largest:,.0f}" if self.whole else f"{self.largest:,g}"
        end = f"below {largest}" if self.open_end else f"at most {largest}"
        return f"{number}, at least {self.smallest:,g} and {end}" + (", or null" if self.optional else "")


def in_words(name: str) -> str:
    """A field as the page, the command line and config.json all can be read.

    >>> in_words("batch_size")
    'Batch size'
    """
    return name.replace("_", " ").capitalize()


BOUNDS: Mapping[str, Bound] = {
    "epochs": Bound(1, 1_000),
    "batch_size": Bound(2, 65_536),
    "learning_rate": Bound(1e-8, 1, whole=False),
    "warmup_steps": Bound(0, 1_000_000, whole=False),
    "hard_negatives": Bound(0, 20),
    "base_weight": Bound(0, 1, whole=False, open_end=True),
    "seed": Bound(0, 2**32 - 1),
    "scale": Bound(1, 1_000, whole=False),
    "max_length": Bound(8, 32_768, optional=True),
    "mini_batch_size": Bound(1, 65_536, optional=True),
    "lora_rank": Bound(1, 512),
    "weight_decay": Bound(0, 1, whole=False),
    "development": Bound(0, 0.3, whole=False),
    "evaluation_steps": Bound(0.001, 1_000_000, whole=False),
    "patience": Bound(1, 1_000),
    "recipe_batch_size": Bound(2, 65_536, optional=True),
}


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One run, wholly determined on one machine. Raises StudioError for a value that cannot be.

    corpus, base_model: a corpus spec and a model spec.
    warmup_steps: steps in which the learning rate rises from 0, or below 1 the share of all steps.
    hard_negatives: mined for each pair, beside the other functions of its batch.
    judgments: learn from what people marked in searches of the corpus, too.
    base_weight: the base model's share when the weights are averaged after training; 0 is none.
    guard: measure before and after on corpora that were not trained on, too.
    scale: factor on cosines before the softmax (20 is a temperature of 0.05).
    max_length: tokens a text is cut to in training; None is the model's own length.
    mini_batch_size: None is plain MultipleNegativesRankingLoss; a number is the cached loss, which
        embeds so many pairs at a time: the memory of a small batch, the negatives of a large one.
    development: share of the functions whose pairs are kept out to choose the best checkpoint.
    evaluation_steps: between evaluations on the development pairs, each with a checkpoint; below 1
        the share of all steps.
    patience: evaluations without a better one after which training stops.
    recipe_batch_size: the recipe's, where no batch size was given: a corpus with fewer pairs makes
        batch_size smaller. None for one that was given: then too few pairs are an error.
    """

    corpus: str
    base_model: str
    method: Method = "full"
    epochs: int
    batch_size: int
    learning_rate: float
    warmup_steps: float
    base_weight: float
    max_length: int | None
    evaluation_steps: float
    hard_negatives: int = 0
    judgments: bool = False
    seed: int = 42
    guard: bool = True
    scale: float = 20.0
    mini_batch_size: int | None = None
    gradient_checkpointing: bool = False
    lora_rank: int = 16
    weight_decay: float = 0.01
    development: float = 0.1
    patience: int = 3
    recipe_batch_size: int | None = None

    def __post_init__(self) -> None:
        for name in ("corpus", "base_model"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise StudioError(f"{in_words(name)} must be a spec, got {value!r}.")
        if self.method not in METHODS:
            raise StudioError(f"Method must be {' or '.join(METHODS)}, got {self.method!r}.")
        for name in ("judgments", "guard", "gradient_checkpointing"):
            if not isinstance(getattr(self, name), bool):
                raise StudioError(f"{in_words(name)} must be true or false, got {getattr(self, name)!r}.")
        for name, bound in BOUNDS.items():
            value = getattr(self, name)
            if not bound.admits(value):
                raise StudioError(f"{in_words(name)} must be {bound}, got {value!r}.")
        self._check_combinations()

    def _check_combinations(self) -> None:
        for name in ("warmup_steps", "evaluation_steps"):
            steps = getattr(self, name)
            if steps > 1 and steps != int(steps):
                raise StudioError(
                    f"{in_words(name)} must be a whole number of steps, or below 1 a share of all steps, "
                    f"got {steps!r}."
                )
        if self.mini_batch_size and self.mini_batch_size > self.batch_size:
            raise StudioError(
                f"Mini batch size ({self.mini_batch_size:,}) must not exceed batch size "
                f"({self.batch_size:,}), which it divides."
            )
        if self.mini_batch_size and self.gradient_checkpointing:
            raise StudioError(
                "Mini batch size and gradient checkpointing do not work together, and both save memory: "
                "choose one."
            )

    def fitted_to(self, pairs: int) -> TrainingConfig:
        """With a batch that the pairs can fill, unless it was given. Two is the least."""
        if self.recipe_batch_size is None:
            return self
        batch_size = min(self.recipe_batch_size, max(pairs, 2))
        mini = self.mini_batch_size and min(self.mini_batch_size, batch_size)
        return replace(self, batch_size=batch_size, mini_batch_size=mini)

    def to_json(self) -> str:
        """What config.json holds."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def read(cls, path: Path) -> TrainingConfig:
        """Read config.json. A knob that it does not have yet has its default.

        Raises StudioError where it is missing, damaged or of another version.
        """
        try:
            given = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise StudioError(f"{path} is no readable training configuration: {error}.") from error
        known = {field.name for field in fields(cls)}
        required = {field.name for field in fields(cls) if field.default is MISSING}
        if not isinstance(given, dict) or not required <= given.keys() <= known:
            names = given.keys() if isinstance(given, dict) else set()
            differing = ", ".join(sorted((required - names) | (names - known)))
            raise StudioError(
                f"{path} is no training configuration of this version (missing or unknown: {differing}). "
                "Start a new run."
            )
        return cls(**given)


def defaults(
    corpus: str, base_model: str, *, on_gpu: bool, method: Method = "full", **given: Any
) -> TrainingConfig:
    """The recipe for a model and a machine, with what was given in place of its values.

    given: fields of TrainingConfig; None means not given. Raises StudioError like TrainingConfig.
    """
    recipe = dict(REFERENCE_RECIPE if on_gpu else CPU_RECIPE)
    if method == "lora":
        recipe["learning_rate"] *= LORA_LEARNING_RATE_FACTOR
    recipe["recipe_batch_size"] = None if given.get("batch_size") else recipe["batch_size"]
    recipe |= {name: value for name, value in given.items() if value is not None}
    return TrainingConfig(corpus=corpus, base_model=base_model, method=method, **recipe)
