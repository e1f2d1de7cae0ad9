"""Markdown and reStructuredText by section."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from itertools import chain, count, pairwise

from search_core.corpus.blocks import cut, low_lines, trimmed
from search_core.corpus.definitions import File
from search_core.corpus.lines import decode, split_lines
from search_core.types import Document

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t](.*))?$")
CLOSING = re.compile(r"(?:^|(?<=[ \t]))#+$")
SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*$")

Heading = tuple[int, int, str]
"""First line of a heading, its level from 1, and its title."""


def chunk_markdown(path: str, data: bytes) -> list[Document]:
    """A Chunker: a document for each piece of a section, with the titles above it in what is encoded."""
    return _sections(path, "markdown", data, markdown_headings)


def chunk_restructuredtext(path: str, data: bytes) -> list[Document]:
    """A Chunker, as chunk_markdown."""
    return _sections(path, "restructuredtext", data, restructuredtext_headings)


def markdown_headings(lines: Sequence[str]) -> Iterator[Heading]:
    """`#` and underlined headings, except in fenced code and front matter."""
    fence = ""
    above = ""
    start = _after_front_matter(lines)
    for number, line in enumerate(lines[start:], start + 1):
        if opened := FENCE.match(line):
            if not fence:
                fence = opened[1]
            elif opened[1].startswith(fence):
                fence = ""
        elif not fence:
            if heading := ATX.match(line.rstrip()):
                yield number, len(heading[1]), CLOSING.sub("", (heading[2] or "").strip()).rstrip()
                line = ""
            elif above and (underline := SETEXT.match(line)):
                yield number - 1, 1 if underline[1][0] == "=" else 2, above
                line = ""
        above = "" if fence or line.startswith((" " * 4, "\t", "|", ">", "-", "*")) else line.strip()


def restructuredtext_headings(lines: Sequence[str]) -> Iterator[Heading]:
    """Titles with a line of punctuation under them, and maybe one above; levels in order of first use."""
    levels: list[tuple[str, bool]] = []
    for number, (title, under) in enumerate(pairwise(lines), 1):
        if (
            not title.strip()
            or title[0].isspace()
            or ADORNMENT.match(title)
            or not (adorned := ADORNMENT.match(under))
            or len(under.strip()) < len(title.strip())
        ):
            continue
        over = number > 1 and lines[number - 2].strip() == under.strip()
        style = adorned[1], over
        if style not in levels:
            levels.append(style)
        yield number - over, levels.index(style) + 1, title.strip()


def _sections(
    path: str, language: str, data: bytes, headings: Callable[[Sequence[str]], Iterator[Heading]]
) -> list[Document]:
    lines = split_lines(decode(data))
    file = File(path, language, lines, low_lines(lines))
    starts = [(1, 0, ""), *headings(lines), (len(lines) + 1, 0, "")]
    taken: set[str] = set()
    documents = []
    titles: list[tuple[int, str]] = []
    for (first, level, title), (following, _, _) in pairwise(starts):
        if level:
            titles = [outer for outer in titles if outer[0] < level] + [(level, title)]
        if not (span := trimmed(lines, first, following - 1)):
            continue
        symbol = " > ".join(name for _, name in titles) or None
        for start, end in cut(lines, *span, file.statements):
            text = file.text(start, end)
            id = _free(f"{path}::{symbol or '@'}", taken)
            taken.add(id)
            documents.append(
                Document(
                    id=id,
                    text=text,
                    encoded=text if start == first and len(titles) < 2 else f"{symbol}\n{text}",
                    path=path,
                    symbol=symbol,
                    kind="section",
                    language=language,
                    start_line=start,
                    end_line=end,
                )
            )
    return documents


def _free(id: str, taken: Set[str]) -> str:
    """The id, numbered from 2 where it is taken: a title may end like a number of ours."""
    numbered = (f"{id}#{number}" for number in count(2))
    return next(candidate for candidate in chain([id], numbered) if candidate not in taken)


def _after_front_matter(lines: Sequence[str]) -> int:
    if lines and lines[0].rstrip() == "---":
        for number, line in enumerate(lines[1:], 2):
            if line.rstrip() in ("---", "..."):
                return number
    return 0
