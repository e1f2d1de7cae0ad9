"""What the documents of a file are: definitions, parts of the long ones, and what stands between."""

from __future__ import annotations

import pytest

from search_core.corpus.blocks import low_lines
from search_core.corpus.definitions import Definition, File, dedent
from search_core.types import Document


def documents(text: str, *definitions: Definition) -> dict[str, Document]:
    lines = text.splitlines(keepends=True)
    made = File("a.x", "x", lines, low_lines(lines)).documents(definitions)
    assert made == sorted(made, key=lambda document: document.start_line or 0)
    return {document.id.removeprefix("a.x::"): document for document in made}


def defined(symbol: str, first: int, last: int, *owned: Definition) -> Definition:
    signature = f"def {symbol}"
    return Definition(symbol, "class" if owned else "function", first, last, signature, owned=list(owned))


def test_what_stands_between_definitions_are_blocks_with_numbers_of_their_own() -> None:
    made = documents(
        "import a\nimport b\n\ndef f\n  1\n\nX = 1\ndef g\n  2\n", defined("f", 4, 5), defined("g", 8, 9)
    )
    assert {id_: (d.text, d.kind, d.symbol) for id_, d in made.items()} == {
        "@1": ("import a\nimport b", "block", None),
        "f": ("def f\n  1", "function", "f"),
        "@2": ("X = 1", "block", None),
        "g": ("def g\n  2", "function", "g"),
    }


def test_editing_a_definition_leaves_the_ids_of_all_others() -> None:
    before = documents("import a\ndef f\n  1\nX = 1\n", defined("f", 2, 3))
    after = documents("import a\ndef f\n  1\n  2\n  3\nX = 1\n", defined("f", 2, 5))
    assert list(before) == list(after) == ["@1", "f", "@2"]


def test_lines_that_only_close_something_belong_to_the_definition_above() -> None:
    made = documents("ns {\n  f {\n  }\n\n} // ns\n#endif\n", defined("f", 2, 3))
    assert [(id_, d.start_line, d.end_line) for id_, d in made.items()] == [("@1", 1, 1), ("f", 2, 6)]


def test_lines_that_only_close_something_and_stand_alone_are_a_block() -> None:
    assert documents("}\n")["@1"].text == "}"


def test_the_encoded_text_of_what_owns_definitions_is_its_outline() -> None:
    text = "  class A\n    x = 1\n    def f\n      1\n    y = 2\n  end\n"
    made = documents(text, defined("A", 1, 6, defined("A.f", 3, 4)))
    assert made["A"].text == text.removesuffix("\n")
    assert made["A"].encoded == "class A\n  x = 1\n  def A.f\n  y = 2\nend"
    assert made["A.f"].encoded == "def f\n  1"


def test_a_symbol_that_occurs_again_gets_a_number_in_file_order() -> None:
    made = documents(
        "f\nclass\n f\nf\n", defined("f", 1, 1), defined("c", 2, 3, defined("f", 3, 3)), defined("f", 4, 4)
    )
    assert [(id_, d.start_line) for id_, d in made.items()] == [("f", 1), ("c", 2), ("f#2", 3), ("f#3", 4)]


LINE = "  statement_of_forty_characters_exactly\n"


def test_a_long_function_has_its_later_parts_as_blocks_under_its_name() -> None:
    assert len(LINE) == 40
    made = documents("def f\n" + LINE * 100, defined("f", 1, 101))
    # "def f\n" and 37 lines are 1,486 of 1,500 characters; each further part has 37 lines of 40.
    assert [(id_, d.start_line, d.end_line) for id_, d in made.items()] == [
        ("f", 1, 101),
        ("f@L39", 39, 75),
        ("f@L76", 76, 101),
    ]
    part = made["f@L39"]
    assert (part.symbol, part.kind, part.text) == ("f", "block", (LINE * 37).removesuffix("\n"))
    assert part.encoded == "def f\n" + (LINE[2:] * 37).removesuffix("\n")


@pytest.mark.parametrize(("lines", "parts"), [(46, 0), (55, 1)])
def test_a_part_is_worth_a_document_if_it_has_200_characters(lines: int, parts: int) -> None:
    # The first part may have up to a quarter more than 1,500 characters.
    made = documents("def f\n" + LINE * lines, defined("f", 1, lines + 1))
    assert len(made) == 1 + parts


def test_what_a_long_definition_owns_is_no_part_of_it() -> None:
    made = documents("def f\n" + LINE * 150, defined("f", 1, 151, defined("f.inner", 60, 85)))
    # Lines 1 to 38 are read anyway; f.inner has 26 lines of 40 characters, which is not long.
    assert [(id_, d.start_line, d.end_line) for id_, d in made.items()] == [
        ("f", 1, 151),
        ("f@L39", 39, 59),
        ("f.inner", 60, 85),
        ("f@L86", 86, 122),
        ("f@L123", 123, 151),
    ]


@pytest.mark.parametrize(
    ("text", "dedented"),
    [
        ("  a\n    b\n\n  c", "a\n  b\n\nc"),
        ("a\n  b", "a\n  b"),
        ("    a\n  b", "  a\nb"),
        ("\ta\n\t\tb", "a\n\tb"),
    ],
)
def test_dedent_takes_away_what_all_lines_begin_with(text: str, dedented: str) -> None:
    assert dedent(text) == dedented
