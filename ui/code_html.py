"""Code as HTML: highlighted once per text, query terms marked, hostile text inert."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from textwrap import dedent
from typing import NamedTuple

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.lexers.special import TextLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String
from pygments.util import ClassNotFound

from search_core.types import Document
from ui.markup import NOTHING, join, visible

FOLD_LINES = 14
"""Lines of a card that are sent with the results; the rest is fetched when asked for."""
LEAST_FOLDED = 4
"""Never hide fewer lines than this: the button itself takes one."""
LINE_LIMIT = 400
"""Characters shown of one line."""
MARKED_QUERY = 500
"""Characters of the longest query whose words are marked: every further word costs time on every line."""
MARKED_STEMS = 24
"""Words of it that are marked, the longest ones."""

_STYLES = (
    (Comment, "c"),
    (String.Doc, "c"),
    (String, "s"),
    (Keyword.Constant, "m"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Number, "m"),
    (Name.Decorator, "d"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Builtin, "b"),
    (Name.Exception, "b"),
)
# With %, which escapes as .format() does, in less time: a page has a thousand of these.
_STYLED, _MARKED = Markup('<i class="%s">%s</i>'), Markup("<mark>%s</mark>")
_STOP_WORDS = {"and", "are", "for", "from", "how", "into", "that", "the", "this", "what", "when", "with"}
_ENDINGS = ("ing", "ies", "es", "ed", "s", "y")
_SHORTEST_STEM = 4


class Line(NamedTuple):
    """tokens: (style, text) pairs. html: the line without marks, which is how most lines are sent."""

    tokens: tuple[tuple[str, str], ...]
    html: Markup


def code_block(document: Document, query: str, label: str) -> Markup:
    """The first lines of a document and, where it is longer, the button that shows the rest."""
    lines = _source_lines(document.text)
    count = len(lines)
    folded = count - FOLD_LINES >= LEAST_FOLDED
    head = _head_lines(document.text, document.language, FOLD_LINES if folded else count)
    return Markup(
        '<div class="cs-code{}" style="--start:{};--lines:{}" tabindex="0" role="group" aria-label="{}">'
        "{}</div>{}"
    ).format(
        " folded" if folded else "",
        (document.start_line or 1) - 1,
        FOLD_LINES,
        label,
        _lines_html(head, query),
        _unfold_button(lines[FOLD_LINES:], query) if folded else NOTHING,
    )


def rest_of_code(document: Document, query: str) -> Markup:
    """The lines that `code_block` left out."""
    return _lines_html(tuple(islice(_highlighted(document.text, document.language), FOLD_LINES, None)), query)


def language_name(language: str) -> str:
    """The name people write.

    >>> language_name("cpp"), language_name("no-such-language")
    ('C++', 'no-such-language')
    """
    lexer = _lexer(language)
    return language if isinstance(lexer, TextLexer) else str(lexer.name)


@lru_cache(maxsize=64)
def term_pattern(query: str) -> re.Pattern[str] | None:
    """Matches the query's words where a part of an identifier begins, with up to three letters of inflection.

    None where there is nothing to mark, or too much.

    >>> term_pattern("matching paths").findall("def match_path(newPath, footpath, pathname): matches")
    ['match', 'path', 'Path', 'matches']
    """
    if len(query) > MARKED_QUERY:
        return None
    words = {word for word in re.findall(r"[^\W\d_]{3,}", query.lower()) if word not in _STOP_WORDS}
    stems = sorted({_stem(word) for word in words}, key=lambda stem: (-len(stem), stem))[:MARKED_STEMS]
    if not stems:
        return None
    lower, capitalised = "|".join(stems), "|".join(stem.capitalize() for stem in stems)
    return re.compile(rf"(?:(?<![^\W\d_])(?i:{lower})|(?:{capitalised}))[a-z]{{0,3}}(?![a-z])")


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


def _source_lines(text: str) -> list[str]:
    """Lines as editors count them; a final line break starts no line of its own."""
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


@lru_cache(maxsize=1024)
def _head_lines(text: str, language: str | None, count: int) -> tuple[Line, ...]:
    return tuple(islice(_highlighted(text, language), count))


def _highlighted(text: str, language: str | None) -> Iterator[Line]:
    """Lines one after the other, so that a long document costs no more than the lines that are read."""
    lines = _source_lines(dedent(text))
    hidden = [max(0, len(line) - LINE_LIMIT) for line in lines]
    shown = "\n".join(line[:LINE_LIMIT] for line in lines)
    number, tokens = 0, list[tuple[str, str]]()
    for kind, value in _lexer(language).get_tokens(shown):
        style = next((name for parent, name in _STYLES if kind in parent), "")
        first, *others = visible(value).split("\n")
        _append(tokens, style, first)
        for piece in others:
            yield _line(tokens, hidden[number])
            number, tokens = number + 1, []
            _append(tokens, style, piece)
    yield _line(tokens, hidden[number])


def _append(tokens: list[tuple[str, str]], style: str, text: str) -> None:
    """Neighbours of one style become one token: fewer elements, and terms across them are found."""
    if tokens and tokens[-1][0] == style:
        text = tokens.pop()[1] + text
    if text:
        tokens.append((style, text))


def _line(tokens: list[tuple[str, str]], hidden: int) -> Line:
    if hidden:
        tokens = [*tokens, ("cut", f" … {hidden:,} more characters")]
    return Line(tuple(tokens), _line_html(tokens))


@lru_cache(maxsize=64)
def _lexer(language: str | None) -> Lexer:
    try:
        return get_lexer_by_name(language or "text", stripnl=False, ensurenl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False, ensurenl=False)


def _unfold_button(below: Sequence[str], query: str) -> Markup:
    pattern = term_pattern(query)
    shown = "\n".join(line[:LINE_LIMIT] for line in below)
    matches = sum(1 for _ in pattern.finditer(shown)) if pattern else 0
    note = Markup(" <span>· {:,} {} below</span>").format(matches, "match" if matches == 1 else "matches")
    return Markup(
        '<button type="button" class="cs-more" data-do="fold" data-more="{label}" aria-expanded="false">'
        "<b>{label}</b>{note}</button>"
    ).format(label=f"Show {len(below):,} more lines", note=note if matches else NOTHING)


def _lines_html(lines: Sequence[Line], query: str) -> Markup:
    pattern = term_pattern(query)
    return Markup("<div>{}</div>").format(
        join((_with_marks(line, pattern) for line in lines), Markup("</div><div>"))
    )


def _with_marks(line: Line, pattern: re.Pattern[str] | None) -> Markup:
    if pattern is None or not any(pattern.search(text) for _, text in line.tokens):
        return line.html
    return _line_html([(style, _marked(text, pattern)) for style, text in line.tokens])


def _line_html(tokens: Sequence[tuple[str, str]]) -> Markup:
    pieces = (_STYLED % token if token[0] else escape(token[1]) for token in tokens)
    return join(pieces) or Markup("\u200b")  # an empty line keeps its height


def _marked(text: str, pattern: re.Pattern[str]) -> Markup:
    pieces, end = [], 0
    for match in pattern.finditer(text):
        pieces += [escape(text[end : match.start()]), _MARKED % match.group()]
        end = match.end()
    return join([*pieces, escape(text[end:])])
