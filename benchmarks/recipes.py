"""Training recipes by five-fold cross-validation over CoSQA's train and valid queries (779).

    python -m benchmarks.recipes --folder DIR [--recipe NAME]... [--fold N]... [--seed N]... [--pool judged]
                                 [--docstring-run RUN]

Each fold's model never saw the fold's queries, nor any function that answers one of them. Its
rankings of the fold's queries are pooled over the folds and compared with the base model's, paired
by query; with several seeds a query counts by its mean over them. DIR keeps every trained model and
every report: what is there is not computed again, so folds can run one by one.
docs/decisions/training.md has the table.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_data import cosqa
from benchmarks.recipe_models import Fold, Recipe, make_model
from search_core.corpus import load_judged
from search_core.evaluation import Report, evaluate, read_report, write_report
from search_core.metrics import ABSENT_RANK
from search_core.settings import Settings
from search_core.significance import bootstrap_ci95, sign_flip_p_values
from search_core.types import JudgedCorpus, Mode
from train.config import OFFLINE_MODEL

FOLDS = 5
DEFAULT_SEED = 42
MODES: tuple[Mode, ...] = ("dense", "hybrid")

RECIPES: Mapping[str, Recipe] = {
    "full": Recipe(),
    "full-not-averaged": Recipe({"base_weight": 0.0}),
    "full-base-0.3": Recipe({"base_weight": 0.3}),
    "full-squeezed-56": Recipe(squeezed=56),
    "full-squeezed-32": Recipe(squeezed=32),
    "full-squeezed-16": Recipe(squeezed=16),
    "full-docstrings": Recipe({"base_weight": 0.4}, docstrings=0.3),
    "docstrings-first-squeezed-56": Recipe(after_docstrings=True, squeezed=56),
    "full-query-pairs": Recipe(query_pairs=True),
    "full-distilled": Recipe(distilled=True),
    "full-development": Recipe({"development": 0.1}),
    "full-1-hard-negative": Recipe({"hard_negatives": 1}),
    "lora-16": Recipe({"method": "lora"}),
}


def main() -> None:
    arguments = _parser().parse_args()
    spec = cosqa()
    settings = Settings.from_environment(workspace=arguments.folder / "workspace")
    judged = _all_queries(spec, settings, arguments.pool)
    study = Study(judged, arguments.folder, arguments.docstring_run, settings)
    folds = [_fold(judged, number) for number in arguments.fold or range(FOLDS)]
    for name in arguments.recipe or RECIPES:
        if RECIPES[name].needs_docstring_run and not arguments.docstring_run:
            print(f"{name:24} left out: it needs --docstring-run RUN", flush=True)
            continue
        for mode in MODES:
            before = _values(study.base_report(fold, mode) for fold in folds)
            after = [
                _values(study.report(name, seed, fold, mode) for fold in folds)
                for seed in arguments.seed or [DEFAULT_SEED]
            ]
            print(f"{name:24} {mode:7} {_row(before, np.mean(after, axis=0))}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Cross-validate training recipes on CoSQA.")
    parser.add_argument("--folder", type=Path, required=True, help="models and reports, kept")
    parser.add_argument("--recipe", action="append", choices=RECIPES)
    parser.add_argument("--fold", action="append", type=int, choices=range(FOLDS))
    parser.add_argument("--seed", action="append", type=int, help=f"default {DEFAULT_SEED}")
    parser.add_argument(
        "--pool", choices=("all", "judged"), default="all", help="rank all functions, or the relevant ones"
    )
    parser.add_argument(
        "--docstring-run", type=Path, metavar="RUN", help="of `python -m train run --corpus stdlib`"
    )
    return parser


def _all_queries(spec: str, settings: Settings, pool: str) -> JudgedCorpus:
    train, valid = (load_judged(spec, split, "content", settings) for split in ("train", "valid"))
    qrels = {**train.qrels, **valid.qrels}
    corpus = valid.corpus
    if pool == "judged":
        relevant = frozenset().union(*qrels.values())
        kept = tuple(document for document in corpus.documents if document.id in relevant)
        corpus = replace(corpus, documents=kept, spec=f"{spec}, relevant functions only")
    queries = {**train.queries, **valid.queries}
    return replace(valid, corpus=corpus, split="train+valid", queries=queries, qrels=qrels)


def _fold(judged: JudgedCorpus, number: int) -> Fold:
    return Fold(judged, number, frozenset(id_ for id_ in judged.queries if _number(judged, id_) == number))


def _number(judged: JudgedCorpus, query_id: str) -> int:
    """By the first of its functions, so that most queries for one function share a fold."""
    first = min(judged.corpus.by_id[id_].content_key for id_ in judged.qrels[query_id])
    return int(hashlib.sha256(first.encode()).hexdigest(), 16) % FOLDS


@dataclass(frozen=True)
class Study:
    """Makes models and reports where the folder has none."""

    judged: JudgedCorpus
    folder: Path
    docstring_run: Path | None
    settings: Settings

    def base_report(self, fold: Fold, mode: Mode) -> Report:
        path = self._room / f"{OFFLINE_MODEL}-fold-{fold.number}-{mode}.json"
        return self._measured(path, fold, OFFLINE_MODEL, mode)

    def report(self, name: str, seed: int, fold: Fold, mode: Mode) -> Report:
        """Of a recipe's model on the fold's held-out queries."""
        target = self.folder / f"{name}-seed-{seed}-fold-{fold.number}"
        path = self._room / f"{target.name}-{mode}.json"
        if not path.exists():
            make_model(target, fold, RECIPES[name], seed, self.docstring_run, self.settings)
        return self._measured(path, fold, str(target), mode)

    @property
    def _room(self) -> Path:
        return self.folder / f"{len(self.judged.corpus.documents)}-functions"

    def _measured(self, path: Path, fold: Fold, model: str, mode: Mode) -> Report:
        if not path.exists():
            write_report(evaluate(fold.questions, model, mode, self.settings), path)
        return read_report(path)


def _values(reports: Iterable[Report]) -> NDArray[np.float64]:
    """(2, queries): nDCG@10 and ln of the first relevant rank, over all folds."""
    rows = [row for report in reports for row in report.per_query]
    ranks = [row.first_relevant_rank or ABSENT_RANK for row in rows]
    return np.array([[row.metrics["ndcg@10"] for row in rows], np.log(ranks)])


def _row(before: NDArray[np.float64], after: NDArray[np.float64]) -> str:
    """Means, their difference, its interval and p-value, of each row of (2, queries) values."""
    gains = after - before
    measures = zip(("nDCG@10", "ln(rank)"), before.mean(axis=1), after.mean(axis=1), strict=True)
    sureness = zip(bootstrap_ci95(gains), sign_flip_p_values(gains), strict=True)
    return "  ".join(
        f"{name} {a:.4f} → {b:.4f} ({b - a:+.4f} [{low:+.4f}, {high:+.4f}], p {p_value:.4f})"
        for (name, a, b), ((low, high), p_value) in zip(measures, sureness, strict=True)
    )


if __name__ == "__main__":
    main()
