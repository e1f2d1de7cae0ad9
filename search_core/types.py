"""Records that everyone shares. Frozen values; imports nothing of ours."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, get_args

Mode = Literal["dense", "lexical", "hybrid"]
Kind = Literal["function", "method", "class", "section", "block"]
EvaluationProtocol = Literal["content", "official"]

MODES: tuple[Mode, ...] = get_args(Mode)
KINDS: tuple[Kind, ...] = get_args(Kind)
PROTOCOLS: tuple[EvaluationProtocol, ...] = get_args(EvaluationProtocol)

MAX_K = 1_000
"""Deepest ranking that is served or judged."""
MAX_QUERY_CHARACTERS = 10_000


class StudioError(Exception):
    """Something the user can mend: shown as one line, without a traceback."""


class Progress(Protocol):
    """Told how far a long step is; called from the thread that does the work."""

    def __call__(self, done: int, total: int, /) -> None: ...


def silent(done: int, total: int, /) -> None:
    """The progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Document:
    """One retrievable piece of a corpus.

    id: unique in its corpus and stable while other lines of the file change.
    text: the exact lines `start_line` to `end_line` of the file, or a data set's text.
    encoded: what encoders and BM25 read: the text itself, or a string derived from it.
    start_line, end_line: from 1, both inclusive.
    """

    id: str
    text: str
    encoded: str
    path: str | None = None
    symbol: str | None = None
    kind: Kind | None = None
    language: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    signature: str | None = None
    docstring: str | None = None
    url: str | None = None

    @property
    def content_key(self) -> str:
        """Of what is encoded."""
        return content_key(self.encoded)


def content_key(text: str) -> str:
    """SHA-256 of a text: equal texts share one vector under this key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class SkippedFile:
    path: str
    reason: str


@dataclass(frozen=True)
class Corpus:
    """Documents and where they came from.

    id: name of its folder in the workspace; empty for one that is made on the fly, whose
        indexes are not kept.
    documents: in the source's order; ids are unique.
    files: how many files were read (a data set counts as none).
    skipped: files that were looked at and left out, each with the reason; many of them
        as one row for each top folder and reason.
    commit: of a git repository. parts: of a union, what opens the paths of each of its corpora.
    queries: some that people ask of it: a data set brings them.
    """

    spec: str
    documents: tuple[Document, ...]
    files: int = 0
    skipped: tuple[SkippedFile, ...] = ()
    id: str = ""
    commit: str | None = None
    parts: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()

    def module_path(self, document: Document) -> str:
        """The document's path in its own corpus: the same, whether it is searched alone or in a union."""
        path = document.path or ""
        return path.partition("/")[2] if self.parts else path

    @cached_property
    def by_id(self) -> Mapping[str, Document]:
        return {document.id: document for document in self.documents}

    @cached_property
    def content_keys(self) -> tuple[str, ...]:
        """Content key of each document, in order."""
        return tuple(document.content_key for document in self.documents)

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """Content key → what is encoded: each distinct text once, in the order of its first document."""
        texts: dict[str, str] = {}
        for key, document in zip(self.content_keys, self.documents, strict=True):
            texts.setdefault(key, document.encoded)
        return texts

    @cached_property
    def fingerprint(self) -> str:
        """Changes when any id or encoded text does, or their order."""
        digest = hashlib.sha256()
        for document, key in zip(self.documents, self.content_keys, strict=True):
            digest.update(f"{document.id}\0{key}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    @cached_property
    def languages(self) -> Mapping[str, int]:
        """Documents per language, most frequent first."""
        return dict(Counter(d.language for d in self.documents if d.language).most_common())

    @cached_property
    def lines(self) -> int:
        """Of the files, each up to its last document; of a data set's texts."""
        last: dict[str, int] = {}
        for document in self.documents:
            place, end = document.path or document.id, document.end_line or len(document.text.splitlines())
            last[place] = max(end, last.get(place, 0))
        return sum(last.values())

    @cached_property
    def kinds(self) -> Mapping[str, int]:
        """Documents per kind, most frequent first."""
        return dict(Counter(d.kind for d in self.documents if d.kind).most_common())


Qrels = Mapping[str, frozenset[str]]
"""Query id to the ids of its relevant documents (judged score above 0)."""


@dataclass(frozen=True)
class JudgedCorpus:
    """A corpus with queries and qrels: what an evaluation runs on.

    queries: id to text, only those with at least one relevant document.
    skipped_queries: queries of the split that were left out because none of their
        relevant documents exists.
    derived: True where qrels come from docstrings, not from people.
    """

    corpus: Corpus
    split: str
    protocol: EvaluationProtocol
    queries: Mapping[str, str]
    qrels: Qrels
    skipped_queries: int = 0
    derived: bool = False


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What a hit must match. language: lower-case name; path: a gitignore-style glob; kind: one of KINDS."""

    language: str | None = None
    path: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    rank: int
    score: float
    document: Document

    def as_dict(self) -> dict[str, Any]:
        document = self.document
        return {
            "rank": self.rank,
            "score": self.score,
            "id": document.id,
            "path": document.path,
            "symbol": document.symbol,
            "kind": document.kind,
            "language": document.language,
            "start_line": document.start_line,
            "end_line": document.end_line,
            "text": document.text,
            "url": document.url,
        }


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one model answered. mode: the mode that served, not the one asked for."""

    model: str | None
    mode: Mode
    latency_ms: float
    hits: Sequence[Hit] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "mode": self.mode,
            "latency_ms": round(self.latency_ms, 3),
            "hits": [hit.as_dict() for hit in self.hits],
        }
