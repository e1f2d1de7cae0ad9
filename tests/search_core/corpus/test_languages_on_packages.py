"""Every language on a published package: no line is lost, and what an independent counter finds is found."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pygments.lexers import get_lexer_by_name
from pygments.token import Token

from benchmarks.queries import Package
from benchmarks.sources import SourceError, cached, fetch
from search_core.corpus.languages import chunker_for, language_of
from search_core.corpus.lines import decode
from search_core.types import Document
from tests.search_core.corpus.packages import load

FEWEST_FILES = 30
FEWEST_FOUND = 0.95
PACKAGES = {package.name: package for package in load()}

CTAGS = {
    "python": ("Python", "class function member"),
    "javascript": ("JavaScript", "class function generator getter method setter"),
    "typescript": ("TypeScript", "class enum function generator interface method"),
    "go": ("Go", "func interface methodSpec struct type"),
    "rust": ("Rust", "enum function implementation interface macro method struct"),
    "java": ("Java", "annotation class enum interface method"),
    "c": ("C", "enum function struct union"),
    "cpp": ("C++", "class enum function struct union"),
    "csharp": ("C#", "class enum interface method struct"),
    "ruby": ("Ruby", "class method module singletonMethod"),
    "php": ("PHP", "class function interface trait"),
    "kotlin": ("Kotlin", "class interface method object"),
    "bash": ("Sh", "function"),
    "lua": ("Lua", "function"),
    "haskell": ("Haskell", "function type"),
}
"""Language → its parser in Universal Ctags, and the kinds that count: definitions with a body, and signatures
of interfaces. Not variables, fields, constants, prototypes, or namespaces."""

HASKELL_KEYWORDS = ("class", "deriving", "infix", "infixl", "infixr", "instance", "pattern")
FUNCTIONS = ("function", "member", "method", "getter", "setter", "generator", "func", "singletonMethod")
"""Kinds of functions: what is local to one belongs to its document, and does not count."""

PYGMENTS = {
    "swift": frozenset({"class", "struct", "enum", "protocol", "extension", "func"}),
    "scala": frozenset({"class", "object", "trait", "def"}),
    "elixir": frozenset({"defmodule", "defprotocol", "def", "defp", "defmacro", "defmacrop"}),
}
"""Languages that Universal Ctags has no parser for, or one that reads documentation as code (Elixir) →
keywords that a definition's name follows; Pygments tells them from what stands in comments and strings."""


class Tag(NamedTuple):
    path: str
    line: int
    name: str
    is_function: bool


@pytest.fixture(scope="module", params=PACKAGES)
def package(request: pytest.FixtureRequest) -> Package:
    """A package whose sources are at hand."""
    package = PACKAGES[request.param]
    if not cached(package).is_dir():
        pytest.skip(f"{package.source.name} is not here: `make test` fetches it")
    try:
        fetch(package)
    except SourceError as error:
        pytest.skip(str(error))
    return package


def test_the_package_has_thirty_files_or_more(package: Package) -> None:
    assert len(files_of(package)) >= FEWEST_FILES


def test_every_line_that_is_not_blank_is_in_a_document(package: Package) -> None:
    lost = []
    for path, documents in chunked(package).items():
        lines = decode((cached(package) / path).read_bytes()).splitlines()
        covered = {line for d in documents for line in range(d.start_line or 0, (d.end_line or 0) + 1)}
        lost += [f"{path}:{n} {line}" for n, line in enumerate(lines, 1) if line.strip() and n not in covered]
    assert lost == []


def test_definitions_of_an_independent_counter_are_documents(package: Package) -> None:
    documents = chunked(package)
    counted = list(without_local(counted_in(package), package))
    assert counted
    missed = [tag for tag in counted if not any(is_of(tag, document) for document in documents[tag.path])]
    assert len(missed) <= (1 - FEWEST_FOUND) * len(counted), missed


def is_of(tag: Tag, document: Document) -> bool:
    """Whether the document is the tag's definition: its name, with the tag's line in it.

    A type of C may have two names: `typedef struct _list { ... } list`.
    """
    assert document.start_line and document.end_line
    if (
        not document.symbol
        or document.kind == "block"
        or not document.start_line <= tag.line <= document.end_line
    ):
        return False
    typedef = rf"\b(?:struct|enum|union) {re.escape(tag.name)}\b"
    if document.kind == "class" and re.search(typedef, f"{document.signature}"):
        return True
    return ("." + plain(document.symbol)).endswith("." + plain(tag.name))


def plain(name: str) -> str:
    """With dots between its parts."""
    return re.sub(r"(?<=\w)::?(?=\w)", ".", name.removeprefix("operator ")).replace(" ", "").strip("`")


def files_of(package: Package) -> list[Path]:
    folder = cached(package) / package.folder
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not file.is_symlink()
        and language_of(file.name) in ([package.language] if package.language != "cpp" else ["c", "cpp"])
        and (file.suffix == ".tsx") == (package.name == "tsx")
    )


@cache
def chunked(package: Package) -> dict[str, Sequence[Document]]:
    """Path below the package's sources → documents."""
    documents: dict[str, Sequence[Document]] = {}
    for file in files_of(package):
        path = str(file.relative_to(cached(package)))
        chunk = chunker_for(path, prose=False)
        assert chunk
        documents[path] = chunk(path, file.read_bytes())
    return documents


def counted_in(package: Package) -> Iterator[Tag]:
    if package.language in PYGMENTS:
        for file in files_of(package):
            yield from lexed(package, file)
    else:
        if shutil.which("ctags") is None:
            pytest.skip("Universal Ctags is not installed")
        yield from tagged(package)


def tagged(package: Package) -> Iterator[Tag]:
    parser, kinds = CTAGS[package.language]
    root = cached(package)
    paths = [str(file.relative_to(root)) for file in files_of(package)]
    wanted = f"--kinds-{parser}=" + "".join(f"{{{kind}}}" for kind in kinds.split())
    options = ["--sort=no", "--extras=-F-{anonymous}", "--fields=+nKl", f"--language-force={parser}", wanted]
    command = ["ctags", "--output-format=json", *options, "-f", "-", "-L", "-"]
    done = subprocess.run(
        command,
        cwd=root,
        input="\n".join(paths),
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
    )
    for tag in map(json.loads, done.stdout.splitlines()):
        if is_definition(tag):
            yield Tag(tag["path"], tag["line"], tag["name"], tag["kind"] in FUNCTIONS)


def is_definition(tag: Mapping[str, Any]) -> bool:
    """Not what Universal Ctags 5.9 is known to mistake: object literals of JavaScript for classes, arrays of
    Bash for functions, lambdas of Kotlin and their parameters for methods, keywords and record fields of
    Haskell for functions.
    """
    if tag["language"] == "JavaScript" and tag["kind"] == "class":
        return re.search(r"\b(?:class|function)\b", tag["pattern"]) is not None
    if tag["language"] == "Kotlin" and tag["kind"] == "method":
        return re.search(r"\bfun\b", tag["pattern"]) is not None
    if tag["language"] == "Haskell" and tag["kind"] == "function":
        return tag["name"] not in HASKELL_KEYWORDS and tag["pattern"].lstrip("/^ ").startswith(tag["name"])
    return not tag["name"].endswith("=")


def lexed(package: Package, file: Path) -> Iterator[Tag]:
    """The names after the keywords that open a definition."""
    line, opened = 1, ""
    path = str(file.relative_to(cached(package)))
    text = decode(file.read_bytes())
    for _, kind, token in get_lexer_by_name(package.language).get_tokens_unprocessed(text):
        if kind in Token.Keyword:
            opened = token if token in PYGMENTS[package.language] else ""
        elif token.strip():
            if opened and (kind in Token.Name or kind in Token.Operator):
                yield Tag(path, line, token, opened in ("func", "def", "defp", "defmacro", "defmacrop"))
            opened = ""
        line += token.count("\n")


def without_local(tags: Iterable[Tag], package: Package) -> Iterator[Tag]:
    """Without what is local to a function: indented deeper than the function that comes before it."""
    for path, inside in groupby(tags, key=attrgetter("path")):
        lines = decode((cached(package) / path).read_bytes()).splitlines()
        function = sys.maxsize
        for tag in sorted(inside, key=attrgetter("line")):
            line = lines[tag.line - 1].expandtabs()
            indentation = len(line) - len(line.lstrip())
            if indentation <= function:
                yield tag
                function = indentation if tag.is_function else sys.maxsize
