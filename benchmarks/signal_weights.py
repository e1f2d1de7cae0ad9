"""The weights of the code-aware signals: fitted on the packages for fitting, and what each is worth.

    python -m benchmarks.signal_weights             nDCG@10 with one signal left out at a time
    python -m benchmarks.signal_weights --fit       coordinate ascent from the present weights; takes minutes

Fitting maximises the mean nDCG@10 over both sets of queries of the packages whose part is `fitting`; held-out
packages are not touched. docs/decisions/repositories.md has the figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.queries import Package, is_committed
from benchmarks.repository_scores import K, ndcg_at_10
from benchmarks.sources import all_packages, fetch_all
from search_core.corpus import load_corpus
from search_core.engine import SearchEngine
from search_core.ranking import FITTED, Weights
from search_core.settings import Settings
from search_core.significance import bootstrap_ci95, sign_flip_p_values

GRID: Mapping[str, Sequence[float]] = {
    "lexical.symbol": (0.5, 0.6, 0.7, 0.8, 0.9),
    "lexical.mixed": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    "lexical.words": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    "definition": (0, 1, 2, 3, 4, 6),
    "asides.test": (0, 1, 2, 3, 4),
    "asides.example": (0, 0.5, 1, 2),
    "asides.deprecated": (0, 0.5, 1, 2),
    "asides.stub": (0, 0.5, 1, 2),
    "file": (0, 0.15, 0.25, 0.35, 0.5),
    "coherence": (0, 0.5, 1, 1.5, 2, 3, 4),
    "repeated": (0, 0.25, 0.5, 1, 2, 4),
}
ROUNDS = 3


@dataclass(frozen=True)
class Asked:
    package: Package
    engine: SearchEngine
    model: str

    def scores(self, weights: Weights) -> Iterator[float]:
        """nDCG@10 of each query."""
        self.engine.weights = weights
        by_id, prefix = self.engine.corpus.by_id, self.package.folder + "/"
        queries = (*self.package.queries, *self.package.named)
        texts = [query.text for query in queries]
        rankings = self.engine.rank(texts, K, model=self.model, mode="hybrid")
        for query, ranking in zip(queries, rankings, strict=True):
            paths = [by_id[id].path or "" for id in ranking.ids]
            yield ndcg_at_10(paths, [path.removeprefix(prefix) for path in query.targets])


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Fit the weights of the code-aware signals, or take them apart."
    )
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--model", default="minilm", metavar="SPEC")
    parser.add_argument("--workspace", type=Path, metavar="DIR")
    arguments = parser.parse_args()
    asked = list(prepared(arguments.model, Settings.from_environment(workspace=arguments.workspace)))
    if arguments.fit:
        fit(asked)
    else:
        take_apart(asked)


def prepared(model: str, settings: Settings) -> Iterator[Asked]:
    packages = [package for package in all_packages() if package.part == "fitting" and is_committed(package)]
    for package, root in fetch_all(packages):
        engine = SearchEngine(load_corpus(str(root / package.folder), settings), settings)
        engine.add_model(model)
        print(f"{package.name}: {len(engine.corpus.documents):,} documents", flush=True)
        yield Asked(package, engine, model)


def all_scores(asked: Sequence[Asked], weights: Weights) -> NDArray[np.float64]:
    return np.array([score for one in asked for score in one.scores(weights)])


def fit(asked: Sequence[Asked]) -> None:
    weights = FITTED
    best = all_scores(asked, weights).mean()
    print(f"{best:.4f}  as they are")
    for _ in range(ROUNDS):
        before = best
        for name, values in GRID.items():
            tried = {value: all_scores(asked, changed(weights, name, value)).mean() for value in values}
            value = max(tried, key=tried.__getitem__)
            if tried[value] > best:
                best, weights = tried[value], changed(weights, name, value)
            shown = "  ".join(f"{value:g}: {score:.4f}" for value, score in tried.items())
            print(f"{best:.4f}  {name:18} {shown}", flush=True)
        if best == before:
            break
    print(weights)


def take_apart(asked: Sequence[Asked]) -> None:
    """Each signal left out alone: what the others cannot make up for."""
    whole = all_scores(asked, FITTED)
    print(f"{whole.mean():.4f}  every signal")
    for name in GRID:
        if not name.startswith("lexical"):
            print_difference(f"without {name}", whole, all_scores(asked, changed(FITTED, name, 0)))
    none = FITTED
    for name in GRID:
        none = none if name.startswith("lexical") else changed(none, name, 0)
    print_difference("without any", whole, all_scores(asked, none))
    for share, what in ((0.0, "dense alone"), (1.0, "BM25 alone")):
        mixed = replace(FITTED, lexical=dict.fromkeys(FITTED.lexical, share))
        print_difference(f"{what}, every signal", whole, all_scores(asked, mixed))


def print_difference(what: str, whole: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    differences = (other - whole)[None, :]
    (low, high), (p_value,) = bootstrap_ci95(differences)[0], sign_flip_p_values(differences)
    print(
        f"{other.mean():.4f}  {what:28} {differences.mean():+.4f} [{low:+.4f}, {high:+.4f}] p {p_value:.4f}",
        flush=True,
    )


def changed(weights: Weights, name: str, value: float) -> Weights:
    """weights with one of them changed: `names`, or `asides.test` for one of several."""
    field, _, key = name.partition(".")
    new: Any = {**getattr(weights, field), key: value} if key else value
    return replace(weights, **{field: new})


if __name__ == "__main__":
    main()
