"""From the definitions of one file to its documents, the same for every language."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from search_core.corpus.blocks import PIECE_CHARACTERS, Statements, cut, is_closing, trimmed
from search_core.types import Document, Kind

LONG_LINES, LONG_CHARACTERS = 60, 2_000
"""A definition that goes beyond either is long: its parts become documents too."""
MIN_PART_CHARACTERS = 200
"""A part with less is worth no document: the whole definition has it anyway."""


@dataclass(slots=True)
class Definition:
    """A function or class. first, last: its lines, from 1, with decorators and the comment above.

    owned: the definitions inside that are documents of their own, in order.
    """

    symbol: str
    kind: Kind
    first: int
    last: int
    signature: str
    docstring: str | None = None
    owned: list[Definition] = field(default_factory=list)


@dataclass(frozen=True)
class File:
    """What the documents of one file have in common. lines: with their ends."""

    path: str
    language: str
    lines: Sequence[str]
    statements: Statements

    def documents(self, definitions: Sequence[Definition]) -> list[Document]:
        """Each definition, the parts of the long ones, and blocks of what no definition covers.

        definitions: the outermost, in order; a line of nothing but closing brackets becomes
        part of the one before it.
        """
        blocks = list(self._blocks(definitions))
        seen: Counter[str] = Counter()
        documents: list[Document] = []
        pending = list(reversed(definitions))
        while pending:
            definition = pending.pop()
            seen[definition.symbol] += 1
            documents += self._defined(definition, seen[definition.symbol])
            pending += reversed(definition.owned)
        return sorted([*documents, *blocks], key=attrgetter("start_line"))

    def text(self, first: int, last: int) -> str:
        return "".join(self.lines[first - 1 : last]).removesuffix("\n").removesuffix("\r")

    def is_long(self, first: int, last: int) -> bool:
        return last - first >= LONG_LINES or sum(map(len, self.lines[first - 1 : last])) > LONG_CHARACTERS

    def _defined(self, definition: Definition, occurrence: int) -> Iterator[Document]:
        first, last = definition.first, definition.last
        text = self.text(first, last)
        id_ = f"{self.path}::{definition.symbol}" + (f"#{occurrence}" if occurrence > 1 else "")
        yield Document(
            id=id_,
            text=text,
            encoded=dedent(self._outline(definition) if definition.owned else text),
            path=self.path,
            symbol=definition.symbol,
            kind=definition.kind,
            language=self.language,
            start_line=first,
            end_line=last,
            signature=definition.signature,
            docstring=definition.docstring,
        )
        if self.is_long(first, last):
            for start, end in self._parts(definition):
                yield self._block(f"{id_}@L{start - first + 1}", start, end, definition)

    def _parts(self, definition: Definition) -> Iterator[tuple[int, int]]:
        """What a long definition has of its own, after the piece that an encoder reads of it anyway."""
        read = 0
        for first, last in uncovered(definition.owned, definition.first, definition.last):
            for start, end in cut(self.lines, first, last, self.statements):
                characters = sum(map(len, self.lines[start - 1 : end]))
                if read >= PIECE_CHARACTERS / 2 and characters >= MIN_PART_CHARACTERS:
                    yield start, end
                read += characters

    def _blocks(self, definitions: Sequence[Definition]) -> Iterator[Document]:
        number = above = 0
        for gap in list(uncovered(definitions, 1, len(self.lines))):
            if not (lines := trimmed(self.lines, *gap)):
                continue
            while above < len(definitions) and definitions[above].first < lines[0]:
                above += 1
            if above and all(map(is_closing, self.lines[lines[0] - 1 : lines[1]])):
                definitions[above - 1].last = lines[1]
                continue
            for start, end in cut(self.lines, *lines, self.statements):
                number += 1
                yield self._block(f"{self.path}::@{number}", start, end)

    def _block(self, id_: str, first: int, last: int, part_of: Definition | None = None) -> Document:
        text = self.text(first, last)
        encoded = dedent(text)
        return Document(
            id=id_,
            text=text,
            encoded=f"{part_of.signature}\n{encoded}" if part_of else encoded,
            path=self.path,
            symbol=part_of.symbol if part_of else None,
            kind="block",
            language=self.language,
            start_line=first,
            end_line=last,
            signature=part_of.signature if part_of else None,
        )

    def _outline(self, definition: Definition) -> str:
        """The text without the bodies of what it owns: for each, its signature alone."""
        kept: list[str] = []
        start = definition.first
        for owned in definition.owned:
            kept += self.lines[start - 1 : owned.first - 1]
            line = self.lines[owned.first - 1]
            kept.append(f"{line[: len(line) - len(line.lstrip())]}{owned.signature}\n")
            start = max(start, owned.last + 1)
        kept += self.lines[start - 1 : definition.last]
        return "".join(kept).removesuffix("\n").removesuffix("\r")


def uncovered(definitions: Sequence[Definition], first: int, last: int) -> Iterator[tuple[int, int]]:
    """Runs of lines between first and last that none of the definitions (in order) has."""
    for definition in definitions:
        if definition.first > first:
            yield first, definition.first - 1
        first = max(first, definition.last + 1)
    if first <= last:
        yield first, last


def dedent(text: str) -> str:
    """textwrap.dedent, but quick where the first line is indented no deeper than any other."""
    margin = text[: len(text) - len(text.lstrip(" \t"))]
    if not margin:
        return text
    lines = text.split("\n")
    if all(line.startswith(margin) or not line.strip() for line in lines):
        return "\n".join([line.removeprefix(margin) for line in lines])
    return textwrap.dedent(text)
