"""The reference project's recipe, end to end: train, and measure before and after.

    python -m benchmarks.reproduce [--output DIR]

With a GPU and the Hub: e5-base-v2 on CoSQA's training pairs, measured on the test split. Without,
the same recipe on the local data ($CODESEARCH_DATASETS/cosqa) and minilm, measured on `valid`: the
way is the same, the figures are not the reference's. The two protocols have a table each, for their
figures cannot be compared (docs/evaluation.md).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from search_core.command_line import OneLineParser, run_command
from search_core.corpus import load_judged, load_judgments
from search_core.encoder import model_folder
from search_core.encoder.load import choose_backend
from search_core.evaluation import Comparison, Difference, Report, compare, evaluate
from search_core.metrics import METRIC_NAMES
from search_core.settings import Settings
from search_core.store import write_text
from search_core.types import PROTOCOLS, EvaluationProtocol, StudioError
from train.config import OFFLINE_MODEL, REFERENCE_MODEL, REFERENCE_RECIPE
from train.finished_run import public_corpus
from train.run import Run

HUB_CORPUS = "dataset:CoIR-Retrieval/cosqa"
REFERENCE_SPLIT = "test"
REFERENCE_NDCG = (0.4372, 0.5534)
"""nDCG@10 before and after, as the reference prints it: e5-base-v2, 9,020 pairs, official protocol."""
UNCUT = 32_768
"""Tokens; more than a model reads means its own length."""
TIE_RULE = (
    "Equal scores are ordered by document id, descending by code point: trec_eval's rule. Where the corpus "
    "holds a function several times, one copy counts as right and the others as wrong, so the rule decides."
)


@dataclass(frozen=True)
class Setup:
    """What is trained, and on what. shortfall: why that is not the reference's, else empty."""

    corpus: str
    base_model: str
    shortfall: str = ""


@dataclass(frozen=True)
class Training:
    """What the run measured. first_epoch_loss, last_epoch_loss: means over the epoch's steps."""

    pairs: int
    steps: int
    seconds: float
    device: str
    first_epoch_loss: float
    last_epoch_loss: float
    highest_learning_rate: float


@dataclass(frozen=True)
class Effect:
    """Before and after, under one protocol."""

    before: Report
    after: Report
    comparison: Comparison

    @property
    def queries_per_s(self) -> list[float | None]:
        return [report.timing.queries_per_s for report in (self.before, self.after)]


def main(argv: Sequence[str] | None = None) -> int:
    parser = OneLineParser(description="Train by the reference's recipe, and measure before and after.")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where the tables go (default WORKSPACE/reproduction)"
    )
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="where the run is kept")
    parser.set_defaults(run=reproduce)
    return run_command(parser, argv)


def reproduce(args: argparse.Namespace, settings: Settings) -> None:
    setup = choose_setup(settings, os.environ.get("CODESEARCH_DATASETS"))
    print(f"{setup.base_model} on {setup.corpus}. {setup.shortfall}".rstrip(), file=sys.stderr)
    run = train(setup, settings)
    split = evaluated_split({row.split for row in load_judgments(setup.corpus, settings).rows})
    effects = {protocol: measure(setup, run, split, protocol, settings) for protocol in PROTOCOLS}
    training = read_training(run)
    text = markdown(setup, training, split, effects)
    print(text)
    output = args.output or settings.workspace / "reproduction"
    output.mkdir(parents=True, exist_ok=True)
    write_text(output / "reproduction.md", text)
    write_text(
        output / "reproduction.json", json.dumps(as_object(setup, training, split, effects), indent=1) + "\n"
    )
    print(f"model in {run.folder}, tables in {output}", file=sys.stderr)


def choose_setup(settings: Settings, datasets: str | None) -> Setup:
    """The reference's model and data where there are a GPU and the Hub, else what is here.

    Raises StudioError, within settings.hub_timeout_s, where neither can be had.
    """
    if choose_backend(settings).device == "cpu":
        shortfall = "No GPU here: not the reference's model and data, only its recipe."
    else:
        try:
            model_folder(REFERENCE_MODEL, settings)
            load_judgments(HUB_CORPUS, settings)
            return Setup(HUB_CORPUS, REFERENCE_MODEL)
        except StudioError as error:
            shortfall = f"Not the reference's model and data, only its recipe: {error}"
    if not datasets or not Path(datasets, "cosqa").is_dir():
        raise StudioError(
            f"{shortfall} For a small trial, CODESEARCH_DATASETS must name a folder with cosqa/."
        )
    return Setup(f"dataset:{datasets}/cosqa", OFFLINE_MODEL, shortfall)


def evaluated_split(splits: set[str]) -> str:
    """The reference's, where the data have it."""
    return REFERENCE_SPLIT if REFERENCE_SPLIT in splits else "valid"


def train(setup: Setup, settings: Settings) -> Run:
    """A run of the real command line, on all pairs, as the reference did."""
    recipe = {**REFERENCE_RECIPE, "max_length": UNCUT, "development": 0.0}
    del recipe["evaluation_steps"]  # without development pairs nothing is evaluated on the way
    options = [f"--{name.replace('_', '-')}={value}" for name, value in recipe.items()]
    command = [
        sys.executable,
        "-m",
        "train",
        "run",
        "--corpus",
        setup.corpus,
        "--base-model",
        setup.base_model,
    ]
    command += ["--method", "full", "--no-guard", "--json", "--workspace", str(settings.workspace)]
    done = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise StudioError("The training above did not finish.")
    found = json.loads(done.stdout)
    return Run(found["id"], Path(found["folder"]))


def measure(setup: Setup, run: Run, split: str, protocol: EvaluationProtocol, settings: Settings) -> Effect:
    judged = load_judged(setup.corpus, split, protocol, settings)
    before, after = (
        evaluate(judged, model, "dense", settings) for model in (setup.base_model, str(run.folder))
    )
    return Effect(before, after, compare(before, after, "before", "after"))


def read_training(run: Run) -> Training:
    info = json.loads((run.folder / "training_info.json").read_text("utf-8"))
    steps = [event for event in run.state().events if event["type"] == "step"]
    return Training(
        pairs=info["training_pairs"],
        steps=info["total_steps"],
        seconds=info["training_time_s"],
        device=info["device"],
        first_epoch_loss=fmean(step["loss"] for step in steps if step["epoch"] <= 1),
        last_epoch_loss=fmean(step["loss"] for step in steps if step["epoch"] > info["num_epochs"] - 1),
        highest_learning_rate=max(step["learning_rate"] for step in steps),
    )


def markdown(
    setup: Setup, training: Training, split: str, effects: Mapping[EvaluationProtocol, Effect]
) -> str:
    intro = f"{setup.base_model} on {public_corpus(setup.corpus)}, measured on split `{split}`, dense."
    parts = [
        f"# The reference's recipe\n\n{intro} {setup.shortfall}".rstrip(),
        training_text(training, effects),
    ]
    parts += [protocol_table(protocol, effect) for protocol, effect in effects.items()]
    if len({effect.before.documents for effect in effects.values()}) == 1:
        parts.append("These data hold no text twice, so both protocols count the same.")
    parts.append(reference_text(setup, split))
    return "\n\n".join(parts) + "\n"


def training_text(training: Training, effects: Mapping[EvaluationProtocol, Effect]) -> str:
    warm_up = REFERENCE_RECIPE["warmup_steps"]
    cold = (
        f"\n- fewer steps than the {warm_up} of the warm-up: the learning rate rose to "
        f"{training.highest_learning_rate:.2g}, never to {REFERENCE_RECIPE['learning_rate']:g}"
        if training.steps <= warm_up
        else ""
    )
    before, after = effects["content"].queries_per_s
    return (
        f"- {training.pairs:,} pairs, {training.steps:,} steps in {training.seconds:,.1f} s on "
        f"{training.device}, {training.pairs * REFERENCE_RECIPE['epochs'] / training.seconds:,.1f} pairs/s\n"
        f"- loss, mean of the epoch's steps: first epoch {training.first_epoch_loss:.4f}, last "
        f"{training.last_epoch_loss:.4f}{cold}\n"
        f"- queries/s, from text to the first 1,000 ranks: before {before:,.0f}, after {after:,.0f}"
    )


def protocol_table(protocol: EvaluationProtocol, effect: Effect) -> str:
    report = effect.before
    counted = f"{len(report.per_query):,} queries, {report.documents:,} documents"
    rule = f"{TIE_RULE}\n\n" if protocol == "official" else ""
    rows = [_row(name, effect.comparison.metrics[name]) for name in METRIC_NAMES]
    head = ["| | before | after | difference | 95% interval | p |", "| --- | --- | --- | --- | --- | --- |"]
    return f"## Protocol {protocol}\n\n{counted}. {rule}".rstrip() + "\n\n" + "\n".join([*head, *rows])


def _row(name: str, found: Difference) -> str:
    low, high = found.ci95
    cells = [name, f"{found.a:.4f}", f"{found.b:.4f}", f"{found.absolute:+.4f}"]
    return f"| {' | '.join(cells)} | [{low:+.4f}, {high:+.4f}] | {found.p_value:.4f} |"


def reference_text(setup: Setup, split: str) -> str:
    """The reference's own figures, with what they are of, and whether ours may be held against them."""
    before, after = REFERENCE_NDCG
    stated = (
        f"The reference's notebook, official protocol, split {REFERENCE_SPLIT}, {REFERENCE_MODEL} on 9,020 "
        f"pairs: ndcg@10 {before} → {after}."
    )
    apart = " and ".join(_differing(setup, split))
    if apart:
        return f"{stated} Not to be compared with any figure above, which are of {apart}."
    return (
        f"{stated} To be held against the table of the official protocol, with care for ties: before "
        "training, MTEB has 0.326 for this model where the reference has 0.437, at the same recall@10."
    )


def _differing(setup: Setup, split: str) -> Iterator[str]:
    if split != REFERENCE_SPLIT:
        yield f"split {split}"
    if setup.base_model != REFERENCE_MODEL:
        yield f"the model {setup.base_model}"


def as_object(
    setup: Setup, training: Training, split: str, effects: Mapping[EvaluationProtocol, Effect]
) -> dict[str, Any]:
    """For reproduction.json: the same figures, unrounded."""
    before, after = REFERENCE_NDCG
    return {
        "base_model": setup.base_model,
        "corpus": public_corpus(setup.corpus),
        "split": split,
        "shortfall": setup.shortfall or None,
        "recipe": {**REFERENCE_RECIPE, "development": 0.0},
        "training": asdict(training),
        "protocols": {
            protocol: {
                "queries": len(effect.before.per_query),
                "documents": effect.before.documents,
                "queries_per_s": dict(zip(("before", "after"), effect.queries_per_s, strict=True)),
                "metrics": {name: one.as_dict() for name, one in effect.comparison.metrics.items()},
            }
            for protocol, effect in effects.items()
        },
        "tie_rule": TIE_RULE,
        "reference": {
            "model": REFERENCE_MODEL,
            "protocol": "official",
            "split": REFERENCE_SPLIT,
            "ndcg@10": {"before": before, "after": after},
            "comparable": not any(_differing(setup, split)),
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
