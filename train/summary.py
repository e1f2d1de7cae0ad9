"""A run as others see it: one object for JSON and the page, and its words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from search_core.evaluation import Difference
from search_core.types import StudioError
from train.config import TrainingConfig
from train.events import session
from train.finished_run import read_finished_run
from train.pairs import REASONS
from train.progress import status_line, training_progress
from train.run import Run

SHOWN_METRIC = "ndcg@10"


def run_object(run: Run) -> dict[str, Any]:
    """What `show --json` prints, and `list --json` for each run.

    queued_at, ended_at: unix seconds. progress: of the present or last process; null before its
    first step. evaluations: before, during and after training, as events. pairs: null before
    they are read, see Run.pairs.
    Raises StudioError where the run's configuration is damaged.
    """
    state, config = run.state(), run.config
    queued = session(state.events)[:1]
    progress = training_progress(state.events, config.epochs)
    return {
        "id": run.id,
        "folder": str(run.folder),
        "status": state.status,
        "message": state.message,
        "device": queued[0]["device"] if queued else None,
        "queued_at": queued[0]["t"] if queued else None,
        "ended_at": state.events[-1]["t"] if state.events and not state.is_alive else None,
        "progress": progress and asdict(progress),
        "evaluations": [event for event in state.events if event["type"] == "evaluation"],
        "pairs": run.pairs,
        "config": asdict(config),
    }


def show_text(run: Run) -> str:
    """How a run stands and, if it has finished, what it reached. Raises StudioError for damaged files."""
    state, config = run.state(), run.config
    rows = [
        ("run", f"{run.id}, {status_line(state, config.epochs)}"),
        ("folder", str(run.folder)),
        ("training", _recipe(config)),
        *(("pairs", _pairs_text(pairs)) for pairs in [run.pairs] if pairs),
    ]
    if state.status == "finished":
        rows += _results(run)
    return "\n".join(f"{label:<10}{text}" for label, text in rows)


def list_text(runs: Sequence[Run]) -> str:
    """One run a line."""
    if not runs:
        return "No runs yet: start one with `python -m train run --corpus SPEC`."
    return "\n".join(_list_line(run) for run in runs)


def _list_line(run: Run) -> str:
    try:
        state, config = run.state(), run.config
    except StudioError as error:
        return f"{run.id:<22}  damaged: {error}"
    queued_at = datetime.fromtimestamp(state.events[0]["t"]) if state.events else None
    since = f"{queued_at:%Y-%m-%d %H:%M}" if queued_at else ""
    what = f"{config.base_model} on {config.corpus}"
    return f"{run.id:<22}  {since:<16}  {what:<40}  {status_line(state, config.epochs)}"


def _recipe(config: TrainingConfig) -> str:
    smaller = config.recipe_batch_size is not None and config.batch_size < config.recipe_batch_size
    fitted = f" (the recipe's {config.recipe_batch_size:,} are more than there are pairs)" if smaller else ""
    averaged = f", {config.base_weight:g} of the base model kept" if config.base_weight else ""
    mined = f", {config.hard_negatives} hard negatives a pair" if config.hard_negatives else ""
    return (
        f"{config.base_model} on {config.corpus}: {config.method}, {config.epochs} epochs of batches of "
        f"{config.batch_size}{fitted}, learning rate {config.learning_rate:g}{mined}{averaged}, "
        f"seed {config.seed}"
    )


def _pairs_text(pairs: Mapping[str, Any]) -> str:
    """
    >>> _pairs_text({"training": 90, "development": 9, "counts": {"rows": 100, "empty": 1}})
    '90 to train on, 9 to choose the checkpoint by; left out of 100 rows: 1 without a text on either side'
    """
    counts = pairs["counts"]
    left_out = ", ".join(f"{counts[name]:,} {words}" for name, words in REASONS.items() if counts.get(name))
    return (
        f"{pairs['training']:,} to train on, {pairs['development']:,} to choose the checkpoint by; "
        f"left out of {counts['rows']:,} rows: {left_out or 'none'}"
    )


def _results(run: Run) -> Iterator[tuple[str, str]]:
    finished = read_finished_run(run.folder)
    yield "result", f"{finished.before.judged_on}: {_change(finished.effect.metrics)}"
    if "kept_step" in finished.info:
        yield "kept", _kept(finished.info, finished.events)
    if finished.no_guard:
        yield "guard", f"nothing measured: {finished.no_guard}"
    for guarded in finished.guard:
        yield "guard", f"{guarded.corpus}: {_change(guarded.metrics)}"


def _kept(info: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> str:
    """Whose weights the model has.

    >>> chosen = {"type": "evaluation", "phase": "during", "step": 4, "metrics": {"loss": 0.1}}
    >>> _kept({"kept_step": 4, "total_steps": 8}, [chosen])
    'step 4 of 8, with the lowest loss on the development pairs (0.1000)'
    >>> _kept({"kept_step": 8, "total_steps": 8}, [])
    'step 8, the last'
    """
    kept, total = info["kept_step"], info["total_steps"]
    losses = [
        event["metrics"]["loss"] for event in events if event.get("step") == kept and "metrics" in event
    ]
    losses = [loss for loss in losses if loss is not None]
    if not losses:
        return f"step {kept:,}, the last"
    return f"step {kept:,} of {total:,}, with the lowest loss on the development pairs ({losses[-1]:.4f})"


def _change(metrics: Mapping[str, Difference]) -> str:
    """
    >>> _change({"ndcg@10": Difference(0.6, 0.63, 0.03, 5.0, (0.01, 0.05), 0.004)})
    'ndcg@10 0.6000 → 0.6300 (+0.0300, 95% interval +0.0100 to +0.0500, p 0.0040)'
    """
    found = metrics[SHOWN_METRIC]
    low, high = found.ci95
    return (
        f"{SHOWN_METRIC} {found.a:.4f} → {found.b:.4f} ({found.absolute:+.4f}, "
        f"95% interval {low:+.4f} to {high:+.4f}, p {found.p_value:.4f})"
    )
