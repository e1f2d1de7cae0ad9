"""How a model was trained, as its run recorded it. No Gradio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from search_core.encoder.models import STUDIO_ADAPTER
from search_core.settings import Settings
from search_core.types import StudioError
from train.config import TrainingConfig
from train.events import read_events
from train.finished_run import read_info
from train.pairs import REASONS
from train.run import Run, list_runs
from ui.metrics.evaluations import StoredReport

_SHOWN = ("base_model", "corpus", "method", "epochs", "batch_size", "learning_rate", "warmup_steps")
_SHOWN_WHERE_USED = ("hard_negatives", "base_weight", "development")


class EpochLoss(NamedTuple):
    """Mean training loss of the steps first to last, which are one pass over the pairs."""

    first: int
    last: int
    mean: float


@dataclass(frozen=True)
class TrainingRecord:
    """steps: the run's step events. info: of training_info.json, empty until the run has finished.

    pairs: see Run.pairs.
    """

    run_id: str
    config: TrainingConfig
    steps: Sequence[Mapping[str, Any]]
    info: Mapping[str, Any]
    pairs: Mapping[str, Any] | None

    @classmethod
    def of(cls, run: Run) -> TrainingRecord | None:
        """None where the run has not recorded a step, or its files are damaged."""
        try:
            path = run.folder / "training_info.json"
            info = read_info(path) if path.is_file() else {}
            steps = [event for event in read_events(run.log.path) if event["type"] == "step"]
            return cls(run.id, run.config, steps, info, run.pairs) if steps else None
        except (OSError, StudioError):
            return None

    def epoch_losses(self) -> list[EpochLoss]:
        """Of each epoch that has a finite loss."""
        epochs: dict[int, list[Mapping[str, Any]]] = {}
        for step in self.steps:
            epochs.setdefault(ceil(step["epoch"] - 1e-9), []).append(step)
        means = []
        for steps in epochs.values():
            losses = [step["loss"] for step in steps if step["loss"] is not None]
            if losses:
                means.append(EpochLoss(steps[0]["step"], steps[-1]["step"], sum(losses) / len(losses)))
        return means

    def facts(self) -> list[tuple[str, str]]:
        """What was set and what came of it, in words."""
        config = asdict(self.config)
        names = [*_SHOWN, *(name for name in _SHOWN_WHERE_USED if config[name]), "seed"]
        facts = [(name.replace("_", " "), _text(config[name])) for name in names]
        if self.info:
            facts += [
                ("steps", _text(self.info["total_steps"])),
                ("time", f"{self.info['training_time_s']:,.0f} s"),
                ("device", _text(self.info["device"])),
                ("final loss", _text(self.info["final_loss"])),
            ]
        return facts

    def pair_counts(self) -> list[tuple[str, int]]:
        """Rows of the train split: those that were learnt from, and those left out by reason."""
        if self.pairs is None:
            return []
        counts = self.pairs["counts"]
        used = [("learnt from", self.pairs["training"]), ("chose the checkpoint", self.pairs["development"])]
        left_out = [(f"left out: {words}", counts.get(name, 0)) for name, words in REASONS.items()]
        return [(words, count) for words, count in [*used, *left_out] if count]


def training_of(stored: StoredReport, settings: Settings) -> TrainingRecord | None:
    """How the report's model was trained; None where no run of this workspace did it and it does not say."""
    if stored.phase == "after" and stored.run:
        return TrainingRecord.of(stored.run)
    model = stored.report.model
    if model is None or stored.phase == "before":
        return None
    folder = STUDIO_ADAPTER if model == "studio" else Path(model).resolve()
    if not folder.is_dir():
        return None
    made_by = next((run for run in list_runs(settings) if run.folder == folder), None)
    return TrainingRecord.of(made_by or Run(folder.name, folder))


def _text(value: Any) -> str:
    """
    >>> _text(0.0001), _text(2.0), _text(12800), _text(None), _text("minilm")
    ('0.0001', '2', '12,800', 'not finite', 'minilm')
    """
    if value is None:
        return "not finite"
    if isinstance(value, int | float):
        return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"
    return str(value)
