"""What each rule of the lexical index is worth, alone and in hybrid search.

    python -m benchmarks.lexical_rules

Each line changes one rule of search_core/lexical.py; docs/decisions/fusion.md has the choice.
Queries and corpora are those of benchmarks/fusion.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from benchmarks.development_data import cosqa, new_workspace
from benchmarks.fusion import (
    Scores,
    candidates,
    dense_scores,
    lexical_scores,
    load_cosqa,
    load_kinds,
    matched_only,
    measure,
    z_score,
)
from search_core import lexical
from search_core.ranking import lexical_weight
from search_core.types import MAX_K, JudgedCorpus

PARTS = lexical._parts
LUCENE_STOP_WORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there "
    "these they this to was will with"
)


def without_inflections(word: str) -> list[str]:
    return [stem(part) for part in PARTS(word)]


def stem(word: str) -> str:
    """The S-stemmer (Harman, JASIS 42(1), 1991), then the core of Porter's steps 1b and 5a (1980)."""
    if len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith("s") and word[-2] not in "su":
        word = word[:-1]
    for suffix in ("ing", "ed"):
        root = word.removesuffix(suffix)
        if 2 < len(root) < len(word) and not set("aeiouy").isdisjoint(root):
            return root[:-1] if root[-1] == root[-2] and root[-1] not in "lsz" else root
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


RULES: Mapping[str, Mapping[str, object]] = {
    "as it is": {},
    "inflections removed": {"_parts": without_inflections},
    "no stop words": {"STOP_WORDS": frozenset()},
    "Lucene's stop words": {"STOP_WORDS": frozenset(LUCENE_STOP_WORDS.split())},
    "defined names count once": {"NAME_REPEATS": 0},
    "defined names count 1 + 1": {"NAME_REPEATS": 1},
    "defined names count 1 + 5": {"NAME_REPEATS": 5},
    "k1 = 1.5, b = 0.75": {"K1": 1.5, "B": 0.75},
    "k1 = 1.2, b = 0.75": {"K1": 1.2, "B": 0.75},
    "k1 = 0.9, b = 0.9": {"K1": 0.9, "B": 0.9},
}
"""What changes → what it replaces in search_core/lexical.py."""


@contextmanager
def changed(rule: Mapping[str, object]) -> Iterator[None]:
    with patch.dict(vars(lexical), rule):
        lexical._tokens.cache_clear()
        yield
    lexical._tokens.cache_clear()


def ndcg(judged: JudgedCorpus, dense: Scores) -> tuple[float, float]:
    """Mean nDCG@10 of lexical and of hybrid search."""
    alone, fused = [], []
    scores = zip(judged.queries.values(), dense, lexical_scores(judged), strict=True)
    for query, cosines, bm25 in scores:
        found = candidates(cosines, bm25, MAX_K)
        alone.append((found.rows, matched_only(found.lexical)))
        fused.append((found.rows, z_score(found, lexical_weight(query))))
    return measure(judged, alone)[0].mean(), measure(judged, fused)[0].mean()


def main() -> None:
    spec = cosqa()
    with new_workspace() as settings:
        kinds = load_kinds(load_cosqa(spec, settings), settings)
        dense = {kind: dense_scores(judged, settings) for kind, judged in kinds.items()}
        print(f"{'nDCG@10, lexical and hybrid':28}" + "".join(f"{kind:>32}" for kind in kinds))
        for name, rule in RULES.items():
            with changed(rule):
                pairs = [ndcg(judged, dense[kind]) for kind, judged in kinds.items()]
            print(
                f"{name:28}" + "".join(f"{alone:24.3f}{hybrid:8.3f}" for alone, hybrid in pairs), flush=True
            )


if __name__ == "__main__":
    main()
