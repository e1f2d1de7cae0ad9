"""What people marked: whether a hit answers a query. The page writes it, training reads it."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

from search_core.corpus.judged import learnable_text
from search_core.store import Workspace, append_lines
from search_core.types import Document

Verdict = Literal["right", "wrong", "none"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

FILE = "judgments.jsonl"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """One verdict on one document for one query; `none` takes an earlier one back.

    t: unix seconds. corpus: its spec. key, id, path, symbol: of the document as it was found.
    text: what training reads of it, so that a mark outlives the documents of its time.
    """

    t: float
    corpus: str
    query: str
    key: str
    id: str
    path: str | None
    symbol: str | None
    text: str
    verdict: Verdict

    @classmethod
    def of(cls, document: Document, corpus: str, query: str, verdict: Verdict) -> Mark:
        """A verdict given now."""
        return cls(
            time.time(),
            corpus,
            query,
            document.content_key,
            document.id,
            document.path,
            document.symbol,
            learnable_text(document),
            verdict,
        )


Marks = Mapping[tuple[str, str], Mark]
"""Folded query and content key → the latest mark, where that is right or wrong."""


class JudgmentLog:
    """The marks of a workspace: a file that only grows, a JSON object a line. Safe to use from many threads.

    Several processes may append and read: each takes in what the others wrote when it next looks.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path = workspace.folder(FILE)
        self._lock = threading.Lock()  # guards the two below
        self._read_to = 0
        self._latest: dict[str, dict[tuple[str, str], Mark]] = {}

    def add(self, mark: Mark) -> None:
        """Append a mark, down to the disk. Raises StudioError where it cannot be written."""
        with self._workspace.writing(self._path.parent):
            append_lines(self._path, as_lines([mark]))

    def of(self, corpus: str) -> Marks:
        """What holds now of a corpus."""
        with self._lock:
            self._take_in()
            return MappingProxyType(dict(self._latest.get(corpus, {})))

    def verdicts(self, corpus: str, query: str) -> dict[str, Verdict]:
        """Content key → verdict, of one query."""
        asked = folded(query)
        return {key: mark.verdict for (query, key), mark in self.of(corpus).items() if query == asked}

    def _take_in(self) -> None:
        """Read on from where the last look ended; a line that is still being written waits for the next."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._read_to:  # another file has taken its place
                    self._read_to, self._latest = 0, {}
                file.seek(self._read_to)
                new = file.read()
        except FileNotFoundError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for mark in _parsed(whole, self._path):
            of_corpus, place = self._latest.setdefault(mark.corpus, {}), (folded(mark.query), mark.key)
            of_corpus.pop(place, None)
            if mark.verdict != "none":
                of_corpus[place] = mark


def read_marks(path: Path) -> tuple[Mark, ...]:
    """The marks of a file, in its order. Raises OSError where it cannot be read."""
    return tuple(_parsed(path.read_bytes(), path))


def as_lines(marks: Iterable[Mark]) -> str:
    """What a file of marks holds."""
    return "".join(json.dumps(asdict(mark)) + "\n" for mark in marks)


def folded(query: str) -> str:
    """Two queries are the same if they differ only in case, white space or the final stop.

    >>> folded(" Sort  a List. ")
    'sort a list'
    """
    return " ".join(query.casefold().split()).rstrip(" .!?")


def _parsed(lines: bytes, path: Path) -> Iterator[Mark]:
    for line in lines.split(b"\n"):
        if not line.strip():
            continue
        try:
            mark = Mark(**json.loads(line))
            if mark.verdict not in VERDICTS:
                raise ValueError(f"verdict {mark.verdict!r}")
        except (ValueError, TypeError) as error:
            logger.warning("%s: a damaged line is left out (%s)", path, error)
            continue
        yield mark
