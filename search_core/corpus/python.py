"""Python source cut into functions, methods and classes."""

from __future__ import annotations

import ast
import copy
import io
import textwrap
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from search_core.corpus.chunker import LeftOut
from search_core.types import Document, Kind

Function = ast.FunctionDef | ast.AsyncFunctionDef
STATEMENT_HOLDERS = (ast.stmt, ast.excepthandler, ast.match_case)


def chunk_python(path: str, data: bytes) -> list[Document]:
    """A Chunker: every function and class of the file, however deep in `if`, `try` or a class.

    What is defined inside a function belongs to that function's text. A class is encoded
    as its outline, because its methods are documents of their own.
    """
    text = _decode(data)
    try:
        definitions = list(_definitions(_parse(text).body))
        return _documents(path, text, definitions)
    except SyntaxError as error:
        raise LeftOut(f"syntax error in line {error.lineno}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise LeftOut("nested too deeply for Python's parser") from error
    except ValueError as error:  # lone surrogates, from an encoding such as unicode_escape
        raise LeftOut(f"cannot be parsed: {error}") from error


def without_docstring(text: str) -> str:
    """A function's source without its docstring: the docstring's lines are gone.

    Where the docstring is the whole body or shares its lines with other code, `pass`
    takes its place. A function without docstring is returned as it is.
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


def split_lines(text: str) -> list[str]:
    r"""Lines with their ends, as Python's parser counts them: only \n, \r\n and \r end a line.

    str.splitlines also splits at form feeds, U+2028 and others.

    >>> split_lines("a\x0cb\r\nc\rd")
    ['a\x0cb\r\n', 'c\r', 'd']
    """
    return list(io.StringIO(text, newline=""))


def _decode(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, LookupError, ValueError) as error:
        raise LeftOut(f"cannot be decoded: {error}") from error


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():  # invalid escapes and the like are not ours to report
        warnings.simplefilter("ignore")
        return ast.parse(text)


@dataclass
class _Definition:
    """A function or class. owned: what a class defines, in order."""

    node: Function | ast.ClassDef
    symbol: str
    kind: Kind
    owned: list[_Definition] = field(default_factory=list)

    @cached_property
    def signature(self) -> str:
        header = copy.copy(self.node)
        header.body, header.decorator_list = [], []
        return ast.unparse(header).strip().removesuffix(":")

    def span(self, lines: Sequence[str]) -> tuple[int, int]:
        """First and last line, from 1; decorators belong to the definition."""
        start = self.node.lineno
        if decorators := self.node.decorator_list:
            start = decorators[0].lineno
            while not lines[start - 1].lstrip().startswith("@"):  # `@(` and the decorator a line later
                start -= 1
        return start, self.node.end_lineno or self.node.lineno


def _definitions(body: Sequence[ast.stmt]) -> Iterator[_Definition]:
    """In order of appearance. Iterative: a chain of a thousand `elif` is nested a thousand deep."""
    pending: list[tuple[ast.AST, _Definition | None]] = [(node, None) for node in reversed(body)]
    while pending:
        node, owner = pending.pop()
        if isinstance(node, Function | ast.ClassDef):
            definition = _Definition(node, *_name_and_kind(node, owner))
            if owner:
                owner.owned.append(definition)
            yield definition
            if isinstance(node, Function):
                continue
            owner = definition
        inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, STATEMENT_HOLDERS)]
        pending += [(child, owner) for child in reversed(inner)]


def _name_and_kind(node: Function | ast.ClassDef, owner: _Definition | None) -> tuple[str, Kind]:
    symbol = f"{owner.symbol}.{node.name}" if owner else node.name
    if isinstance(node, ast.ClassDef):
        return symbol, "class"
    return symbol, "method" if owner else "function"


def _documents(path: str, text: str, definitions: Sequence[_Definition]) -> list[Document]:
    lines = split_lines(text)
    seen: Counter[str] = Counter()
    documents = []
    for definition in definitions:
        symbol = definition.symbol
        seen[symbol] += 1
        start, end = definition.span(lines)
        span = _without_last_newline("".join(lines[start - 1 : end]))
        docstring = ast.get_docstring(definition.node)
        documents.append(
            Document(
                id=f"{path}::{symbol}" + (f"#{seen[symbol]}" if seen[symbol] > 1 else ""),
                text=span,
                encoded=textwrap.dedent(_outline(definition, lines) if definition.owned else span),
                path=path,
                symbol=symbol,
                kind=definition.kind,
                language="python",
                start_line=start,
                end_line=end,
                signature=definition.signature,
                # An escape may stand for a lone surrogate, which neither JSON nor Parquet can hold.
                docstring=docstring and docstring.encode("utf-8", "backslashreplace").decode(),
            )
        )
    return documents


def _outline(definition: _Definition, lines: Sequence[str]) -> str:
    """A class without the bodies of what it owns: for each, its signature alone."""
    start, end = definition.span(lines)
    kept: list[str] = []
    for owned in definition.owned:
        first, last = owned.span(lines)
        kept += lines[start - 1 : first - 1]
        indentation = lines[first - 1][: -len(lines[first - 1].lstrip())]
        kept.append(f"{indentation}{owned.signature}\n")
        start = last + 1
    kept += lines[start - 1 : end]
    return _without_last_newline("".join(kept))


def _without_last_newline(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")
