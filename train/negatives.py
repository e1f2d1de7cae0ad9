"""Hard negatives: functions that the base model takes for an answer, and that are none.

docs/training.md says why sentence-transformers' own miner is not used.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_core.encoder import Encoder, encode_corpus
from search_core.judgments import folded
from search_core.ranking import top_rows
from search_core.store import Workspace, read_artifact, write_artifact
from search_core.types import Progress, StudioError, silent
from train.pairs import Pair, PairSet

SKIPPED_RANKS = 2
"""The base model's first two are too often answers that nobody judged."""
RELATIVE_MARGIN = 0.05
"""A negative scores at least so much below the positive, as a share of the positive's score: the
TopK-PercPos of NV-Retriever with 95% (Moreira et al., 2024, arXiv:2407.15831)."""
HARD_RANKS = 40
"""Negatives from further down are taken, but counted: where the base model ranks the positive itself
low there are none above, and that pair is the one to learn from."""

METHOD = 1
"""Count up when the choice changes: stored negatives are then mined anew."""
ROOM, FILE = "negatives", "rows.npy"
QUERIES_AT_ONCE = 256

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Mined:
    """rows: (pairs, per_pair) int32, rows of the candidates; -1 throughout for a pair with too few."""

    rows: NDArray[np.int32]
    counts: Mapping[str, int]


def mine_hard_negatives(
    pair_set: PairSet, encoder: Encoder, per_pair: int, workspace: Workspace, progress: Progress = silent
) -> PairSet:
    """The pairs with `per_pair` negatives each: labelled ones that they have, then mined ones, hardest first.

    Those are the candidates that score best for the query after rank SKIPPED_RANKS, that are not
    known to answer it and that keep RELATIVE_MARGIN to the pair's own positive. Pairs with too few
    are left out. `counts` gains `too_close` (candidates passed over for the margin, over all pairs),
    `beyond_hard_ranks` (pairs with a negative from below rank HARD_RANKS) and `too_few_negatives`
    (pairs left out). Equal input gives equal negatives; they are kept in the workspace.
    progress: of the candidates that must be encoded.

    Raises StudioError where no pair has enough, and where the workspace cannot be written.
    """
    source = _fingerprint(pair_set, encoder, per_pair)
    folder = workspace.folder(ROOM, source[:16])
    mined = _read(folder, source)
    if mined is None:
        vectors = encode_corpus(encoder, pair_set.candidates, workspace, progress).vectors
        mined = _mine(pair_set, encoder, per_pair, vectors)
        with workspace.writing(folder):
            _write(folder, source, mined)
    documents = pair_set.candidates.documents
    mined_texts = ([documents[row].encoded for row in rows if row != -1] for rows in mined.rows.tolist())
    pairs = [
        replace(pair, negatives=tuple(dict.fromkeys((*pair.negatives, *texts)))[:per_pair])
        for pair, texts in zip(pair_set.pairs, mined_texts, strict=True)
    ]
    kept = tuple(pair for pair in pairs if len(pair.negatives) == per_pair)
    if not kept:
        raise StudioError(
            f"No pair has {per_pair} hard negatives among the {len(documents):,} functions of "
            f"{pair_set.candidates.spec!r}: ask for fewer, or train without them (0)."
        )
    counts = {**pair_set.counts, **mined.counts, "too_few_negatives": len(pairs) - len(kept)}
    return replace(pair_set, pairs=kept, counts=counts)


def _mine(pair_set: PairSet, encoder: Encoder, per_pair: int, vectors: Scores) -> Mined:
    """vectors: (candidates, dim), rows of length 1."""
    row_of = {key: row for row, key in enumerate(pair_set.candidates.content_keys)}
    rows = np.full((len(pair_set.pairs), per_pair), -1, np.int32)
    counts = Counter(too_close=0, beyond_hard_ranks=0)
    for number, (pair, scores) in enumerate(_scored(pair_set.pairs, encoder, vectors)):
        known = [row_of[key] for key in pair_set.relevant[folded(pair.query)] if key in row_of]
        positive = scores[row_of[pair.positive_key]]
        allowed = scores.copy()
        allowed[known] = -np.inf
        allowed[top_rows(scores, SKIPPED_RANKS)[:SKIPPED_RANKS]] = -np.inf
        # Not (1 - margin) · positive: that would raise the bar where the score is negative.
        too_close = allowed > positive - RELATIVE_MARGIN * abs(positive)
        allowed[too_close] = -np.inf
        found = top_rows(allowed, per_pair, above=-np.inf)[:per_pair]
        counts["too_close"] += int(too_close.sum())
        if len(found) < per_pair:
            continue
        rows[number] = found
        last_rank = 1 + np.count_nonzero(scores > scores[found[-1]])
        counts["beyond_hard_ranks"] += int(last_rank > HARD_RANKS)
    return Mined(rows, counts)


def _scored(pairs: tuple[Pair, ...], encoder: Encoder, vectors: Scores) -> Iterator[tuple[Pair, Scores]]:
    """Each pair with its query's scores (candidates,); a portion of the queries is in memory at a time."""
    for start in range(0, len(pairs), QUERIES_AT_ONCE):
        portion = pairs[start : start + QUERIES_AT_ONCE]
        queries = encoder.encode_queries([pair.query for pair in portion])
        yield from zip(portion, queries @ vectors.T, strict=True)


def _fingerprint(pair_set: PairSet, encoder: Encoder, per_pair: int) -> str:
    """Of everything that decides on the negatives."""
    settings = [METHOD, SKIPPED_RANKS, RELATIVE_MARGIN, HARD_RANKS, per_pair, encoder.fingerprint]
    pairs = [
        [pair.query, pair.positive_key, sorted(pair_set.relevant[folded(pair.query)])]
        for pair in pair_set.pairs
    ]
    text = json.dumps([settings, pair_set.candidates.fingerprint, pairs])
    return hashlib.sha256(text.encode()).hexdigest()


def _write(folder: Path, source: str, mined: Mined) -> None:
    write_artifact(
        folder,
        {FILE: lambda path: np.save(path, mined.rows)},
        {"source": source, "counts": dict(mined.counts)},
    )


def _read(folder: Path, source: str) -> Mined | None:
    """What was mined from the same source, or None where there is none that is whole."""
    artifact = read_artifact(folder)
    if artifact is None or artifact.metadata["source"] != source:
        return None
    return Mined(np.load(artifact.files[FILE]), artifact.metadata["counts"])
