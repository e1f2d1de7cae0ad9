"""Training recipes by five-fold cross-validation over CoSQA's train and valid queries (779).

    python -m benchmarks.recipes --folder DIR [--recipe NAME]... [--fold N]... [--seed N] [--pool judged]

Each fold's model never saw the fold's queries, nor any function that answers one of them. Its
rankings of the fold's queries are pooled over the folds and compared with the base model's, paired
by query. DIR keeps every trained model and every report: what is there is not computed again, so
folds can run one by one. docs/decisions/training.md has the table.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from search_core.corpus import load_judged
from search_core.evaluation import Report, compare, evaluate, read_report, write_report
from search_core.metrics import METRIC_NAMES
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import JudgedCorpus, Mode
from train.config import OFFLINE_MODEL, TrainingConfig, defaults
from train.pairs import Pair, PairSet, folded

FOLDS = 5
MODES: tuple[Mode, ...] = ("dense", "hybrid")


@dataclass(frozen=True)
class Recipe:
    """given: what differs from the defaults. squeezed: rank of the adapter that stands for the model."""

    given: Mapping[str, Any] = field(default_factory=dict)
    squeezed: int | None = None


RECIPES: Mapping[str, Recipe] = {
    "full": Recipe(),
    "full-not-averaged": Recipe({"base_weight": 0.0}),
    "full-squeezed-32": Recipe(squeezed=32),
    "full-squeezed-16": Recipe(squeezed=16),
    "full-1-hard-negative": Recipe({"hard_negatives": 1}),
    "lora-16": Recipe({"method": "lora"}),
}


def main() -> None:
    arguments = _parser().parse_args()
    data = os.environ.get("CODESEARCH_DATASETS")
    if not data:
        print("skipped: CODESEARCH_DATASETS names no folder with the development data")
        return
    settings = Settings.from_environment(workspace=arguments.folder / "workspace")
    judged = _all_queries(f"dataset:{data}/cosqa", settings, arguments.pool)
    for name in arguments.recipe or RECIPES:
        folds = arguments.fold or range(FOLDS)
        reports = [
            _fold_reports(judged, fold, name, arguments.seed, arguments.folder, settings) for fold in folds
        ]
        for mode in MODES:
            before, after = (_pooled([one[side, mode] for one in reports]) for side in ("before", "after"))
            print(f"{name:24} {mode:7} {_row(before, after)}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Cross-validate training recipes on CoSQA.")
    parser.add_argument("--folder", type=Path, required=True, help="models and reports, kept")
    parser.add_argument("--recipe", action="append", choices=RECIPES)
    parser.add_argument("--fold", action="append", type=int, choices=range(FOLDS))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--pool", choices=("all", "judged"), default="all", help="rank all functions, or the relevant ones"
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


def _fold_of(judged: JudgedCorpus, query_id: str) -> int:
    """By the first of its functions, so that most queries for one function share a fold."""
    first = min(judged.corpus.by_id[id_].content_key for id_ in judged.qrels[query_id])
    return int(hashlib.sha256(first.encode()).hexdigest(), 16) % FOLDS


def _fold_reports(
    judged: JudgedCorpus, fold: int, name: str, seed: int, folder: Path, settings: Settings
) -> dict[tuple[str, Mode], Report]:
    """The base model's report and the recipe's, in each mode."""
    ids = [query_id for query_id in judged.queries if _fold_of(judged, query_id) == fold]
    held_out = replace(
        judged,
        queries={id_: judged.queries[id_] for id_ in ids},
        qrels={id_: judged.qrels[id_] for id_ in ids},
    )
    room = folder / f"{len(judged.corpus.documents)}-functions"
    found: dict[tuple[str, Mode], Report] = {}
    for side, label in (("before", OFFLINE_MODEL), ("after", f"{name}-seed-{seed}")):
        for mode in MODES:
            path = room / f"{label}-fold-{fold}-{mode}.json"
            if not path.exists():
                spec = OFFLINE_MODEL if side == "before" else str(folder / f"{label}-fold-{fold}")
                if side == "after":
                    _make(Path(spec), judged, frozenset(ids), RECIPES[name], seed, fold, settings)
                write_report(evaluate(held_out, spec, mode, settings), path)
            found[side, mode] = read_report(path)
    return found


def _make(
    target: Path,
    judged: JudgedCorpus,
    held_out: frozenset[str],
    recipe: Recipe,
    seed: int,
    fold: int,
    settings: Settings,
) -> None:
    """Train where nobody has, then average and squeeze."""
    from train.adapter import adapter_for, squeezed_factors
    from train.result import save_model
    from train.trainer import load_trainable

    if (target / "model.safetensors").exists():
        return
    spec = judged.corpus.spec.partition(",")[0]
    config = defaults(spec, OFFLINE_MODEL, on_gpu=False, seed=seed, **recipe.given)
    plain = replace(config, base_weight=0.0)
    digest = hashlib.sha256(f"{plain.to_json()}{fold}".encode()).hexdigest()[:16]
    trained = target.parent / f"trained-{digest}"
    if not (trained / "model.safetensors").exists():
        _train(trained, _pairs(judged, held_out, settings, config), plain, settings)
    target.mkdir(parents=True, exist_ok=True)
    merged = load_trainable(str(trained), settings)  # an adapter is merged by now
    save_model(target, merged, replace(config, method="full"), settings)
    if recipe.squeezed:
        from search_core.encoder.adapter import merge_adapter
        from search_core.encoder.models import bundled_minilm

        base, tuned = (load_trainable(one, settings) for one in (OFFLINE_MODEL, str(target)))
        adapter = adapter_for(OFFLINE_MODEL, squeezed_factors(base, tuned, recipe.squeezed), settings)
        _remove(target)
        merge_adapter(adapter, bundled_minilm(), target)


def _pairs(
    judged: JudgedCorpus, held_out: frozenset[str], settings: Settings, config: TrainingConfig
) -> Sequence[Pair]:
    from search_core.corpus import load_corpus
    from search_core.encoder import load_encoder
    from train.negatives import mine_hard_negatives

    hidden = {judged.corpus.by_id[id_].content_key for query_id in held_out for id_ in judged.qrels[query_id]}
    pairs, relevant = [], {}
    for query_id, query in judged.queries.items():
        documents = [judged.corpus.by_id[id_] for id_ in sorted(judged.qrels[query_id])]
        relevant[folded(query)] = frozenset(document.content_key for document in documents)
        if query_id not in held_out:
            pairs += [Pair(query, one.encoded, one.content_key) for one in documents]
    kept = tuple(pair for pair in pairs if pair.positive_key not in hidden)
    if not config.hard_negatives:
        return kept
    candidates = load_corpus(config.corpus, settings)
    unseen = tuple(document for document in candidates.documents if document.content_key not in hidden)
    pair_set = PairSet(kept, {}, "judged", replace(candidates, documents=unseen), relevant)
    encoder = load_encoder(config.base_model, settings)
    workspace = Workspace(settings.workspace)
    return mine_hard_negatives(pair_set, encoder, config.hard_negatives, workspace).pairs


def _train(folder: Path, pairs: Sequence[Pair], config: TrainingConfig, settings: Settings) -> None:
    import tempfile

    from train.pairs import split_development
    from train.result import save_model
    from train.trainer import fine_tune, load_trainable

    training, development = split_development(pairs, config.development, config.seed)
    model = load_trainable(config.base_model, settings)
    with tempfile.TemporaryDirectory() as scratch:
        outcome = fine_tune(
            model, training, development, config, Path(scratch, "checkpoints"), lambda _: None
        )
    print(f"trained on {len(training)} pairs: {outcome}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder, model, config, settings)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


def _pooled(reports: Sequence[Report]) -> Report:
    """One report over the queries of all folds."""
    rows = tuple(row for report in reports for row in report.per_query)
    metrics = {name: sum(row.metrics[name] for row in rows) / len(rows) for name in METRIC_NAMES}
    return replace(reports[0], per_query=rows, metrics=metrics)


def _row(before: Report, after: Report) -> str:
    comparison = compare(before, after)
    ndcg, ln_rank = comparison.metrics["ndcg@10"], comparison.ln_first_relevant_rank
    return "  ".join(
        f"{name} {one.a:.4f} → {one.b:.4f} ({one.absolute:+.4f} [{one.ci95[0]:+.4f}, {one.ci95[1]:+.4f}], "
        f"p {one.p_value:.4f})"
        for name, one in (("nDCG@10", ndcg), ("ln(rank)", ln_rank))
    )


if __name__ == "__main__":
    main()
