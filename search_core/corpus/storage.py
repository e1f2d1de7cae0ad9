"""Corpora in the workspace: documents and other rows as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from search_core.store import Artifact, WriteFile, read_artifact, write_artifact
from search_core.types import Document

DOCUMENTS = "documents.parquet"
INTEGERS = frozenset({"start_line", "end_line", "score"})
LAYOUT = 1
"""Count up when the tables or the metadata change: what has another layout is made anew."""


def write_corpus(folder: Path, files: Mapping[str, WriteFile], metadata: Mapping[str, Any]) -> None:
    """Store a corpus; the caller holds the folder's lock."""
    write_artifact(folder, files, {"layout": LAYOUT, **metadata})


def read_corpus(folder: Path) -> Artifact | None:
    """The stored corpus, or None where there is none that is whole and of this layout."""
    artifact = read_artifact(folder)
    return artifact if artifact and artifact.metadata.get("layout") == LAYOUT else None


def documents_table(documents: Sequence[Document]) -> WriteFile:
    """Writes one column per field of Document. Strings hold no lone surrogates: sources see to that."""
    names = [field.name for field in fields(Document)]
    return table({name: [getattr(document, name) for document in documents] for name in names})


def read_documents(path: Path) -> list[Document]:
    columns = read_table(path)
    return [Document(*row) for row in zip(*(columns[field.name] for field in fields(Document)), strict=True)]


def table(columns: Mapping[str, Sequence[Any]]) -> WriteFile:
    """Writes columns of strings or integers of equal length."""

    def write(path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {name: pa.int64() if name in INTEGERS else pa.string() for name in columns}
        pq.write_table(pa.table(dict(columns), schema=pa.schema(types)), path, compression="zstd")

    return write


def read_table(path: Path) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    columns: dict[str, list[Any]] = pq.ParquetFile(path).read().to_pydict()  # read_table would import pandas
    return columns
