"""Which language a file is in, by its name, and what cuts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import PurePosixPath

from search_core.corpus import python
from search_core.corpus.chunker import Chunker
from search_core.corpus.grammars import GRAMMARS
from search_core.corpus.lines import line_chunker, split_lines
from search_core.corpus.prose import chunk_markdown, chunk_restructuredtext
from search_core.types import Document

SUFFIXES: Mapping[str, str] = {
    # by their syntax
    "python": "py pyi pyw",
    "javascript": "js mjs cjs jsx",
    "typescript": "ts mts cts tsx",
    "go": "go",
    "rust": "rs",
    "java": "java",
    "c": "c h",
    "cpp": "cpp cc cxx c++ hpp hh hxx h++ ipp tpp inl cppm ixx cu cuh",
    "csharp": "cs csx",
    "ruby": "rb rake gemspec ru podspec",
    "php": "php phtml php5",
    "kotlin": "kt kts",
    "swift": "swift",
    "scala": "scala sc sbt",
    "bash": "sh bash zsh ksh bats",
    "lua": "lua",
    "haskell": "hs",
    "elixir": "ex exs",
    "zig": "zig",
    # by lines
    "ada": "adb ads",
    "assembly": "asm s nasm",
    "astro": "astro",
    "batch": "bat cmd",
    "clojure": "clj cljs cljc edn",
    "cmake": "cmake",
    "coffeescript": "coffee",
    "common-lisp": "lisp lsp cl",
    "crystal": "cr",
    "css": "css",
    "d": "d",
    "dart": "dart",
    "dockerfile": "dockerfile containerfile",
    "elm": "elm",
    "emacs-lisp": "el",
    "erlang": "erl hrl",
    "fish": "fish",
    "fortran": "f f90 f95 f03 f08 for",
    "fsharp": "fs fsi fsx",
    "gdscript": "gd",
    "glsl": "glsl vert frag comp geom",
    "graphql": "graphql gql",
    "groovy": "groovy gradle",
    "haxe": "hx",
    "hlsl": "hlsl fx",
    "html": "html htm xhtml",
    "jinja": "j2 jinja jinja2",
    "julia": "jl",
    "less": "less",
    "makefile": "mk mak",
    "matlab": "mlx",
    "nim": "nim",
    "nix": "nix",
    "objective-c": "m mm",
    "ocaml": "ml mli",
    "pascal": "pas dpr",
    "perl": "pl pm t",
    "powershell": "ps1 psm1 psd1",
    "prisma": "prisma",
    "prolog": "pro",
    "protobuf": "proto",
    "purescript": "purs",
    "r": "r",
    "racket": "rkt",
    "reasonml": "re rei",
    "scheme": "scm ss sld",
    "scss": "scss sass",
    "smalltalk": "st",
    "solidity": "sol",
    "sql": "sql ddl",
    "starlark": "bzl bazel star",
    "svelte": "svelte",
    "tcl": "tcl",
    "terraform": "tf hcl tfvars",
    "thrift": "thrift",
    "twig": "twig",
    "v": "v sv svh",
    "vala": "vala",
    "vhdl": "vhd vhdl",
    "vim": "vim",
    "visual-basic": "vb vbs bas",
    "vue": "vue",
    "wgsl": "wgsl",
    # prose
    "markdown": "md markdown mdx",
    "restructuredtext": "rst",
}
"""Language → the suffixes of its files, in lower case."""

NAMES: Mapping[str, str] = {
    "bash": "gradlew",
    "cmake": "cmakelists.txt",
    "dockerfile": "dockerfile containerfile",
    "groovy": "jenkinsfile",
    "just": "justfile",
    "makefile": "makefile gnumakefile bsdmakefile kbuild",
    "python": "sconstruct sconscript",
    "ruby": "rakefile gemfile vagrantfile podfile fastfile guardfile brewfile capfile",
    "starlark": "build workspace tiltfile",
}
"""Language → whole names of its files, in lower case."""

PROSE: Mapping[str, Chunker] = {"markdown": chunk_markdown, "restructuredtext": chunk_restructuredtext}

_BY_SUFFIX = {suffix: language for language, suffixes in SUFFIXES.items() for suffix in suffixes.split()}
_BY_NAME = {name: language for language, names in NAMES.items() for name in names.split()}

CPLUSPLUS = re.compile(
    rb"^[ \t]*(?:class[ \t][\w \t:,()]*[{;]|namespace\b[\w \t:]*\s\{|template[ \t]*<|public:|private:)",
    re.MULTILINE,
)
"""What no header in C says."""


def language_of(path: str) -> str | None:
    """Lower-case name of the language; None for what is no source code.

    >>> language_of("src/App.tsx"), language_of("Dockerfile"), language_of("data.json")
    ('typescript', 'dockerfile', None)
    """
    name = path.rpartition("/")[2].lower()
    return _BY_NAME.get(name) or _BY_SUFFIX.get(name.rpartition(".")[2] if "." in name else "")


def chunker_for(path: str, prose: bool) -> Chunker | None:
    """What cuts the file; None for what is no source code. prose: whether texts for people are cut too."""
    language = language_of(path)
    if language is None:
        return None
    if language in PROSE:
        return PROSE[language] if prose else None
    return _chunker(language, PurePosixPath(path).suffix.lower())


def without_docstring(document: Document) -> str:
    """A definition's text without what documents it: Python's docstring, elsewhere the comment above."""
    if document.docstring is None:
        return document.text
    if document.language == "python":
        with suppress(*python.UNPARSABLE):
            if (undocumented := python.without_docstring(document.text)) != document.text:
                return undocumented
    signature = document.signature or ""
    lines = split_lines(document.text)
    for number, line in enumerate(lines):
        start = " ".join(line.split())
        if start and (start.startswith(signature) or signature.startswith(start)):
            return "".join(lines[number:])
    return document.text


@cache
def _chunker(language: str, suffix: str) -> Chunker:
    if language == "python":
        return python.chunk_python
    if suffix == ".h":
        return _chunk_header
    if language in GRAMMARS:
        return _by_syntax("tsx" if suffix == ".tsx" else language, language)
    return line_chunker(language)


def _by_syntax(grammar: str, language: str) -> Chunker:
    from search_core.corpus.syntax import syntax_chunker

    return syntax_chunker(grammar, language)


def _chunk_header(path: str, data: bytes) -> list[Document]:
    """C and C++ share a suffix."""
    language = "cpp" if CPLUSPLUS.search(data) else "c"
    return _by_syntax(language, language)(path, data)
