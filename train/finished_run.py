"""What a finished run left in its folder: read and checked, and made fit for other people's eyes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search_core.corpus.hosts import has_public_host
from search_core.corpus.spec import (
    HUB_ID,
    JOINED_BY,
    CodeSource,
    DatasetSource,
    GitSource,
    Source,
    UnionSource,
    parse_spec,
    part_specs,
)
from search_core.encoder.models import HUB_IDS, MINILM_HUB_ID, RESERVED
from search_core.evaluation import Difference
from search_core.report import Report, read_report
from search_core.settings import Settings
from search_core.types import StudioError
from train.config import TrainingConfig
from train.events import read_events
from train.run import CONFIG, PAIRS, Run

INFO_KEYS = (
    "base_model",
    "method",
    "training_pairs",
    "batch_size",
    "num_epochs",
    "total_steps",
    "learning_rate",
    "warmup_steps",
    "seed",
    "training_time_s",
    "device",
    "final_loss",
    "baseline_metrics",
    "finetuned_metrics",
)
"""Of training_info.json; what else it may hold is not published."""
PARTS = (
    CONFIG,
    "training_info.json",
    "events.jsonl",
    "reports/before.json",
    "reports/after.json",
    "comparison.json",
)
LICENSES = {MINILM_HUB_ID: "apache-2.0", "intfloat/e5-base-v2": "mit"}


@dataclass(frozen=True)
class Effect:
    """What training changed on one corpus. wins, losses, ties: queries, by nDCG@10."""

    corpus: str
    metrics: Mapping[str, Difference]
    wins: int
    losses: int
    ties: int

    def as_dict(self) -> dict[str, Any]:
        metrics = {name: difference.as_dict() for name, difference in self.metrics.items()}
        return {**asdict(self), "corpus": public_corpus(self.corpus), "metrics": metrics}


@dataclass(frozen=True)
class FinishedRun:
    """effect: on the corpus and split that `before` and `after` report on.

    guard: on corpora that were not trained on. no_guard: why there are none, else empty.
    """

    folder: Path
    config: TrainingConfig
    info: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    before: Report
    after: Report
    effect: Effect
    guard: Sequence[Effect]
    no_guard: str

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        return [event for event in self.events if event["type"] == "step"]

    @property
    def counts(self) -> Mapping[str, int]:
        """Of what it learnt from (docs/training.md); empty for a run that noted none.

        Raises StudioError where they are damaged.
        """
        pairs = Run(self.folder.name, self.folder).pairs
        return dict(pairs["counts"]) if pairs else {}

    @property
    def base_id(self) -> str | None:
        """The base model's Hub id; None where the Hub has none: a folder of this machine, or `studio`."""
        spec = HUB_IDS.get(self.config.base_model, self.config.base_model)
        return spec if _is_hub_id(spec) else None

    @property
    def base_name(self) -> str:
        spec = self.config.base_model
        return self.base_id or (spec if spec in RESERVED else _last_part(spec))


def read_finished_run(folder: Path) -> FinishedRun:
    """Raises StudioError naming what is missing or damaged: only a run that has finished has all of it."""
    missing = [name for name in PARTS if not (folder / name).is_file()]
    if missing:
        raise StudioError(
            f"{folder} is no finished training run, it lacks {', '.join(missing)}: "
            "give a run that `python -m train list` shows as finished."
        )
    before = read_report(folder / "reports/before.json")
    guard, no_guard = _guard(folder / "guard.json")
    run = FinishedRun(
        folder=folder,
        config=TrainingConfig.read(folder / CONFIG),
        info=read_info(folder / "training_info.json"),
        events=read_events(folder / "events.jsonl"),
        before=before,
        after=read_report(folder / "reports/after.json"),
        effect=_effect(folder / "comparison.json", before.corpus, _read_json(folder / "comparison.json")),
        guard=guard,
        no_guard=no_guard,
    )
    if not any(step["loss"] is not None for step in run.steps):
        raise StudioError(
            f"{folder / 'events.jsonl'} has no training step with a loss: the run did not train."
        )
    return run


def public_corpus(spec: str) -> str:
    """A corpus spec that says nothing of this machine's folders, nor of its network.

    >>> public_corpus("dataset:CoIR-Retrieval/cosqa"), public_corpus("dataset:/home/ada/cosqa")
    ('dataset:CoIR-Retrieval/cosqa', 'dataset:cosqa')
    >>> public_corpus("package:requests + /home/ada/secret")
    'package:requests + secret'
    """
    return JOINED_BY.join(map(_public_part, part_specs(spec)))


def is_public_corpus(spec: str) -> bool:
    """Whether anybody can have the corpus, all parts of a union, so that its texts are no secret."""
    try:
        return _is_public(parse_spec(spec))
    except StudioError:  # a folder that is gone
        return False


def _is_public(source: Source) -> bool:
    match source:
        case UnionSource(parts=parts):
            return all(map(_is_public, parts))
        case CodeSource(kind=kind):
            return kind != "folder"
        case DatasetSource(local=local):
            return not local
        case GitSource():
            return has_public_host(source) and not Settings.from_environment().allow_private_hosts
    return False  # an archive


def _public_part(spec: str) -> str:
    if is_public_corpus(spec):
        return spec
    prefix = "dataset:" if spec.startswith("dataset:") else ""
    return prefix + _last_part(spec.removeprefix(prefix))


def training_files(run: FinishedRun) -> dict[str, str]:
    """Name → text: how the model was made, without this machine's folders.

    Raises StudioError where what it learnt from is damaged.
    """
    pairs = Run(run.folder.name, run.folder).pairs
    config = asdict(run.config) | {"corpus": public_corpus(run.config.corpus), "base_model": run.base_name}
    info = {key: run.info[key] for key in INFO_KEYS} | {"base_model": run.base_name}
    measured = [
        {**event, "corpus": public_corpus(event["corpus"])} if "corpus" in event else event
        for event in run.events
        if event["type"] in ("step", "evaluation")
    ]
    return {
        "training_info.json": _json(info),
        CONFIG: _json(config),
        "events.jsonl": "".join(json.dumps(event) + "\n" for event in measured),
    } | ({PAIRS: _json(pairs)} if pairs else {})


def shareable_files(run: FinishedRun, model_name: str) -> dict[str, str]:
    """Path in the repository → text: how the model was made and measured, without this machine's folders.

    Reports on a corpus of this machine keep every figure but lose the queries' texts and ids.
    Raises StudioError as `training_files` does.
    """
    return training_files(run) | {
        "reports/before.json": _json(_shareable_report(run.before, run.base_name)),
        "reports/after.json": _json(_shareable_report(run.after, model_name)),
        "comparison.json": _json({"a": run.base_name, "b": model_name} | run.effect.as_dict()),
        "guard.json": _json(
            {"corpora": [effect.as_dict() for effect in run.guard], "reason": run.no_guard or None}
        ),
    }


def _shareable_report(report: Report, model: str) -> dict[str, Any]:
    shared = report.as_dict() | {"model": model, "corpus": public_corpus(report.corpus)}
    if not is_public_corpus(report.corpus):
        for number, row in enumerate(shared["per_query"], start=1):
            row |= {"query_id": str(number), "query": ""}
    return shared


def read_info(path: Path) -> Mapping[str, Any]:
    """What training_info.json holds. Raises StudioError where it is damaged or lacks one of INFO_KEYS."""
    info = _read_json(path)
    missing = [key for key in INFO_KEYS if not isinstance(info, dict) or key not in info]
    if missing:
        raise StudioError(f"{path} lacks {', '.join(missing)}: finish the run again with --resume.")
    return dict(info)


def _guard(path: Path) -> tuple[list[Effect], str]:
    """The effects, or why there are none."""
    if not path.is_file():
        return [], "switched off with --no-guard"
    guard = _read_json(path)
    try:
        effects = [_effect(path, entry["corpus"], entry["comparison"]) for entry in guard["corpora"]]
        return effects, guard["reason"] or ""
    except (KeyError, TypeError) as error:
        raise _damaged(path) from error


def _effect(path: Path, corpus: str, comparison: Any) -> Effect:
    try:
        metrics = {
            name: Difference(**difference | {"ci95": tuple(difference["ci95"])})
            for name, difference in comparison["metrics"].items()
        }
        metrics["ndcg@10"]  # the headline
        return Effect(corpus, metrics, *(comparison[name] for name in ("wins", "losses", "ties")))
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> StudioError:
    return StudioError(f"{path} is not as a run writes it: finish the run again with --resume.")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StudioError(f"{path} cannot be read as JSON: {error}.") from error


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def _is_hub_id(spec: str) -> bool:
    """As specs are resolved: an existing folder wins over a Hub id of the same name."""
    return HUB_ID.fullmatch(spec) is not None and not Path(spec).is_dir()


def _last_part(path: str) -> str:
    return Path(path).resolve().name
