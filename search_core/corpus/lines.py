"""Reading a file's text, and cutting what no grammar knows."""

from __future__ import annotations

import codecs
import io
import re

from search_core.corpus.blocks import low_lines
from search_core.corpus.chunker import Chunker, LeftOut
from search_core.corpus.definitions import File
from search_core.types import Document

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a file in UTF-16 begins."""
CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x7f]")
"""Bytes that no text in an 8-bit encoding has more than a few of."""
MAX_CONTROL_SHARE = 0.005


def line_chunker(language: str) -> Chunker:
    """Cuts a file into blocks at blank lines and low indentation."""

    def chunk(path: str, data: bytes) -> list[Document]:
        lines = split_lines(decode(data))
        return File(path, language, lines, low_lines(lines)).documents([])

    return chunk


def decode(data: bytes) -> str:
    """UTF-8 or what a byte order mark says, else Latin-1.

    Raises LeftOut for what looks binary. The result holds no lone surrogates.
    """
    try:
        return data.decode("utf-16" if data.startswith(UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith(UTF16) or len(CONTROL.findall(data)) > MAX_CONTROL_SHARE * len(data):
            raise LeftOut(f"cannot be decoded: {error}") from error
        return data.decode("latin-1")


def split_lines(text: str) -> list[str]:
    r"""Lines with their ends, as parsers count them: only \n, \r\n and \r end a line.

    str.splitlines also splits at form feeds, U+2028 and others.

    >>> split_lines("a\x0cb\r\nc\rd")
    ['a\x0cb\r\n', 'c\r', 'd']
    """
    return list(io.StringIO(text, newline=""))
