"""The model of a recipe and a fold: its pairs, training, and what is done to the weights after it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.distillation import distil_fusion
from search_core.judgments import folded
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import Corpus, JudgedCorpus
from train.config import OFFLINE_MODEL, TrainingConfig, defaults
from train.pairs import Pair, PairSet, split_development

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Recipe:
    """How to make a model.

    given: what differs from the defaults.
    query_pairs: two queries that one function answers are a pair, too.
    distilled: after training, the order of hybrid search is learnt, too.
    docstrings: share of a docstring run's weight difference that is added.
    after_docstrings: the docstring run's model is what training starts from.
    squeezed: rank of the adapter that stands for the model.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    query_pairs: bool = False
    distilled: bool = False
    docstrings: float = 0.0
    after_docstrings: bool = False
    squeezed: int | None = None

    @property
    def needs_docstring_run(self) -> bool:
        return self.after_docstrings or bool(self.docstrings)


@dataclass(frozen=True)
class Fold:
    """judged: all queries. held_out: ids of those that the fold's models must not see."""

    judged: JudgedCorpus
    number: int
    held_out: frozenset[str]

    @property
    def questions(self) -> JudgedCorpus:
        """The held-out queries alone."""
        queries = {id_: query for id_, query in self.judged.queries.items() if id_ in self.held_out}
        return replace(self.judged, queries=queries, qrels={id_: self.judged.qrels[id_] for id_ in queries})

    @property
    def hidden(self) -> frozenset[str]:
        """Content keys of the functions that answer a held-out query."""
        by_id, qrels = self.judged.corpus.by_id, self.judged.qrels
        return frozenset(by_id[id_].content_key for query_id in self.held_out for id_ in qrels[query_id])


def make_model(
    target: Path, fold: Fold, recipe: Recipe, seed: int, docstring_run: Path | None, settings: Settings
) -> None:
    """Write the recipe's model; equal pairs are trained on once for all recipes that share the training.

    docstring_run: a finished run of `train run --corpus stdlib`, for recipes with docstrings.
    """
    from train.result import save_model
    from train.trainer import load_trainable

    if (target / "model.safetensors").exists():
        return
    corpus = fold.judged.corpus.spec.partition(",")[0]
    base = str(docstring_run) if recipe.after_docstrings else OFFLINE_MODEL
    config = defaults(corpus, base, on_gpu=False, seed=seed, **recipe.given)
    pairs = [*_pairs(fold, config, settings), *(_query_pairs(fold) if recipe.query_pairs else ())]
    trained = _trained(target.parent, pairs, replace(config, base_weight=0.0), settings)
    model = load_trainable(str(trained), settings)
    if recipe.distilled:
        distil_fusion(model, *_unjudged(fold), config, settings)
    if recipe.docstrings and docstring_run:
        _add_difference(model, docstring_run, recipe.docstrings / (1 - config.base_weight), settings)
    target.mkdir(parents=True, exist_ok=True)
    save_model(target, model, replace(config, method="full"), settings)  # an adapter is merged by now
    if recipe.squeezed:
        _squeeze(target, recipe.squeezed, settings)


def _pairs(fold: Fold, config: TrainingConfig, settings: Settings) -> Sequence[Pair]:
    """Each query that is not held out with each function that answers it, and no held-out one."""
    from search_core.corpus import load_corpus
    from search_core.encoder import load_encoder
    from train.negatives import mine_hard_negatives

    judged, hidden = fold.judged, fold.hidden
    pairs, relevant = [], {}
    for query_id, query in judged.queries.items():
        documents = [judged.corpus.by_id[id_] for id_ in sorted(judged.qrels[query_id])]
        relevant[folded(query)] = frozenset(document.content_key for document in documents)
        if query_id not in fold.held_out:
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


def _unjudged(fold: Fold) -> tuple[list[str], Corpus]:
    """The queries that are not held out, and the corpus without what answers held-out ones."""
    queries = [query for id_, query in fold.judged.queries.items() if id_ not in fold.held_out]
    corpus, hidden = fold.judged.corpus, fold.hidden
    kept = tuple(document for document in corpus.documents if document.content_key not in hidden)
    return queries, replace(corpus, documents=kept, id="")


def _query_pairs(fold: Fold) -> list[Pair]:
    """Two queries that one function answers, neither of them held out."""
    judged, hidden = fold.judged, fold.hidden
    asking: dict[str, list[str]] = {}
    for query_id, query in judged.queries.items():
        if query_id not in fold.held_out:
            for id_ in judged.qrels[query_id]:
                asking.setdefault(judged.corpus.by_id[id_].content_key, []).append(query)
    return [
        Pair(one, other, key)
        for key, queries in asking.items()
        if key not in hidden
        for one, other in combinations(queries, 2)
    ]


def _trained(folder: Path, pairs: Sequence[Pair], config: TrainingConfig, settings: Settings) -> Path:
    """A folder with the model that these pairs and this configuration give, trained where nobody has."""
    from train.result import save_model
    from train.trainer import fine_tune, load_trainable

    texts = [[pair.query, pair.positive, *pair.negatives] for pair in pairs]
    digest = hashlib.sha256(f"{config.to_json()}{json.dumps(texts)}".encode()).hexdigest()[:16]
    target = folder / f"trained-{digest}"
    if (target / "model.safetensors").exists():
        return target
    training, development = split_development(pairs, config.development, config.seed)
    model = load_trainable(config.base_model, settings)
    with tempfile.TemporaryDirectory() as scratch:
        checkpoints = Path(scratch, "checkpoints")
        outcome = fine_tune(model, training, development, config, checkpoints, lambda _: None)
    print(f"trained on {len(training)} pairs: {outcome}", flush=True)
    target.mkdir(parents=True, exist_ok=True)
    save_model(target, model, config, settings)
    return target


def _add_difference(model: SentenceTransformer, run: Path, share: float, settings: Settings) -> None:
    """Add a share of what a run's training did to its base (task arithmetic, Ilharco et al., ICLR 2023)."""
    from train.run import CONFIG
    from train.trainer import load_trainable

    config = TrainingConfig.read(run / CONFIG)
    base, tuned = (load_trainable(spec, settings).state_dict() for spec in (config.base_model, str(run)))
    whole = share / (1 - config.base_weight)  # the run has averaged its weights with the base's already
    for name, weight in model.state_dict().items():
        if weight.is_floating_point():
            weight.add_(tuned[name] - base[name], alpha=whole)


def _squeeze(target: Path, rank: int, settings: Settings) -> None:
    """Put the base with a low-rank adapter in the place of a model."""
    import shutil

    from search_core.encoder.adapter import merge_adapter
    from search_core.encoder.models import bundled_minilm
    from train.adapter import adapter_for, squeezed_factors
    from train.trainer import load_trainable

    base, tuned = (load_trainable(spec, settings) for spec in (OFFLINE_MODEL, str(target)))
    adapter = adapter_for(OFFLINE_MODEL, squeezed_factors(base, tuned, rank), settings)
    shutil.rmtree(target)
    merge_adapter(adapter, bundled_minilm(), target)
