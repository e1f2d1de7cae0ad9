"""Cutting lines into pieces that a model reads whole: at statements and blank lines where there are any."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate

PIECE_CHARACTERS = 1_500
"""A piece is about as long as this: what a small encoder reads, and a person at a glance."""
NO_STATEMENT = 3
"""Depth of a line at which no statement starts: cutting there is the last resort."""

Statements = Callable[[int, int], Mapping[int, int]]
"""First and last line → the lines between them at which a statement starts, each with its depth from 0."""

CLOSING = re.compile(
    r"(?:[)\]}][)\]};,]*(?:\s*(?://|/\*|#|--).*)?|end\b[;)]*|\?>|#\s*endif\b.*|#(?:if|ifn?def|elif|else)\b.*)?"
)


def is_closing(line: str) -> bool:
    """Whether a line says nothing by itself: blank, closing brackets, `end`, `#endif` and its like.

    >>> [is_closing(line) for line in ("} // namespace", "  end", "", "});", "} else {", "endless()")]
    [True, True, True, True, False, False]
    """
    return CLOSING.fullmatch(line.strip()) is not None


def cut(lines: Sequence[str], first: int, last: int, statements: Statements) -> Iterator[tuple[int, int]]:
    """Pieces of the lines first to last (from 1, inclusive), without blank lines at their ends.

    A piece has at most a quarter more than PIECE_CHARACTERS, unless it is one line. It ends before a
    shallow statement and after a blank line where it can, and rather with less than half of the
    characters than inside a statement.
    """
    ends = list(accumulate((len(line) for line in lines[first - 1 : last]), initial=0))
    starts: Mapping[int, int] | None = None
    start = first
    while start <= last:
        done = ends[start - first]
        end = last + 1
        if ends[-1] - done > PIECE_CHARACTERS * 1.25:
            starts = statements(first, last) if starts is None else starts
            half = first + bisect_right(ends, done + PIECE_CHARACTERS // 2)
            fitting = first + bisect_right(ends, done + PIECE_CHARACTERS)
            cost = partial(_cost, lines, starts, half)
            end = min(range(start + 1, fitting), key=cost, default=start + 1)
        if piece := trimmed(lines, start, end - 1):
            yield piece
        start = end


def _cost(lines: Sequence[str], starts: Mapping[int, int], half: int, line: int) -> tuple[int, int]:
    """How bad it is to cut before a line. half: where a piece would have half of its characters."""
    depth = min(starts.get(line, NO_STATEMENT), NO_STATEMENT)
    return 4 * (line < half) + 2 * depth + bool(lines[line - 2].strip()), -line


def trimmed(lines: Sequence[str], first: int, last: int) -> tuple[int, int] | None:
    """Without the blank lines at its ends; None where there is nothing else."""
    while first <= last and not lines[first - 1].strip():
        first += 1
    while first <= last and not lines[last - 1].strip():
        last -= 1
    return (first, last) if first <= last else None


def low_lines(lines: Sequence[str]) -> Statements:
    """Statements of a text that nobody can parse: its indentation stands for depth."""

    def statements(first: int, last: int) -> dict[int, int]:
        indentations = {
            number: len(line) - len(line.lstrip())
            for number, line in enumerate(lines[first - 1 : last], first)
            if not is_closing(line)
        }
        depths = {indentation: depth for depth, indentation in enumerate(sorted(set(indentations.values())))}
        return {number: depths[indentation] for number, indentation in indentations.items()}

    return statements
