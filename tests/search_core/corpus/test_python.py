"""Python source is cut into functions, methods and classes; every text is exactly its lines of the file."""

from __future__ import annotations

import inspect
import json.decoder
import textwrap
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_core.corpus.chunker import LeftOut
from search_core.corpus.python import chunk_python, without_docstring
from search_core.types import Document


def chunk(source: str) -> dict[str, Document]:
    return definitions(chunk_python("m.py", textwrap.dedent(source).encode()))


def definitions(documents: list[Document]) -> dict[str, Document]:
    return {d.id.removeprefix("m.py::"): d for d in documents if d.kind != "block"}


NEWLINE = st.sampled_from(["\n", "\r\n", "\r"])
ODD = st.text(alphabet="ab \x0b\x0c\x1c\x1d\x85\u2028\u2029é'#", max_size=6)
"""Characters at which str.splitlines, but not Python's parser, starts a line."""


@st.composite
def sources(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A file, and the text that every symbol in it must have."""
    expected: dict[str, str] = {}

    def line(text: str) -> str:
        return text + draw(NEWLINE)

    def block(owner: str, indent: str, depth: int) -> str:
        kinds = ["statement", "function"] + (["class", "if", "try"] if depth < 3 else [])
        kind = draw(st.sampled_from(kinds))
        if kind == "statement":
            return line(f"{indent}x = '''{draw(ODD).replace(chr(39), '')}''' # {draw(ODD)}")
        if kind == "if":
            inner = [block(owner, indent + "  ", depth + 1), line(f"{indent}else:")]
            return line(f"{indent}if x:") + "".join(inner) + block(owner, indent + "  ", depth + 1)
        if kind == "try":
            inner = [block(owner, indent + " ", depth + 1), line(f"{indent}except E:")]
            return line(f"{indent}try:") + "".join(inner) + block(owner, indent + " ", depth + 1)
        name = f"n{len(expected)}"
        expected[owner + name] = ""
        text = line(f"{indent}@decorated # {draw(ODD)}") if draw(st.booleans()) else ""
        if kind == "function":
            text += (
                line(f"{indent}def {name}(x):") + line(f'{indent}  """{draw(ODD)}') + line(f'{draw(ODD)}"""')
            )
            text += (
                line(f"{indent}  def inner(): pass") + line("") + line(f"{indent}  return x # {draw(ODD)}")
            )
        else:
            text += line(f"{indent}class {name}:") + block(f"{owner}{name}.", indent + "\t", depth + 1)
        expected[owner + name] = text
        return text

    page_break = draw(st.sampled_from(["", "\x0c"]))
    text = "".join(page_break + block("", "", 0) for _ in range(draw(st.integers(0, 4))))
    # A line's last newline is not part of a text; \r and the \n of a following line are one newline.
    return text, {symbol: span.removesuffix("\n").removesuffix("\r") for symbol, span in expected.items()}


@given(sources(), st.booleans())
def test_every_definition_is_a_document_whose_text_is_exactly_its_lines(
    source: tuple[str, dict[str, str]], byte_order_mark: bool
) -> None:
    text, expected = source
    documents = chunk_python("m.py", text.encode("utf-8-sig" if byte_order_mark else "utf-8"))
    found = {
        document.symbol: document.text.removeprefix("\x0c") for document in definitions(documents).values()
    }
    assert found == expected
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for document in documents:
        assert document.start_line and document.end_line
        span = "\n".join(lines[document.start_line - 1 : document.end_line])
        assert document.text.replace("\r\n", "\n").replace("\r", "\n") == span
    covered = {line for d in documents for line in range(d.start_line or 0, (d.end_line or 0) + 1)}
    assert covered >= {number for number, line in enumerate(lines, 1) if line.strip()}


def test_real_functions_are_cut_as_python_itself_cuts_them() -> None:
    source = inspect.getsource(json.decoder)
    documents = definitions(chunk_python("m.py", source.encode()))
    for symbol in ("JSONDecodeError", "JSONDecoder", "JSONDecoder.raw_decode", "py_scanstring"):
        value: object = json.decoder
        for name in symbol.split("."):
            value = getattr(value, name)
        assert documents[symbol].text + "\n" == inspect.getsource(value)  # type: ignore[arg-type]
        assert documents[symbol].docstring == inspect.getdoc(value)


def test_symbols_kinds_and_lines_say_where_a_document_is() -> None:
    documents = chunk(
        """\
        import os

        @cache
        def top(a, *, b: int = 1) -> str:
            def inner(): ...

        class Outer(Base, metaclass=Meta):
            class Inner:
                async def run(self): ...
            if os.name == "nt":
                def only_here(self): ...
        """
    )
    assert [(d.symbol, d.kind, d.start_line, d.end_line) for d in documents.values()] == [
        ("top", "function", 3, 5),
        ("Outer", "class", 7, 11),
        ("Outer.Inner", "class", 8, 9),
        ("Outer.Inner.run", "method", 9, 9),
        ("Outer.only_here", "method", 11, 11),
    ]
    assert documents["top"].signature == "def top(a, *, b: int=1) -> str"
    assert documents["Outer"].signature == "class Outer(Base, metaclass=Meta)"
    assert documents["Outer.Inner.run"].signature == "async def run(self)"
    assert {document.language for document in documents.values()} == {"python"}


def test_a_symbol_that_occurs_again_gets_a_number() -> None:
    documents = chunk("if x:\n  def f(): 1\nelif y:\n  def f(): 2\nelse:\n  def f(): 3\n")
    assert list(documents) == ["f", "f#2", "f#3"]
    assert {document.symbol for document in documents.values()} == {"f"}


def test_a_class_is_encoded_as_its_outline_and_shown_whole() -> None:
    documents = chunk(
        '''\
        @final
        class Queue(Base):
            """Things that wait."""

            limit = 3

            @property
            def full(self) -> bool:
                """No room."""
                return len(self) == self.limit

            class Item:
                size = 1
        '''
    )
    queue = documents["Queue"]
    assert "return len(self)" in queue.text
    assert queue.encoded == textwrap.dedent(
        '''\
        @final
        class Queue(Base):
            """Things that wait."""

            limit = 3

            def full(self) -> bool

            class Item'''
    )
    assert documents["Queue.full"].encoded == textwrap.dedent(
        '''\
        @property
        def full(self) -> bool:
            """No room."""
            return len(self) == self.limit'''
    )


def test_a_decorator_may_begin_a_line_before_its_expression() -> None:
    assert chunk("x = 1\n@(\n  # why\n  deco\n)\ndef f(): ...\n")["f"].start_line == 2


def test_the_comment_directly_above_belongs_to_what_is_below_it() -> None:
    documents = chunk(
        "x = 1\n# Why.\n# More.\n@d\ndef f():\n    # Inside.\n    pass\n# Apart.\n\ndef g(): ...\n"
    )
    assert (documents["f"].start_line, documents["f"].end_line) == (2, 7)
    assert documents["g"].start_line == 10
    assert documents["f"].docstring is None  # that is what the function says of itself


def test_module_level_code_becomes_blocks() -> None:
    documents = chunk_python("m.py", b"import os\n\nX = 1\ndef f(): ...\nif X:\n    run()\n")
    assert [(d.id, d.kind, d.text) for d in documents] == [
        ("m.py::@1", "block", "import os\n\nX = 1"),
        ("m.py::f", "function", "def f(): ..."),
        ("m.py::@2", "block", "if X:\n    run()"),
    ]


def test_a_long_function_is_cut_between_its_statements() -> None:
    statement = "    call(\n        'an argument of thirty.',\n    )\n"
    assert len(statement) == 50
    documents = chunk_python("m.py", ("def f():\n" + statement * 50).encode())
    # 9 characters and 29 statements of 50 fit into 1,500; then 21 statements are left.
    assert [(d.id, d.start_line, d.end_line) for d in documents] == [
        ("m.py::f", 1, 151),
        ("m.py::f@L89", 89, 151),
    ]
    assert documents[1].encoded.startswith("def f()\ncall(\n    'an argument")


def test_the_files_own_encoding_counts() -> None:
    source = "# -*- coding: latin-1 -*-\ndef f():\n    return 'é'\n".encode("latin-1")
    assert definitions(chunk_python("m.py", source))["f"].text.endswith("def f():\n    return 'é'")


def test_a_docstring_never_holds_what_parquet_and_json_cannot() -> None:
    assert chunk('def f():\n    "lone \\ud800 surrogate"\n')["f"].docstring == r"lone \ud800 surrogate"


def test_a_long_chain_of_branches_is_cut_too() -> None:
    source = "if x == 0: pass\n" + "".join(f"elif x == {n}:\n  def f{n}(): pass\n" for n in range(1, 200))
    assert len(chunk(source)) == 199


@pytest.mark.parametrize(
    ("source", "symbols"),
    [
        (b"def f(:\n  pass\n\ndef g():\n  pass\n", {"f", "g"}),
        (b"print 'hello'\nclass A:\n  def m(self): raise E, 'x'\n", {"A", "A.m"}),
        (b"def f(): return '\xff'\n", {"f"}),
        (b"# coding: no-such-codec\n\ndef f(): pass\n", {"f"}),
        (b"# coding: unicode_escape\n\ndef f(): return '\\ud800'\n", {"f"}),
        (b"def f(): pass\nx = " + b"-" * 100_000 + b"1\n", {"f"}),
    ],
)
def test_what_python_cannot_parse_is_cut_by_its_grammar(source: bytes, symbols: set[str]) -> None:
    documents = chunk_python("m.py", source)
    assert {document.symbol for document in definitions(documents).values()} == symbols
    assert {document.language for document in documents} == {"python"}


def test_binary_data_is_left_out() -> None:
    with pytest.raises(LeftOut, match="cannot be decoded"):
        chunk_python("m.py", bytes(range(1, 256)) * 10)


def test_warnings_about_the_corpus_are_not_ours() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(chunk("def f():\n    return '\\d' is 'x'\n")) == ["f"]


@pytest.mark.parametrize(
    ("with_docstring", "without"),
    [
        ('def f():\n    """Doc."""\n    return 1', "def f():\n    return 1"),
        ('def f():\n    """Doc.\n\nmore\n    """\n\n    return 1', "def f():\n\n    return 1"),
        ('    def m(self):\r\n        """Doc."""\r\n        x', "    def m(self):\r\n        x"),
        ('@d\nasync def f():\n    ("a"\n     "b")\n    return 1', "@d\nasync def f():\n    return 1"),
        # The whole body, or on a line with other code: pass takes its place.
        ('def f():\n    """Doc."""', "def f():\n    pass"),
        ('def é(): "é"; return 1', "def é(): pass; return 1"),
        ('def f():\n    "Doc."  # why\n    return 1', "def f():\n    pass  # why\n    return 1"),
        # No docstring: as it was.
        ("def f(): return 1", "def f(): return 1"),
        ('\x0cdef f():\n    x = 1\n    "no docstring"', '\x0cdef f():\n    x = 1\n    "no docstring"'),
    ],
)
def test_a_docstring_is_removed_and_nothing_else(with_docstring: str, without: str) -> None:
    assert without_docstring(with_docstring) == without
