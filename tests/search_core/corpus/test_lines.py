"""What no grammar knows is read in its encoding and cut by lines."""

from __future__ import annotations

import pytest

from search_core.corpus.chunker import LeftOut
from search_core.corpus.lines import decode, line_chunker


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("é".encode(), "é"),
        ("é".encode("utf-8-sig"), "é"),
        ("é".encode("utf-16"), "é"),
        (b"\xfe\xff" + "é".encode("utf-16-be"), "é"),
        ("é".encode("latin-1"), "é"),
        (b"", ""),
    ],
)
def test_text_is_utf_8_or_what_its_mark_says_or_latin_1(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00\xd8",  # half of a surrogate pair
        b"\x89PNG\r\n\x1a\n\x01\x02\x03\x04" * 10,
    ],
)
def test_what_looks_binary_is_left_out(data: bytes) -> None:
    with pytest.raises(LeftOut, match="cannot be decoded"):
        decode(data)


def test_a_file_is_cut_at_blank_lines_of_low_indentation() -> None:
    table = "CREATE TABLE t (\n" + "  column_of_some_length INTEGER,\n" * 30 + ");\n\n"
    assert len(table) == 17 + 30 * 33 + 4
    documents = line_chunker("sql")("a.sql", (table * 3).encode())
    # Two tables have more than 1,500 characters: each is a piece, without the blank line after it.
    assert [(d.id, d.start_line, d.end_line) for d in documents] == [
        ("a.sql::@1", 1, 32),
        ("a.sql::@2", 34, 65),
        ("a.sql::@3", 67, 98),
    ]
    assert {(d.kind, d.language, d.symbol) for d in documents} == {("block", "sql", None)}
    assert documents[1].text + "\n\n" == documents[1].encoded + "\n\n" == table
