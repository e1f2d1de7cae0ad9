"""Retrieval data sets in the layout of `CoIR-Retrieval/cosqa`, from the Hub or a folder.

config     columns                      splits
corpus     _id, title, text             all are read
queries    _id, text                    all are read
default    query-id, corpus-id, score   train, valid, ...: the qrels
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search_core.corpus.spec import DatasetSource, corpus_id
from search_core.corpus.storage import (
    DOCUMENTS,
    documents_table,
    read_corpus,
    read_documents,
    read_table,
    table,
    write_corpus,
)
from search_core.deadline import within
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import Corpus, Document, EvaluationProtocol, SkippedFile, StudioError

QUERIES, QRELS, SKIPPED = "queries.parquet", "qrels.parquet", "skipped.parquet"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "corpus": ("_id", "text"),
    "queries": ("_id", "text"),
    "default": ("query-id", "corpus-id", "score"),
}
"""Columns that every config must have; `title` and `language` of the corpus are read where they are."""

logger = logging.getLogger(__name__)

Rows = Mapping[str, Sequence[Any]]
"""Columns of equal length."""


@dataclass(frozen=True)
class RetrievalDataset:
    """documents: every id, not merged. qrels: columns split, query, document, score (judged, so 0 occurs)."""

    documents: tuple[Document, ...]
    skipped: tuple[SkippedFile, ...]
    queries: Mapping[str, str]
    qrels: Rows


def load_dataset(source: DatasetSource, settings: Settings) -> RetrievalDataset:
    """The data set as it is now; the stored copy where that is the same version, or the Hub is out of reach.

    Raises StudioError within settings.hub_timeout_s where the Hub is needed and cannot be reached,
    and where configurations or columns are missing.
    """
    workspace = Workspace(settings.workspace)
    folder = workspace.folder("corpora", corpus_id(source))
    version = _folder_version(Path(source.name)) if source.local else _hub_version(source.name, settings)
    stored = read_corpus(folder)
    if stored and version is None:
        logger.warning("The Hub cannot be reached: using the stored copy of %s", source.name)
    if stored and version in (None, stored.metadata["version"]):
        return _read(stored.files)
    if version is None and not _offline_mode():
        raise StudioError(
            f"Data set {source.name!r} is not stored here and the Hugging Face Hub cannot be reached "
            f"(waited up to {settings.hub_timeout_s:g} s): check the connection, or give dataset:FOLDER. "
            "If it was downloaded before, set HF_HUB_OFFLINE=1."
        )
    dataset = _dataset(source.name, _read_configs(source, version))
    with workspace.writing(folder):
        _write(folder, dataset, {"spec": source.spec, "version": version})
    return dataset


def dataset_corpus(spec: str, dataset: RetrievalDataset, protocol: EvaluationProtocol) -> Corpus:
    """content: one document per distinct text; official: every id, as MTEB does."""
    documents = merge_equal(dataset.documents)[0] if protocol == "content" else dataset.documents
    return Corpus(spec, documents, skipped=dataset.skipped)


def merge_equal(documents: Sequence[Document]) -> tuple[tuple[Document, ...], Mapping[str, str]]:
    """The first document of each distinct encoded text, and for every id the id that was kept for it."""
    first: dict[str, Document] = {}
    kept = {document.id: first.setdefault(document.content_key, document).id for document in documents}
    return tuple(first.values()), kept


def _folder_version(folder: Path) -> str:
    """Changes when a file of the folder does."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        state = f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(state.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _hub_version(hub_id: str, settings: Settings) -> str | None:
    """The data set's commit on the Hub, or None where the Hub does not answer in time."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    def commit() -> str | None:
        return HfApi().dataset_info(hub_id, timeout=settings.hub_timeout_s).sha

    missing = StudioError(
        f"There is no data set {hub_id!r} on the Hugging Face Hub, or it is private: "
        "check its id, or log in with `hf auth login`."
    )
    try:
        return within(settings.hub_timeout_s, commit)
    except HFValidationError as error:
        raise missing from error
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403, 404):
            raise missing from error
        logger.warning("The Hub answered %d about %s", error.response.status_code, hub_id)
    except (httpx2.HTTPError, OSError) as error:
        logger.info("No answer from the Hub about %s: %s", hub_id, error)
    return None


def _offline_mode() -> bool:
    """Whether HF_HUB_OFFLINE was set: then the datasets library answers from its own cache, at once."""
    import huggingface_hub.constants

    return bool(huggingface_hub.constants.HF_HUB_OFFLINE)


def _read_configs(source: DatasetSource, version: str | None) -> dict[str, dict[str, Rows]]:
    """Config to split to rows, through the datasets library."""
    import datasets

    datasets.disable_progress_bars()
    configs: dict[str, dict[str, Rows]] = {}
    with TemporaryDirectory() as scratch:
        # The library caches what it read from a folder, too; our own copy is the one to keep.
        options = {"cache_dir": scratch} if source.local else {"revision": version}
        for config, columns in COLUMNS.items():
            try:
                splits = datasets.load_dataset(source.name, config, **options)
            except Exception as error:  # some ten unrelated classes, from five libraries
                raise StudioError(
                    f"Config {config!r} of data set {source.name!r} cannot be read: {_first_line(error)} "
                    f"(expected: configs {', '.join(COLUMNS)} in the layout of CoIR-Retrieval/cosqa)"
                ) from error
            for split, rows in splits.items():
                if missing := [column for column in columns if column not in rows.column_names]:
                    raise StudioError(
                        f"Data set {source.name!r}: split {split!r} of config {config!r} lacks "
                        f"{', '.join(missing)}; its columns are {', '.join(rows.column_names)}."
                    )
            configs[config] = {split: rows.to_dict() for split, rows in splits.items()}
    return configs


def _first_line(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _dataset(name: str, configs: Mapping[str, Mapping[str, Rows]]) -> RetrievalDataset:
    documents, skipped = _usable_documents(configs["corpus"])
    if not documents:
        raise StudioError(f"Data set {name!r} has no document with an id and a text.")
    queries: dict[str, str] = {}
    for id_, text in _rows(configs["queries"], "_id", "text"):
        if id_ and text and text.strip():
            queries.setdefault(id_, text)
    qrels: dict[str, list[Any]] = {"split": [], "query": [], "document": [], "score": []}
    for split, rows in configs["default"].items():
        for query, document, score in _rows({split: rows}, "query-id", "corpus-id", "score"):
            try:
                relevant = float(score or 0) > 0
            except ValueError:
                raise StudioError(
                    f"Data set {name!r}: score {score!r} of query {query!r} is no number."
                ) from None
            for column, value in zip(qrels.values(), (split, query, document, int(relevant)), strict=True):
                column.append(value)
    return RetrievalDataset(documents, skipped, queries, qrels)


def _usable_documents(splits: Mapping[str, Rows]) -> tuple[tuple[Document, ...], tuple[SkippedFile, ...]]:
    documents: dict[str, Document] = {}
    skipped = []
    for id_, text, title, language in _rows(splits, "_id", "text", "title", "language"):
        if not id_ or not text or not text.strip():
            skipped.append(SkippedFile(id_ or "", "empty id or text"))
        elif id_ in documents:
            skipped.append(SkippedFile(id_, "id occurs more than once, the first is kept"))
        else:
            encoded = f"{title}\n{text}" if title else text
            documents[id_] = Document(id_, text, encoded, language=(language or "").lower() or None)
    return tuple(documents.values()), tuple(skipped)


def _rows(splits: Mapping[str, Rows], *columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows of every split, as strings: ids may be numbers. None for a column or value that is absent."""
    for rows in splits.values():
        length = len(next(iter(rows.values()), ()))
        values = (rows.get(column, [None] * length) for column in columns)
        for row in zip(*values, strict=True):
            yield tuple(None if value is None else str(value) for value in row)


def _write(folder: Path, dataset: RetrievalDataset, metadata: Mapping[str, Any]) -> None:
    skipped = {"id": [s.path for s in dataset.skipped], "reason": [s.reason for s in dataset.skipped]}
    files = {
        DOCUMENTS: documents_table(dataset.documents),
        SKIPPED: table(skipped),
        QUERIES: table({"id": list(dataset.queries), "text": list(dataset.queries.values())}),
        QRELS: table(dataset.qrels),
    }
    write_corpus(folder, files, metadata)


def _read(files: Mapping[str, Path]) -> RetrievalDataset:
    queries, skipped = read_table(files[QUERIES]), read_table(files[SKIPPED])
    return RetrievalDataset(
        tuple(read_documents(files[DOCUMENTS])),
        tuple(map(SkippedFile, skipped["id"], skipped["reason"])),
        dict(zip(queries["id"], queries["text"], strict=True)),
        read_table(files[QRELS]),
    )
