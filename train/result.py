"""After training: the model in the run's folder, and what it is worth: before and after, and the guard."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from search_core.corpus import load_judged
from search_core.corpus.judged import split_of_module
from search_core.corpus.spec import part_specs
from search_core.encoder.adapter import write_adapter
from search_core.evaluation import Report, compare, evaluate, read_report, write_report
from search_core.settings import Settings
from search_core.store import write_text
from search_core.types import JudgedCorpus, StudioError
from train.adapter import adapter_for, trained_factors
from train.config import TrainingConfig
from train.events import EvaluationEvent, Event, Phase, read_events
from train.frozen import read_judged, write_judged
from train.run import FROZEN_VALID
from train.trainer import Outcome, load_trainable

SPLIT = "valid"
GUARD_CORPORA = ("stdlib",)
"""Bundled with every installation, so that a model that forgets is seen offline, too."""
BEFORE, AFTER = Path("reports", "before.json"), Path("reports", "after.json")
ADAPTER = "adapter"

Log = Callable[[Event], None]


def frozen_valid(folder: Path, config: TrainingConfig, settings: Settings) -> JudgedCorpus:
    """What is judged before and after, as it was when the run began.

    Raises StudioError like `load_judged`.
    """
    path = folder / FROZEN_VALID
    if not path.exists():
        write_judged(path, load_judged(config.corpus, SPLIT, "content", settings))
    return read_judged(path)


def measure_before(folder: Path, config: TrainingConfig, settings: Settings, log: Log) -> None:
    """Write the base model's report on `valid`; a resumed run keeps the one it has.

    Raises StudioError where the corpus has no such split: what cannot be proved is not trained.
    """
    if (folder / BEFORE).exists():
        return
    report = evaluate(frozen_valid(folder, config, settings), config.base_model, "dense", settings)
    _tell(report, "before", log)
    write_report(report, folder / BEFORE)


def finish(
    folder: Path,
    model: SentenceTransformer,
    outcome: Outcome,
    training_pairs: int,
    config: TrainingConfig,
    settings: Settings,
    log: Log,
) -> None:
    """Make the run's folder a model, and measure it: after `measure_before` and `fine_tune`, whose
    steps are in events.jsonl.

    Writes the model, averaged with its base and whole (adapter/ beside it for LoRA),
    reports/after.json, comparison.json, guard.json (with the reason where it compares nothing) and
    training_info.json (total_steps: trained; kept_step: whose weights were kept).
    Raises StudioError where weights are no longer finite.
    """
    device = str(model.device)
    save_model(folder, model, config, settings)
    before = read_report(folder / BEFORE)
    after = _measured(frozen_valid(folder, config, settings), folder, settings)
    _tell(after, "after", log)
    write_report(after, folder / AFTER)
    _write_json(folder / "comparison.json", compare(before, after, str(BEFORE), str(AFTER)).as_dict())
    if config.guard:
        guarded = list(_guard(folder, config, settings, log))
        reason = None if guarded else f"{', '.join(GUARD_CORPORA)} is what was trained on"
        _write_json(folder / "guard.json", {"corpora": guarded, "reason": reason})
    events = read_events(folder / "events.jsonl")
    info = {
        "base_model": config.base_model,
        "method": config.method,
        "training_pairs": training_pairs,
        "batch_size": config.batch_size,
        "num_epochs": config.epochs,
        "total_steps": outcome.total_steps,
        "kept_step": outcome.best_step,
        "learning_rate": config.learning_rate,
        "warmup_steps": config.warmup_steps,
        "seed": config.seed,
        "training_time_s": round(_training_time_s(events, config.batch_size), 3),
        "device": device,
        "final_loss": next((one["loss"] for one in reversed(events) if one["type"] == "step"), None),
        "baseline_metrics": dict(before.metrics),
        "finetuned_metrics": dict(after.metrics),
    }
    _write_json(folder / "training_info.json", info)


def _training_time_s(events: Sequence[Mapping[str, Any]], batch_size: int) -> float:
    """Of the steps that count, with their evaluations and checkpoints, in all processes that the run had."""
    processes: list[list[Mapping[str, Any]]] = [[]]
    for event in events:
        if event["type"] == "queued":
            processes.append([])
        elif event.get("step") is not None:
            processes[-1].append(event)
    seconds = 0.0
    for told in filter(None, processes):
        first, last = told[0], told[-1]
        seconds += last["t"] - first["t"] + batch_size / first["pairs_per_s"]  # told when the step had ended
    return seconds


def save_model(folder: Path, model: SentenceTransformer, config: TrainingConfig, settings: Settings) -> None:
    """Write the averaged, merged model: `SentenceTransformer(folder)` loads it without network.

    (1 - base_weight) · trained + base_weight · base (Wortsman et al., CVPR 2022: WiSE-FT).
    Raises StudioError, and writes nothing, where a weight is not finite.
    """
    base = load_trainable(config.base_model, settings)
    weights: dict[str, Tensor] = base.state_dict()
    if config.method == "lora":
        factors = trained_factors(model, share=1 - config.base_weight)
        for name, one in factors.items():
            base.transformers_model.get_submodule(name).weight.data += one.difference().to(base.device)
    else:
        for name, trained in model.state_dict().items():
            if trained.is_floating_point():
                weights[name].lerp_(trained.to(weights[name].device), 1 - config.base_weight)
    broken = [name for name, weight in weights.items() if not torch.isfinite(weight).all()]
    if broken:
        raise StudioError(
            f"{len(broken):,} of {len(weights):,} weights are no longer finite (first {broken[0]}): "
            "start again with a lower --learning-rate."
        )
    _save(base, folder)
    if config.method == "lora":
        write_adapter(adapter_for(config.base_model, factors, settings), folder / ADAPTER)


def _save(model: SentenceTransformer, folder: Path) -> None:
    """Into a sibling first; the weights, without which a folder is no model, are moved last."""
    with tempfile.TemporaryDirectory(prefix=".model-", dir=folder) as scratch:
        model.save_pretrained(scratch, create_model_card=False)
        for path in sorted(Path(scratch).iterdir(), key=lambda path: path.suffix == ".safetensors"):
            if path.is_dir():
                (folder / path.name).mkdir(exist_ok=True)
                for part in path.iterdir():
                    part.replace(folder / path.name / part.name)
            else:
                path.replace(folder / path.name)


def _guard(folder: Path, config: TrainingConfig, settings: Settings, log: Log) -> Iterator[dict[str, Any]]:
    """Before and after on each corpus of GUARD_CORPORA but those that were trained on."""
    for spec in GUARD_CORPORA:
        if spec not in part_specs(config.corpus):
            judged = held_out(load_judged(spec, SPLIT, "content", settings))
            before = evaluate(judged, config.base_model, "dense", settings)
            after = _measured(judged, folder, settings)
            _tell(after, "after", log)
            yield {
                "corpus": before.corpus,
                "before": dict(before.metrics),
                "after": dict(after.metrics),
                "comparison": compare(before, after).as_dict(),
            }


def held_out(judged: JudgedCorpus) -> JudgedCorpus:
    """Only the functions of the split's own modules, and what its queries look for: a tenth of the work."""
    relevant = frozenset().union(*judged.qrels.values())
    documents = tuple(
        document
        for document in judged.corpus.documents
        if document.id in relevant or split_of_module(document.path or "") == judged.split
    )
    spec = f"{judged.corpus.spec}, modules of split {judged.split}"
    return replace(judged, corpus=replace(judged.corpus, documents=documents, spec=spec, id=""))


def _measured(judged: JudgedCorpus, folder: Path, settings: Settings) -> Report:
    """The run's report, named by the run and not by where it lies."""
    return replace(evaluate(judged, str(folder), "dense", settings), model=folder.name)


def _tell(report: Report, phase: Phase, log: Log) -> None:
    log(EvaluationEvent(phase=phase, corpus=report.corpus, split=report.split, metrics=report.metrics))


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")
