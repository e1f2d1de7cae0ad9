"""Python source, cut by Python's own parser."""

from __future__ import annotations

import ast
import copy
import io
import tokenize
import warnings
from collections.abc import Sequence

from search_core.corpus.blocks import PIECE_CHARACTERS
from search_core.corpus.definitions import Definition, File
from search_core.corpus.lines import decode, split_lines
from search_core.types import Document

Function = ast.FunctionDef | ast.AsyncFunctionDef
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What reading a file that Python cannot parse raises. ValueError: a lone surrogate, from an encoding such as
unicode_escape; the last two: deep nesting."""
STATEMENT_HOLDERS = (ast.stmt, ast.excepthandler, ast.match_case)


def chunk_python(path: str, data: bytes) -> list[Document]:
    """A Chunker: every function and class of the file, however deep in `if`, `try` or a class.

    What is defined inside a function belongs to that function's text. What Python cannot parse
    is cut by its tree-sitter grammar, which recovers from errors.
    """
    try:
        text = _decode(data)
        module = Module(_parse(text), split_lines(text))
        return File(path, "python", module.lines, module.statements).documents(module.definitions())
    except UNPARSABLE:
        from search_core.corpus.syntax import syntax_chunker

        return syntax_chunker("python", "python")(path, data)


def without_docstring(text: str) -> str:
    """A function's source without its docstring: the docstring's lines are gone.

    Where the docstring is the whole body or shares its lines with other code, `pass`
    takes its place. A function without docstring is returned as it is. Raises one of UNPARSABLE.
    """
    indentation = text[: len(text) - len(text.lstrip(" \t\f"))]
    shift = 1 if indentation.rpartition("\f")[2] else 0  # a form feed starts the line anew
    function = _parse("if 1:\n" * shift + text).body[0]
    if isinstance(function, ast.If):
        function = function.body[0]
    if not isinstance(function, Function) or ast.get_docstring(function, clean=False) is None:
        return text
    literal = function.body[0]
    lines = split_lines(text)
    first, last = literal.lineno - 1 - shift, (literal.end_lineno or literal.lineno) - 1 - shift
    # The parser counts columns in UTF-8 bytes.
    before = lines[first].encode()[: literal.col_offset].decode()
    after = lines[last].encode()[literal.end_col_offset :].decode()
    alone = not before.strip() and not after.strip()
    replacement = [] if alone and len(function.body) > 1 else [f"{before}pass{after}"]
    return "".join(lines[:first] + replacement + lines[last + 1 :])


def _decode(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, LookupError, ValueError):
        return decode(data)


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():  # invalid escapes and the like are not ours to report
        warnings.simplefilter("ignore")
        return ast.parse(text)


class Module:
    """A parsed file and its lines. Nothing recurses: a thousand `elif` are nested a thousand deep."""

    def __init__(self, tree: ast.Module, lines: Sequence[str]) -> None:
        self.tree, self.lines = tree, lines

    def definitions(self) -> list[Definition]:
        """The outermost in order of appearance; classes own what they define."""
        outermost: list[Definition] = []
        pending: list[tuple[ast.AST, Definition | None]] = [(node, None) for node in reversed(self.tree.body)]
        while pending:
            node, owner = pending.pop()
            if isinstance(node, Function | ast.ClassDef):
                definition = self._definition(node, owner)
                (owner.owned if owner else outermost).append(definition)
                if isinstance(node, Function):
                    continue
                owner = definition
            pending += [(child, owner) for child in reversed(_inner(node))]
        return outermost

    def statements(self, first: int, last: int) -> dict[int, int]:
        """As in blocks.Statements: large statements are opened, to find those inside."""
        starts: dict[int, int] = {}
        pending: list[tuple[ast.AST, int]] = [(self.tree, 0)]
        while pending:
            outer, depth = pending.pop()
            for node in _inner(outer):
                start, end = self._start(node), getattr(node, "end_lineno", last)
                if first <= start <= last:
                    starts.setdefault(start, depth)
                if start <= last and end >= first and self._is_large(start, end):
                    pending.append((node, depth + (start >= first)))
        return starts

    def _is_large(self, start: int, end: int) -> bool:
        return sum(map(len, self.lines[start - 1 : end])) > PIECE_CHARACTERS

    def _start(self, node: ast.AST) -> int:
        """First line; decorators belong to a definition."""
        if decorators := getattr(node, "decorator_list", None):
            start: int = decorators[0].lineno
            while not self.lines[start - 1].lstrip().startswith("@"):  # `@(` and the decorator a line later
                start -= 1
            return start
        return getattr(node, "lineno", 1)

    def _definition(self, node: Function | ast.ClassDef, owner: Definition | None) -> Definition:
        is_class = isinstance(node, ast.ClassDef)
        docstring = ast.get_docstring(node)
        return Definition(
            symbol=f"{owner.symbol}.{node.name}" if owner else node.name,
            kind="class" if is_class else "method" if owner else "function",
            first=self._with_comment(self._start(node)),
            last=node.end_lineno or node.lineno,
            signature=_signature(node),
            # An escape may stand for a lone surrogate, which neither JSON nor Parquet can hold.
            docstring=docstring and docstring.encode("utf-8", "backslashreplace").decode(),
        )

    def _with_comment(self, first: int) -> int:
        """Where the comment directly above begins, if it stands as deep as what it is above of."""
        line = self.lines[first - 1]
        comment = line[: len(line) - len(line.lstrip())] + "#"
        while first > 1 and self.lines[first - 2].startswith(comment):
            first -= 1
        return first


def _inner(node: ast.AST) -> list[ast.AST]:
    """The statements directly inside."""
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, STATEMENT_HOLDERS)]


def _signature(node: Function | ast.ClassDef) -> str:
    header = copy.copy(node)
    header.body, header.decorator_list = [], []
    return ast.unparse(header).strip().removesuffix(":")
