"""Any language that has a tree-sitter grammar, cut by its syntax."""

from __future__ import annotations

import importlib
import re
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

from search_core.corpus.blocks import PIECE_CHARACTERS, low_lines
from search_core.corpus.chunker import Chunker
from search_core.corpus.definitions import Definition, File
from search_core.corpus.grammars import GRAMMARS
from search_core.corpus.lines import decode, split_lines
from search_core.types import Document, Kind

MAX_PARSE_S = 2.0
"""Hostile input can keep a parser busy for minutes: after this long a file is cut by lines."""
READ_BYTES = 65_536
MAX_DEPTH = 32
"""Definitions nested deeper than this belong to the one around them."""
MAX_SIGNATURE = 300
MAX_NAME = 200
MATCH_LIMIT = 10_000
CAPTURES = ("function", "class", "clause", "object", "namespace", "opaque", "docstring")
"""What a node can be: grammars.py says what each means."""
NAMELESS = ("opaque", "docstring")

VISIBLE = re.compile(rb"[^\r\n]")
QUOTED = re.compile(r"(?:^|(?<=\.))([\"'])(.*)\1$")
SEPARATOR = re.compile(r"::|\\|->|:")
GENERIC = re.compile(r"<[^<>]*>")
UNSAID = re.compile(r"^(?:(?:module\.)?exports|this)\.(?=.)|\.prototype(?=\.|$)|^&(?:'\w+ )?(?:mut )?")
"""What people leave out of a name: in JavaScript `exports.run`, `Shape.prototype.area`, in Rust `&mut T`."""
COMMENT_SIGNS = re.compile(
    r"^[ \t]*(?:/\*+!?|\*+(?!/)|//+!?|\#+!?|--+(?:\[=*\[|[ \t]?\|)?|\{-[ \t]?\|?|%+|;+)?[ \t]?"
    r"|[ \t]*(?:\*+/|-\}|\]=*\])[ \t]*$",
    re.MULTILINE,
)
QUOTES = re.compile(
    r"^@\w*doc\s+(?:false\b)?|^[@~]?\w{0,2}(?:\"{3}|'{3}|[\"'])|(?:\"{3}|'{3}|[\"'])$", re.MULTILINE
)
"""Around documentation that is a string, as in Python, or the argument of an attribute, as in Elixir."""


def syntax_chunker(grammar_name: str, language: str) -> Chunker:
    """Cuts a file by a grammar of GRAMMARS; syntax errors cost at most what they touch."""

    def chunk(path: str, data: bytes) -> list[Document]:
        text = decode(data)
        lines = split_lines(text)
        grammar = load_grammar(grammar_name)
        source = text.encode()
        if (tree := parse(grammar, source)) is None:
            return File(path, language, lines, low_lines(lines)).documents([])
        syntax = Syntax(source, tree, grammar)
        file = File(path, language, lines, syntax.statements)
        return file.documents(syntax.definitions(file))

    return chunk


@dataclass(frozen=True, slots=True)
class Pattern:
    """The properties of one pattern of a query: a name for the nameless, and what its keyword must be."""

    name: str = ""
    only: frozenset[str] = frozenset()
    excepted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grammar:
    """As in grammars.Grammar, loaded. patterns: by their place in the query."""

    language: Language
    query: Query
    patterns: tuple[Pattern, ...]
    unseen: re.Pattern[bytes] | None


@cache
def load_grammar(language: str) -> Grammar:
    """Imports the grammar's package: some milliseconds, once for each language that is met."""
    package, query, function, unseen = GRAMMARS[language]
    loaded = Language(getattr(importlib.import_module(package), function)())
    compiled = Query(loaded, query)
    patterns = map(read_pattern, (compiled.pattern_settings(n) for n in range(compiled.pattern_count)))
    return Grammar(loaded, compiled, tuple(patterns), unseen)


def read_pattern(properties: Mapping[str, str | None]) -> Pattern:
    only, excepted = (frozenset((properties.get(key) or "").split()) for key in ("only", "except"))
    return Pattern(properties.get("name") or "", only, excepted)


def parse(grammar: Grammar, source: bytes) -> Tree | None:
    """None where it takes longer than MAX_PARSE_S."""
    if grammar.unseen:
        source = grammar.unseen.sub(lambda found: VISIBLE.sub(b" ", found[0]), source)
    deadline = time.thread_time() + MAX_PARSE_S
    try:
        return Parser(grammar.language).parse(
            lambda offset, _: source[offset : offset + READ_BYTES],
            progress_callback=lambda *_: time.thread_time() > deadline,
        )
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """A node that a query captured. what: of CAPTURES; name: its own; signature_end: its byte."""

    start: int
    end: int
    what: str
    name: str
    signature_end: int


@dataclass(slots=True)
class Around:
    """What is open while the nodes inside it are looked at.

    owned: where definitions inside it go. closed: none does. clause: the last of owned, where what
    follows under its name is part of it.
    """

    end: int
    symbol: str
    what: str
    owned: list[Definition]
    closed: bool = False
    definition: Definition | None = None
    clause: Definition | None = None


class Syntax:
    """The tree of one file, and what the query of its language finds in it."""

    def __init__(self, source: bytes, tree: Tree, grammar: Grammar) -> None:
        self.source, self.tree = source, tree
        self.line_starts = list(accumulate(map(len, source.splitlines(keepends=True)), initial=0))
        self.above: dict[int, tuple[int, int, int]] = {}
        """Last line of a comment or attribute on lines of its own → its first line, and where its text is."""
        self.found = self._query(grammar)

    def line(self, byte: int) -> int:
        return bisect_right(self.line_starts, byte)

    def spelled(self, start: int, end: int) -> str:
        return self.source[start:end].decode("utf-8", "replace")

    def statements(self, first: int, last: int) -> dict[int, int]:
        """As in blocks.Statements: large statements are opened, to find those inside."""
        start, end = self.line_starts[first - 1], self.line_starts[last]
        starts: dict[int, int] = {}
        pending = [(self.tree.root_node.descendant_for_byte_range(start, end - 1) or self.tree.root_node, 0)]
        while pending:
            node, depth = pending.pop()
            for child in node.named_children:
                if start <= child.start_byte < end:
                    starts.setdefault(self.line(child.start_byte), depth)
                if child.start_byte < end and child.end_byte > start and is_large(child):
                    pending.append((child, depth + (child.start_byte >= start)))
        return starts

    def definitions(self, file: File) -> list[Definition]:
        """The outermost, each with those it owns: a function owns what is inside only if it is long."""
        outermost = Around(len(self.source), "", "file", [])
        around = [outermost]
        spans: set[tuple[int, int]] = set()
        for found in self.found:
            while len(around) > 1 and around[-1].end <= found.start:
                around.pop()
            outer = around[-1]
            if found.what == "docstring":
                if outer.definition and not outer.definition.docstring:
                    outer.definition.docstring = without_signs(self.spelled(found.start, found.end))
                continue
            span = self.line(found.start), self.line(found.end - 1)
            if outer.closed or len(around) > MAX_DEPTH or span in spans:
                continue
            symbol = f"{outer.symbol}.{found.name}" if outer.symbol else found.name
            if found.what in ("function", "clause", "class"):
                spans.add(span)
                definition = self._define(found, symbol, span, outer)
                closed = found.what != "class" and not file.is_long(*span)
                around.append(Around(found.end, symbol, found.what, definition.owned, closed, definition))
            else:
                around.append(Around(found.end, symbol, found.what, outer.owned, found.what == "opaque"))
        return outermost.owned

    def _define(self, found: Found, symbol: str, span: tuple[int, int], outer: Around) -> Definition:
        definition = outer.clause
        if definition and definition.symbol == symbol:
            definition.last = span[1]
        else:
            definition = self._definition(found, symbol, span, kind(found, outer))
            outer.owned.append(definition)
        outer.clause = definition if found.what == "clause" else None
        return definition

    def _definition(self, found: Found, symbol: str, span: tuple[int, int], kind: Kind) -> Definition:
        first, last = span
        comments = []
        while above := self.above.get(first - 1):
            first, *text = above
            comments.append(self.spelled(*text))
        start = self.line_starts[span[0] - 1]
        signature = self.spelled(start, min(found.signature_end, start + 4 * MAX_SIGNATURE))
        return Definition(
            symbol,
            kind,
            first,
            last,
            signature=" ".join(signature.split())[:MAX_SIGNATURE].removesuffix("=>").rstrip(" {=:"),
            docstring=without_signs("\n".join(reversed(comments))),
        )

    def _query(self, grammar: Grammar) -> list[Found]:
        found = []
        cursor = QueryCursor(grammar.query, match_limit=MATCH_LIMIT)
        for number, captures in cursor.matches(self.tree.root_node):
            pattern = grammar.patterns[number]
            if keyword := captures.get("keyword"):
                text = self.spelled(keyword[0].start_byte, keyword[0].end_byte)
                if text in pattern.excepted or (pattern.only and text not in pattern.only):
                    continue
            if comments := captures.get("comment") or captures.get("attribute"):
                self._remember_above(comments, is_comment="comment" in captures)
                continue
            what = next(each for each in CAPTURES if each in captures)
            node = captures[what][0]
            names = [self.spelled(name.start_byte, name.end_byte) for name in captures.get("name", ())]
            name = plain_name(names) or pattern.name
            if name or what in NAMELESS:
                end = self._end(node)
                within = captures.get("body", [None])[0]
                body = body_of(within or node) or within
                found.append(Found(node.start_byte, end, what, name, body.start_byte if body else end))
        return sorted(found, key=lambda each: (each.start, -each.end, each.what))

    def _end(self, node: Node) -> int:
        """Where the node's last visible character ends: some grammars count the newlines after it."""
        end = node.end_byte
        while end > node.start_byte and self.source[end - 1] in b" \t\r\n\f":
            end -= 1
        return end

    def _remember_above(self, nodes: Sequence[Node], is_comment: bool) -> None:
        start, end = nodes[0].start_byte, self._end(nodes[-1])
        first = self.line(start)
        if not self.source[self.line_starts[first - 1] : start].strip():
            documents = is_comment and not self.source.startswith(b"#!", start)
            self.above[self.line(max(start, end - 1))] = first, start, end if documents else start


def body_of(node: Node) -> Node | None:
    """What the signature ends before: a field `body`, of an assigned value too, or a last child so called."""
    for part in (node, node.child_by_field_name("value"), node.child_by_field_name("right")):
        if part and (body := part.child_by_field_name("body")):
            return body
    last = node.child(node.child_count - 1) if node.child_count else None
    return last if last and last.type.endswith("body") else None


def is_large(node: Node) -> bool:
    return node.end_byte - node.start_byte > PIECE_CHARACTERS


def kind(found: Found, outer: Around) -> Kind:
    if found.what == "class":
        return "class"
    return "method" if outer.what in ("class", "object") or "." in found.name else "function"


def plain_name(names: Sequence[str]) -> str:
    """The parts of a name as people write them, joined by dots.

    >>> plain_name(["ns::Box<T>::open"]), plain_name(["Shape.prototype", "area"])
    ('ns.Box.open', 'Shape.area')
    """
    name = whole = QUOTED.sub(r"\2", ".".join(names))
    if name.isidentifier():
        return name
    while "operator" not in name and (inner := GENERIC.sub("", name)) != name:  # `operator<` opens nothing
        name = inner
    plain = UNSAID.sub("", SEPARATOR.sub(".", name)).strip(".*& ")
    return " ".join((plain or whole).split())[:MAX_NAME]


def without_signs(comment: str) -> str | None:
    """The text of a comment or string, without what makes it one."""
    if comment[:1].isalpha() or comment.startswith(("@", "~", '"', "'")):
        comment = QUOTES.sub("", comment)
    lines = [line.rstrip() for line in COMMENT_SIGNS.sub("", comment).split("\n")]
    text = "\n".join(line for line in lines if not line or any(map(str.isalnum, line)))
    return text.strip() or None
