"""What a run read when it began, kept in its folder: its corpus may change before it ends or is resumed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from search_core.store import write_bytes
from search_core.types import Corpus, Document, JudgedCorpus
from train.pairs import Pair


def write_pairs(path: Path, training: Sequence[Pair], development: Sequence[Pair]) -> None:
    """Raises StudioError where it cannot be written."""
    sides = ((training, False), (development, True))
    _write(path, (asdict(pair) | {"development": side} for pairs, side in sides for pair in pairs))


def read_pairs(path: Path) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on, and pairs to choose the checkpoint by."""
    sides: dict[bool, list[Pair]] = {False: [], True: []}
    for row in _read(path):
        side = row.pop("development")
        sides[side].append(Pair(**row | {"negatives": tuple(row["negatives"])}))
    return sides[False], sides[True]


def write_judged(path: Path, judged: JudgedCorpus) -> None:
    """All that an evaluation reads. Raises StudioError where it cannot be written."""
    about = {
        "spec": judged.corpus.spec,
        "parts": judged.corpus.parts,
        "split": judged.split,
        "protocol": judged.protocol,
        "queries": dict(judged.queries),
        "qrels": {query: sorted(relevant) for query, relevant in judged.qrels.items()},
        "skipped_queries": judged.skipped_queries,
        "derived": judged.derived,
    }
    _write(path, [about, *map(asdict, judged.corpus.documents)])


def read_judged(path: Path) -> JudgedCorpus:
    """The same, as a corpus that is made on the fly."""
    rows = _read(path)
    about = next(rows)
    documents = tuple(Document(**row) for row in rows)
    return JudgedCorpus(
        Corpus(about.pop("spec"), documents, parts=tuple(about.pop("parts"))),
        qrels={query: frozenset(relevant) for query, relevant in about.pop("qrels").items()},
        **about,
    )


def _write(path: Path, rows: Iterable[Any]) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write_bytes(path, gzip.compress(lines.encode(), compresslevel=1))


def _read(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)
