"""BM25 over code tokens: needs no model, so it is the first answer of a new corpus.

Never stored: building it takes about as long as reading its texts back (under a second for
the standard library).

docs/decisions/fusion.md has the figures behind the tokens and the constants.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
"""How soon repetitions of a token stop counting."""
B = 0.9
"""How much long texts are held back, 0 to 1."""
STOP_WORDS = frozenset({"a", "an", "of", "the", "to"})
"""Only words that code hardly uses: `for`, `in`, `is`, `not` mean something there."""
NAME_REPEATS = 3
"""How often the name of the function or class that a text defines counts besides where it stands."""
MAX_WORD_CHARACTERS = 64

_WORD = re.compile(r"\w+")
_DEFINED_NAME = re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
_PART = re.compile(r"A+(?=Aa)|A?a+|A+|0+")


class _Shape(dict[int, str]):
    """str.translate table: upper case → A, other letters → a, underscore stays, digits and the rest → 0."""

    def __missing__(self, codepoint: int) -> str:
        character = chr(codepoint)
        if character == "_":
            shape = "_"
        elif character.isalpha():
            shape = "A" if character.isupper() else "a"
        else:
            shape = "0"
        self[codepoint] = shape
        return shape


_SHAPE = _Shape()


def tokenize(text: str) -> list[str]:
    """Tokens of code or of a question, in order, as BM25 counts them.

    An identifier gives its parts (split at underscores, case and digits, lower-cased) and,
    if there are several, the whole without underscores: however a name is written, it is
    one token.

    >>> tokenize("HTTPConnection.read_lines(sha256)")
    ['http', 'connection', 'httpconnection', 'read', 'lines', 'readlines', 'sha', '256', 'sha256']
    """
    return list(chain.from_iterable(map(_tokens, _words(text))))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text))  # as Python reads identifiers


def _document_words(text: str) -> list[str]:
    words = _words(text)
    if defined := _DEFINED_NAME.search(text):
        words += _words(defined[1]) * NAME_REPEATS
    return words


@lru_cache(maxsize=1 << 16)
def _tokens(word: str) -> tuple[str, ...]:
    parts = _parts(word[:MAX_WORD_CHARACTERS])
    tokens = [part for part in parts if part not in STOP_WORDS]
    if len(parts) > 1:
        tokens.append("".join(parts))
    return tuple(tokens)


def _parts(word: str) -> list[str]:
    return [word[part.start() : part.end()].lower() for part in _PART.finditer(word.translate(_SHAPE))]


class _Columns(dict[str, tuple[int, ...]]):
    """Word as written → numbers of its tokens; an unseen word is split and numbered once."""

    def __init__(self, earlier: _Columns | None = None) -> None:
        super().__init__(earlier or {})
        self.vocabulary: dict[str, int] = dict(earlier.vocabulary) if earlier else {}

    def stream(self, text: str) -> array[int]:
        """The columns of a text's tokens, in order."""
        return array("i", chain.from_iterable(map(self.__getitem__, _document_words(text))))

    def __missing__(self, word: str) -> tuple[int, ...]:
        number = self.vocabulary
        columns = self[word] = tuple(number.setdefault(token, len(number)) for token in _tokens(word))
        return columns


@dataclass(frozen=True)
class LexicalIndex:
    """BM25 weights by token. Immutable: search it from any number of threads.

    columns: words and tokens → their columns. streams: text → the columns of its tokens, in order.
    starts: (n_tokens + 1,) int64; column t's postings are starts[t] to starts[t + 1].
    rows: (n_postings,) int32, texts that hold the token, ascending within a column.
    weights: (n_postings,) float32, what one occurrence in the query adds to that text's score.
    """

    n_texts: int
    columns: _Columns
    streams: Mapping[str, array[int]]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return self.n_texts

    @classmethod
    def build(cls, texts: Sequence[str], earlier: LexicalIndex | None = None) -> LexicalIndex:
        """Index texts; row i of every score array is texts[i].

        earlier: an index of mostly the same texts, which are not taken apart again.
        """
        columns = _Columns(earlier.columns) if earlier else _Columns()
        known = earlier.streams if earlier else {}
        streams = {text: known.get(text) or columns.stream(text) for text in texts}
        stream = np.frombuffer(b"".join(streams[text] for text in texts), np.intc)
        lengths = np.fromiter((len(streams[text]) for text in texts), np.int64, len(texts))
        column, row, frequency = _counts(stream, lengths)
        weights = _bm25(column, row, frequency, lengths)
        starts = np.searchsorted(column, np.arange(len(columns.vocabulary) + 1))
        return cls(len(texts), columns, streams, starts, row.astype(np.int32), weights)

    def scores(self, query: str) -> NDArray[np.float32]:
        """(n_texts,) float32 BM25 score of every text; 0 where no token of the query occurs."""
        scores = np.zeros(self.n_texts, np.float32)
        for token, count in Counter(tokenize(query)).items():
            column = self.columns.vocabulary.get(token)
            if column is not None:
                postings = slice(self.starts[column], self.starts[column + 1])
                scores[self.rows[postings]] += np.float32(count) * self.weights[postings]
        return scores


def _counts(stream: NDArray[np.int32], lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Columns of all tokens, text after text → each posting's column, row and frequency.

    Three (n_postings,) arrays, by column, then row.
    """
    n_texts = max(len(lengths), 1)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    pairs, frequency = np.unique(stream * np.int64(n_texts) + rows, return_counts=True)
    return pairs // n_texts, pairs % n_texts, frequency


def _bm25(
    column: NDArray[np.int64],
    row: NDArray[np.int64],
    frequency: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Weight of each posting, (n_postings,): always above 0.

    idf · tf / (tf + k1 · (1 − b + b · length / mean length)), idf = ln(1 + (N − df + ½) / (df + ½)):
    BM25 as Lucene computes it, with exact lengths (Kamphuis et al., ECIR 2020).
    """
    n_texts = len(lengths)
    document_frequency = np.bincount(column)
    idf = np.log1p((n_texts - document_frequency + 0.5) / (document_frequency + 0.5))  # of each token
    held_back = K1 * (1 - B + B * lengths * n_texts / max(lengths.sum(), 1))  # each text
    return np.asarray(idf[column] * frequency / (frequency + held_back[row]), np.float32)
