"""What a code corpus tells beyond its texts: names, files, and which code is only about other code.

Each signal is a pure function with a weight of its own, fitted on the fitting half of the judged
repositories; docs/decisions/repositories.md says what each is worth. A data set's documents have
neither path nor symbol: nothing here touches them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from search_core.ranking.fusion import is_name, standardized
from search_core.types import Document

Scores = NDArray[np.float32]
QueryKind = Literal["symbol", "mixed", "words"]
Aside = Literal["test", "example", "deprecated", "stub"]

COHERENT = 100
"""So many of the best candidates tell which files the answer is in."""

_CODE_WORD = re.compile(
    r"[^\W\d]\w+(?:(?:\.|::|#)[^\W\d]\w+)+"  # qualified
    r"|\w*[a-z0-9][A-Z]\w*|[A-Z]{2,}[a-z]{2,}\w*"  # inner capitals
    r"|\w*[^\W_]_\w+"  # underscores
    r"|\w+(?=\(\))"  # called
)
_NOBODYS_NAME = re.compile(r"\w{65,}")
"""Trying each of its letters as a beginning would take the square of its length."""
_VERSION_FOLDER = re.compile(r"(?:^|(?<=/))(v\d+/)")
_NAME = re.compile(r"\w+")
_NAME_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_ASIDE: Mapping[Aside, tuple[re.Pattern[str], re.Pattern[str]]] = {
    "test": (
        re.compile(
            r"(^|/)(tests?|testing|__tests__|specs?|e2e|fixtures|mocks?|conftest\.py)(/|$)"
            r"|(^|/)test_[^/]*$|(_test|_spec|[.-]test|[.-]spec|Tests?)\.\w+$"
        ),
        re.compile(r"\b(tests?|tested|testing|mock\w*|fixtures?|specs?)\b", re.IGNORECASE),
    ),
    "example": (
        re.compile(r"(^|/)(examples?|demos?|samples?|docs?|benchmarks?|bench|tutorials?)(/|$)"),
        re.compile(r"\b(examples?|demos?|samples?|docs?|benchmarks?|tutorials?)\b", re.IGNORECASE),
    ),
    "deprecated": (
        re.compile(r"(^|/)_?(deprecated|legacy|compat|old)(/|[._]|$)"),
        re.compile(r"\b(deprecat\w+|legacy|compat\w*|old|backwards?)\b", re.IGNORECASE),
    ),
    "stub": (
        re.compile(r"\.(pyi|d\.ts|d\.mts|d\.cts)$"),
        re.compile(r"\b(stubs?|typings?)\b", re.IGNORECASE),
    ),
}
"""Code that is about other code: paths it is known by, and words of a query that asks for it."""


@dataclass(frozen=True)
class Weights:
    """What each signal adds to a hybrid score, which is a mixture of standard scores; 0 leaves one out.

    lexical: share of BM25 in the mixture, by the query's kind.
    definition: what the query names is defined here.
    asides: what tests, examples, deprecated code and type stubs lose.
    file: what the document's file is about, as a standard score; of the models' part alone.
    coherence: the file with the best candidates. repeated: lost for each better hit in the same file.
    """

    lexical: Mapping[QueryKind, float] = field(
        default_factory=lambda: {"symbol": 0.6, "mixed": 0.4, "words": 0.2}
    )
    definition: float = 4.0
    asides: Mapping[Aside, float] = field(
        default_factory=lambda: {"test": 3.0, "example": 0.5, "deprecated": 1.0, "stub": 0.5}
    )
    file: float = 0.25
    coherence: float = 0.75
    repeated: float = 3.0


FITTED = Weights()


@dataclass(frozen=True)
class CodeFeatures:
    """What the signals know of the documents, one row each.

    files: (n,) int64, the number of the document's file. names: what each file is called, in words.
    defined: last name of a symbol, folded → rows of the documents that define it.
    asides: (n,) bool each.
    """

    files: NDArray[np.int64]
    names: Sequence[str]
    defined: Mapping[str, Sequence[int]]
    asides: Mapping[Aside, NDArray[np.bool_]]

    @classmethod
    def of(cls, documents: Sequence[Document]) -> CodeFeatures:
        paths = [document.path or "" for document in documents]
        numbers = {path: number for number, path in enumerate(dict.fromkeys(paths))}
        defined: dict[str, list[int]] = {}
        for row, document in enumerate(documents):
            if document.symbol and document.kind != "block":
                defined.setdefault(_defined_name(document.symbol), []).append(row)
        aside_files = {
            aside: np.array([bool(pattern.search(path)) for path in numbers], bool)
            for aside, (pattern, _) in _ASIDE.items()
        }
        aside_files["deprecated"] |= _old_copies(list(numbers))
        files = np.fromiter((numbers[path] for path in paths), np.int64, len(paths))
        return cls(
            files,
            [_file_name(path) for path in numbers],
            defined,
            {aside: flags[files] for aside, flags in aside_files.items()},
        )


def code_words(query: str) -> list[str]:
    """Words that nobody writes in prose: inner capitals, underscores, dots or parentheses; or a name alone.

    >>> code_words("where does HTTPConnection call read_lines() again")
    ['HTTPConnection', 'read_lines']
    """
    return [query.strip()] if is_name(query) else _CODE_WORD.findall(_NOBODYS_NAME.sub(" ", query))


def query_kind(query: str) -> QueryKind:
    """symbol: code words alone; mixed: some; words: none, plain language.

    >>> query_kind("Poller.wait"), query_kind("UnitOfWork requeue"), query_kind("put a job back")
    ('symbol', 'mixed', 'words')
    """
    found = code_words(query)
    if not found:
        return "words"
    return "symbol" if len(found) == len(query.split()) else "mixed"


def definition_signal(query: str, features: CodeFeatures) -> Scores:
    """(n,) float32: 1 for a document that defines what a code word of the query names, else 0."""
    signal = np.zeros(len(features.files), np.float32)
    rows = [row for word in code_words(query) for row in features.defined.get(_defined_name(word), ())]
    signal[rows] = 1
    return signal


def aside_signal(query: str, features: CodeFeatures, weights: Mapping[Aside, float]) -> Scores:
    """(n,) float32: minus the weights of what a document is and the query does not ask for."""
    signal = np.zeros(len(features.files), np.float32)
    for aside, (_, asked) in _ASIDE.items():
        if not asked.search(query):
            signal[features.asides[aside]] -= weights[aside]
    return signal


def coherence_signal(scores: Scores, files: NDArray[np.int64]) -> Scores:
    """(n,) float32, 0 to 1: how much of what stands out lies in the document's file, 1 for the best file.

    scores: (n,) of the candidates so far. What stands out of the best COHERENT is summed by file.
    """
    floor = (
        np.partition(scores, -COHERENT)[-COHERENT] if len(scores) > COHERENT else scores.min(initial=np.inf)
    )
    by_file = np.bincount(files, np.maximum(scores - floor, 0)).astype(np.float32)
    by_file /= by_file.max(initial=0) or 1
    return by_file[files]


def repetition_signal(scores: Scores, files: NDArray[np.int64]) -> Scores:
    """(n,) float32: how many candidates of the same file score better.

    >>> repetition_signal(np.array([3, 1, 2], np.float32), np.array([7, 7, 7])).tolist()
    [0.0, 2.0, 1.0]
    """
    by_file = np.lexsort((-scores, files))
    ordered = files[by_file]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    place = np.arange(len(files)) - np.repeat(first, np.diff(np.r_[first, len(files)]))
    signal = np.empty(len(files), np.float32)
    signal[by_file] = place
    return signal


def code_aware(
    query: str,
    fused: Scores,
    rows: NDArray[np.int64],
    features: CodeFeatures,
    weights: Weights,
    about: Scores | None = None,
) -> Scores:
    """The hybrid score of each candidate with every signal added.

    fused: (m,) hybrid scores of the candidates; rows: (m,) which documents they are.
    about: (m,) how much each candidate's file is about the query; None in lexical search.
    Returns (m,) float32.
    """
    total: Scores = fused + np.float32(weights.definition) * definition_signal(query, features)[rows]
    if about is not None:
        total += np.float32(weights.file) * standardized(about).astype(np.float32)
    total += aside_signal(query, features, weights.asides)[rows]
    files = features.files[rows]
    total += weights.coherence * coherence_signal(total, files)
    total -= weights.repeated * repetition_signal(total, files)
    return total


def _file_name(path: str) -> str:
    """The words of a file's name, without its suffix.

    >>> _file_name("net/HTTPConnection_pool.py")
    'HTTP Connection pool'
    """
    stem = PurePosixPath(path).stem
    return " ".join(_NAME_PART.findall(stem)) or stem


def _old_copies(paths: Sequence[str]) -> NDArray[np.bool_]:
    """(n,) bool: files in a folder such as `v1`, most of which lie one level above, too: an earlier version.

    >>> _old_copies(["a.py", "b.py", "v1/a.py", "v1/b.py", "api/v2/a.py"]).tolist()
    [False, False, True, True, False]
    """
    known = frozenset(paths)
    versioned = [_VERSION_FOLDER.search(path) for path in paths]
    folders = [path[: found.end()] if found else None for path, found in zip(paths, versioned, strict=True)]
    above = [
        found is not None and path[: found.start(1)] + path[found.end() :] in known
        for path, found in zip(paths, versioned, strict=True)
    ]
    files, copies = (
        Counter(folders),
        Counter(folder for folder, copy in zip(folders, above, strict=True) if copy),
    )
    return np.array([folder is not None and 2 * copies[folder] > files[folder] for folder in folders], bool)


@lru_cache(maxsize=1 << 16)  # after an edit nearly all symbols are those of before
def _defined_name(symbol: str) -> str:
    """Its last name; however that is written, it is one: without underscores, in lower case."""
    names = _NAME.findall(symbol)
    return (names[-1] if names else symbol).replace("_", "").casefold()
