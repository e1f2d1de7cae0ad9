"""Corpora in the workspace: documents and other rows as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from search_core.corpus.heading import heading
from search_core.store import Artifact, WriteFile, read_artifact, write_artifact
from search_core.types import Document

DOCUMENTS = "documents.parquet"
INTEGERS = frozenset({"start_line", "end_line", "score"})
LAYOUT = 2
"""Count up when the tables or the metadata change: what has another layout is made anew."""


def write_corpus(
    folder: Path,
    files: Mapping[str, WriteFile],
    metadata: Mapping[str, Any],
    unchanged: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Store a corpus; the caller holds the folder's lock. unchanged: as in write_artifact."""
    write_artifact(folder, files, {"layout": LAYOUT, **metadata}, unchanged)


def read_corpus(folder: Path) -> Artifact | None:
    """The stored corpus, or None where there is none that is whole and of this layout."""
    artifact = read_artifact(folder)
    return artifact if artifact and artifact.metadata.get("layout") == LAYOUT else None


def documents_table(documents: Sequence[Document]) -> WriteFile:
    """Writes one column per field of Document, of what is encoded only what cannot be told from the others.

    Strings hold no lone surrogates: sources see to that.
    """

    def write(path: Path) -> None:
        names = [field.name for field in fields(Document)]
        columns = {name: [getattr(document, name) for document in documents] for name in names}
        columns["encoded"] = [_body(document) for document in documents]
        table(columns)(path)

    return write


def _body(document: Document) -> str | None:
    """What is encoded below the heading; None where it is the text."""
    body = document.encoded.removeprefix(heading(document.path, document.symbol, document.docstring))
    return None if body == document.text else body


def read_documents(path: Path) -> list[Document]:
    columns = read_table(path)
    headings = map(heading, columns["path"], columns["symbol"], columns["docstring"])
    rows = zip(headings, columns["encoded"], columns["text"], strict=True)
    columns["encoded"] = [above + (text if body is None else body) for above, body, text in rows]
    return [Document(*row) for row in zip(*(columns[field.name] for field in fields(Document)), strict=True)]


def table(columns: Mapping[str, Sequence[Any]]) -> WriteFile:
    """Writes columns of strings or integers of equal length."""

    def write(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {name: pa.int64() if name in INTEGERS else pa.string() for name in columns}
        # Read a hundred times for each time it is written: the quickest to read.
        pq.write_table(
            pa.table(dict(columns), schema=pa.schema(types)), path, compression="lz4", use_dictionary=False
        )

    return write


def read_table(path: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    stored = pq.ParquetFile(path).read(use_threads=False)  # read_table would import pandas
    return {name: _values(stored[name]) for name in stored.column_names}


def _values(column: Any) -> list[Any]:
    """What column.to_pylist gives, several times faster; integers with gaps would become floats."""
    if column.null_count and column.type == "int64":
        return list(column.to_pylist())
    return list(column.to_numpy(zero_copy_only=False).tolist())
