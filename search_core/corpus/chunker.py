"""The seam between languages: what turns one source file into documents."""

from __future__ import annotations

from typing import Protocol

from search_core.types import Document


class LeftOut(Exception):
    """A file that cannot be part of the corpus; its text is the reason that people read."""


class Chunker(Protocol):
    """Cuts the files of one language, chosen by the file's suffix."""

    def __call__(self, path: str, data: bytes, /) -> list[Document]:
        """Documents in order of their first lines.

        path: POSIX, relative to the corpus; opens every id. data: the file, without NUL bytes.
        Raises LeftOut where the file cannot be decoded.
        """
