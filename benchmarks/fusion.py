"""How hybrid search fuses, and with which weight: docs/decisions/fusion.md has the choice.

    python -m benchmarks.fusion

Five-fold cross-validation over CoSQA's 779 train and valid queries (content protocol, all 6,267
functions, `minilm`): each fold is ranked with the weight that was best on the other four. Twice: with
the candidates that the engine fuses (the tops of both lists), and with every score known. Then what
the weight does on the standard library, too: questions derived from docstrings, and function names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.development_data import cosqa, new_workspace
from search_core.corpus import load_judged
from search_core.corpus.judged import split_of_module
from search_core.encoder import encode_corpus, load_encoder
from search_core.lexical import LexicalIndex
from search_core.metrics import METRICS, relevance_by_rank
from search_core.ranking import fuse, order, top_rows
from search_core.settings import Settings
from search_core.significance import bootstrap_ci95, sign_flip_p_values
from search_core.store import Workspace
from search_core.types import MAX_K, JudgedCorpus

METRIC_COLUMNS = ("ndcg@10", "mrr@10", "recall@10")
FOLDS = 5
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
ALL_SHARES = (0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1)
TINY = 1e-9

Scores = NDArray[np.float32]
PerQuery = NDArray[np.float64]


class Candidates(NamedTuple):
    """One query's candidates, (n,) each.

    dense: cosine; what dense retrieval did not return counts as its last. lexical: 0 where no term occurs.
    """

    rows: NDArray[np.int64]
    dense: Scores
    lexical: Scores


Fusion = Callable[[Candidates, float], Scores]


class Trial(NamedTuple):
    """A fusion, and the weights that cross-validation chooses from."""

    name: str
    fusion: Fusion
    weights: Sequence[float] = SHARES


def z_score(found: Candidates, weight: float) -> Scores:
    return fuse(found.dense, found.lexical, weight)


def min_max(found: Candidates, weight: float) -> Scores:
    return (1 - weight) * unit_range(found.dense) + weight * unit_range(found.lexical)


def share_of_best(found: Candidates, weight: float) -> Scores:
    """Cosine as it is, BM25 as a share of the query's best: no figure depends on the other candidates."""
    best = max(found.lexical.max(), TINY)
    return as_scores((1 - weight) * found.dense + weight * found.lexical / best)


def plain_sum(found: Candidates, weight: float) -> Scores:
    """Cosine and BM25 as they are: the longer the question, the more BM25 weighs."""
    return found.dense + weight * found.lexical


def reciprocal_rank(k: int) -> Fusion:
    """Cormack, Clarke and Büttcher, SIGIR 2009, with a weight; what no term matches has no lexical rank."""

    def fusion(found: Candidates, weight: float) -> Scores:
        lexical = np.where(found.lexical > 0, 1 / (k + ranks(found.lexical)), 0)
        return as_scores((1 - weight) / (k + ranks(found.dense)) + weight * lexical)

    return fusion


def unit_range(scores: Scores) -> Scores:
    return as_scores((scores - scores.min()) / max(np.ptp(scores), TINY))


def as_scores(values: ArrayLike) -> Scores:
    return np.asarray(values, np.float32)


def ranks(scores: Scores) -> NDArray[np.int64]:
    """(n,) from 1, best first."""
    positions = np.empty(len(scores), np.int64)
    positions[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return positions


TRIALS = (
    Trial("z-score", z_score),
    Trial("min-max", min_max),
    Trial("cosine, BM25 / best", share_of_best),
    Trial("cosine + BM25", plain_sum, (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05)),
    Trial("RRF, k = 10", reciprocal_rank(10)),
    Trial("RRF, k = 60", reciprocal_rank(60)),
)


def print_fusions(judged: JudgedCorpus, settings: Settings) -> None:
    scores = list(zip(dense_scores(judged, settings), lexical_scores(judged), strict=True))
    for title, depth in (
        (f"the top {MAX_K:,} of both lists", MAX_K),
        ("every score known", len(judged.corpus.documents)),
    ):
        print(f"\nCoSQA, {len(judged.queries)} queries, candidates: {title}")
        print(f"{'':20} {'nDCG@10':>8} {'MRR@10':>8} {'R@10':>8}  nDCG@10 - dense, 95%          p  weights")
        print_trials(judged, [candidates(dense, lexical, depth) for dense, lexical in scores])


def print_trials(judged: JudgedCorpus, found: Sequence[Candidates]) -> None:
    dense = measure(judged, ((one.rows, one.dense) for one in found))
    print_line("dense", dense)
    print_line("lexical", measure(judged, ((one.rows, matched_only(one.lexical)) for one in found)))
    for trial in TRIALS:
        by_weight = np.stack(
            [
                measure(judged, ((one.rows, trial.fusion(one, weight)) for one in found))
                for weight in trial.weights
            ]
        )
        held_out, chosen = cross_validate(by_weight)
        print_line(trial.name, held_out, dense, " ".join(f"{trial.weights[row]:g}" for row in chosen))


def print_line(name: str, values: PerQuery, dense: PerQuery | None = None, weights: str = "") -> None:
    line = f"{name:20} " + " ".join(f"{mean:8.4f}" for mean in values.mean(axis=1))
    if dense is not None:
        differences = (values - dense)[:1]
        (low, high), (p_value,) = bootstrap_ci95(differences)[0], sign_flip_p_values(differences)
        line += f"  {differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]  {p_value:.4f}  {weights}"
    print(line, flush=True)


def cross_validate(by_weight: NDArray[np.float64]) -> tuple[PerQuery, list[int]]:
    """Measure each fold with the weight that is best, by mean nDCG@10, on the other folds.

    by_weight: (n_weights, n_metrics, n_queries). Returns (n_metrics, n_queries) and the weights' rows.
    """
    fold_of = np.random.default_rng(0).permutation(by_weight.shape[2]) % FOLDS
    held_out = np.empty(by_weight.shape[1:])
    chosen = []
    for fold in range(FOLDS):
        inside = fold_of == fold
        chosen.append(int(by_weight[:, 0, ~inside].mean(axis=1).argmax()))
        held_out[:, inside] = by_weight[chosen[-1]][:, inside]
    return held_out, chosen


def print_weights(kinds: Mapping[str, JudgedCorpus], settings: Settings) -> None:
    """What z-score fusion reaches at each weight; 0 is dense alone, 1 lexical alone."""
    print(f"\n{'z-score, nDCG@10 by weight':35}" + "".join(f"{weight:7g}" for weight in ALL_SHARES))
    for kind, judged in kinds.items():
        scores = zip(dense_scores(judged, settings), lexical_scores(judged), strict=True)
        found = [candidates(dense, lexical, MAX_K) for dense, lexical in scores]
        means = (
            measure(judged, ((one.rows, z_score(one, weight)) for one in found))[0].mean()
            for weight in ALL_SHARES
        )
        print(f"{kind:35}" + "".join(f"{mean:7.3f}" for mean in means), flush=True)


def dense_scores(judged: JudgedCorpus, settings: Settings) -> Scores:
    """(n_queries, n_documents) cosines of `minilm`."""
    encoder = load_encoder("minilm", settings)
    made = encode_corpus(encoder, judged.corpus, Workspace(settings.workspace))
    row_of = {key: row for row, key in enumerate(made.keys)}
    vectors = made.vectors[[row_of[key] for key in judged.corpus.content_keys]]
    return encoder.encode_queries(list(judged.queries.values())) @ vectors.T


def lexical_scores(judged: JudgedCorpus) -> Scores:
    """(n_queries, n_documents) of BM25."""
    index = LexicalIndex.build([document.encoded for document in judged.corpus.documents])
    return np.stack([index.scores(query) for query in judged.queries.values()])


def candidates(dense: Scores, lexical: Scores, depth: int) -> Candidates:
    """The tops of both lists, as the engine fuses them."""
    retrieved = top_rows(dense, depth)
    rows = np.union1d(retrieved, top_rows(lexical, depth, above=0))
    return Candidates(rows, np.maximum(dense[rows], dense[retrieved[-1]]), lexical[rows])


def matched_only(lexical: Scores) -> Scores:
    return np.where(lexical > 0, lexical, np.float32(-np.inf))


def measure(judged: JudgedCorpus, scored: Iterable[tuple[NDArray[np.int64], Scores]]) -> PerQuery:
    """(n_metrics, n_queries) of rankings, each given as rows of the corpus and their scores."""
    ids = [document.id for document in judged.corpus.documents]
    rankings = []
    for rows, scores in scored:
        best = top_rows(scores, 10)
        names = [ids[row] for row in rows[best]]
        rankings.append([names[row] for row in order(scores[best], names)[:10]])
    relevant = [judged.qrels[query] for query in judged.queries]
    relevance = relevance_by_rank(rankings, relevant)
    n_relevant = np.array([len(documents) for documents in relevant])
    return np.stack([METRICS[name](relevance, n_relevant) for name in METRIC_COLUMNS])


def load_cosqa(spec: str, settings: Settings) -> JudgedCorpus:
    """Train and valid queries together; the test split is for nobody's choices."""
    train, valid = (load_judged(spec, split, "content", settings) for split in ("train", "valid"))
    return replace(
        valid,
        split="train+valid",
        queries={**train.queries, **valid.queries},
        qrels={**train.qrels, **valid.qrels},
    )


def load_kinds(cosqa: JudgedCorpus, settings: Settings) -> dict[str, JudgedCorpus]:
    """What people ask of code: questions of the web, sentences about a function, names."""
    sentences = load_judged("stdlib", "valid", "content", settings)
    names = name_queries(sentences)
    return {
        f"{len(cosqa.queries)} CoSQA questions": cosqa,
        f"{len(sentences.queries)} stdlib docstring sentences": sentences,
        f"{len(names.queries)} stdlib function names": names,
    }


def name_queries(judged: JudgedCorpus) -> JudgedCorpus:
    """Whoever types the name of a function of this split's modules looks for all that are called so."""
    called: dict[str, set[str]] = {}
    asked: set[str] = set()
    for document in judged.corpus.documents:
        assert document.symbol and document.path
        name = document.symbol.rpartition(".")[2]
        called.setdefault(name, set()).add(document.id)
        if not name.startswith("__") and split_of_module(document.path) == judged.split:
            asked.add(name)
    names = sorted(asked)
    return replace(
        judged,
        queries={name: name for name in names},
        qrels={name: frozenset(called[name]) for name in names},
    )


def main() -> None:
    spec = cosqa()
    with new_workspace() as settings:
        judged = load_cosqa(spec, settings)
        print_fusions(judged, settings)
        print_weights(load_kinds(judged, settings), settings)


if __name__ == "__main__":
    main()
