"""A file's language is known by its name, and every language is cut by something."""

from __future__ import annotations

import pytest

from search_core.corpus.languages import (
    NAMES,
    PROSE,
    SUFFIXES,
    chunker_for,
    language_of,
    without_docstring,
)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/app.py", "python"),
        ("stubs/app.pyi", "python"),
        ("App.TSX", "typescript"),
        ("lib/index.mjs", "javascript"),
        ("include/x.h", "c"),
        ("include/x.hpp", "cpp"),
        ("Makefile", "makefile"),
        ("docker/Dockerfile", "dockerfile"),
        ("Rakefile", "ruby"),
        ("README.md", "markdown"),
        # Data, and what says nothing about itself, is no source code.
        ("package.json", None),
        ("table.csv", None),
        ("poetry.lock", None),
        ("logo.svg", None),
        ("LICENSE", None),
        ("py", None),
    ],
)
def test_a_name_says_the_language(path: str, language: str | None) -> None:
    assert language_of(path) == language


def test_a_suffix_or_name_belongs_to_one_language() -> None:
    for table in (SUFFIXES, NAMES):
        entries = [entry for entries in table.values() for entry in entries.split()]
        assert sorted(entries) == sorted(set(entries))


@pytest.mark.parametrize("language", sorted({*SUFFIXES, *NAMES} - {*PROSE}))
def test_every_language_is_cut_and_says_its_name(language: str) -> None:
    path = f"a.{SUFFIXES[language].split()[0]}" if language in SUFFIXES else NAMES[language].split()[0]
    chunk = chunker_for(path, prose=False)
    assert chunk
    assert [(d.language, d.text, d.start_line) for d in chunk(path, b"\n\nx = 1\n")] == [
        (language, "x = 1", 3)
    ]


def test_texts_for_people_are_cut_only_if_asked_for() -> None:
    for path in ("README.md", "docs/index.rst"):
        assert chunker_for(path, prose=False) is None
        assert chunker_for(path, prose=True) is not None


def test_what_is_no_source_code_is_cut_by_nothing() -> None:
    assert chunker_for("data.json", prose=True) is None


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("struct point { int x; };\n", "c"),
        ("/* a class of things */\nint f(void);\n", "c"),
        ("class Point {\n};\n", "cpp"),
        ("  class EXPORTED Point : public Base {\n};\n", "cpp"),
        ("namespace a {\nint f();\n}\n", "cpp"),
        ("template <typename T>\nT f(T);\n", "cpp"),
    ],
)
def test_a_header_is_cpp_where_it_says_what_c_cannot(header: str, language: str) -> None:
    chunk = chunker_for("a.h", prose=False)
    assert chunk
    assert {document.language for document in chunk("a.h", header.encode())} == {language}


@pytest.mark.parametrize(
    ("path", "source", "undocumented"),
    [
        ("a.py", 'def f():\n    """Doc."""\n    return 1\n', "def f():\n    return 1"),
        ("a.py", 'print "2"\n# Doc.\ndef f():\n    return 1\n', "def f():\n    return 1"),
        (
            "a.py",
            f"# Doc.\ndef f():\n    return {'1 + ' * 10_000}1\n",  # too deep for Python's parser
            f"def f():\n    return {'1 + ' * 10_000}1",
        ),
        ("a.go", "// F does.\n// More.\nfunc F(\n\ta int,\n) {\n}\n", "func F(\n\ta int,\n) {\n}"),
        ("a.js", "/** Doc. */\nconst f = () => {\n}\n", "const f = () => {\n}"),
        ("a.rb", "def f(a)\n  a # not above\nend\n", "def f(a)\n  a # not above\nend"),
    ],
)
def test_a_definition_without_its_documentation(path: str, source: str, undocumented: str) -> None:
    chunk = chunker_for(path, prose=False)
    assert chunk
    [function] = [document for document in chunk(path, source.encode()) if document.kind == "function"]
    assert without_docstring(function) == undocumented
