"""Markdown and reStructuredText are cut by section, under the titles that lead to it."""

from __future__ import annotations

import textwrap
import time

import pytest

from search_core.corpus.prose import chunk_markdown, chunk_restructuredtext, markdown_headings
from search_core.types import Document


def markdown(text: str) -> list[Document]:
    return chunk_markdown("a.md", textwrap.dedent(text).encode())


def spans(documents: list[Document]) -> list[tuple[str | None, int | None, int | None]]:
    return [(document.symbol, document.start_line, document.end_line) for document in documents]


def test_a_section_is_a_document_under_the_titles_above_it() -> None:
    documents = markdown(
        """\
        Before.

        # Guide
        Hello.

        ## Install ##
        Run it.

        Other
        -----
        More.

        # End
        """
    )
    assert spans(documents) == [
        (None, 1, 1),
        ("Guide", 3, 4),
        ("Guide > Install", 6, 7),
        ("Guide > Other", 9, 11),
        ("End", 13, 13),
    ]
    install = documents[2]
    assert (install.id, install.kind, install.language) == (
        "a.md::Guide > Install",
        "section",
        "markdown",
    )
    assert install.text == "## Install ##\nRun it."
    assert install.encoded == "Guide > Install\n## Install ##\nRun it."
    assert documents[1].encoded == documents[1].text == "# Guide\nHello."


def test_code_front_matter_and_tables_hold_no_headings() -> None:
    text = "---\ntitle: x\n---\n# A\n```sh\n# no heading\n~~~\n```\n\n| a |\n---\n\n- item\n---\n"
    assert spans(markdown(text)) == [(None, 1, 3), ("A", 4, 14)]


def test_equal_titles_get_numbers_and_a_long_section_pieces() -> None:
    long = "# A\n" + "word " * 19 + "\n"
    documents = markdown("# A\n\n# A\n" + ("word " * 19 + "\n\n") * 20)
    assert len(long) == 100
    assert [document.id for document in documents] == ["a.md::A", "a.md::A#2", "a.md::A#3"]
    assert documents[2].encoded == "A\n" + documents[2].text  # a piece without its heading


def test_a_title_that_ends_like_one_of_our_numbers_has_an_id_of_its_own() -> None:
    documents = markdown("# A\nx\n# A#2\nx\n# A\nx\n# A #2\nx\n")
    assert [document.id for document in documents] == ["a.md::A", "a.md::A#2", "a.md::A#3", "a.md::A #2"]


@pytest.mark.parametrize(
    ("line", "title"),
    [("# A ##", "A"), ("# A # B", "A # B"), ("# C#", "C#"), ("#\tA\t#  ", "A"), ("## ##", ""), ("#", "")],
)
def test_marks_that_close_a_title_are_not_part_of_it(line: str, title: str) -> None:
    assert [found for _, _, found in markdown_headings([line + "\n"])] == [title]


def test_a_title_of_many_blanks_is_read_at_once() -> None:
    started = time.perf_counter()
    blanks = " " * 100_000
    assert len(list(markdown_headings([f"# {blanks}x{blanks}y"]))) == 1
    assert time.perf_counter() - started < 2  # each blank as a beginning would take hours


def test_titles_in_restructuredtext_are_levels_in_order_of_their_first_use() -> None:
    source = """\
        =====
        Guide
        =====

        Install
        -------
        Run it.

        Deeper
        ~~~~~~
        Text.

        Usage
        -----
        Text

        ==  ==
        a   b
        ==  ==
        """
    documents = chunk_restructuredtext("a.rst", textwrap.dedent(source).encode())
    assert spans(documents) == [
        ("Guide", 1, 3),
        ("Guide > Install", 5, 7),
        ("Guide > Install > Deeper", 9, 11),
        ("Guide > Usage", 13, 19),
    ]
    assert {document.language for document in documents} == {"restructuredtext"}
