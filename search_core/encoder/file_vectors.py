"""What a file of a code corpus is about: its documents together, and its name.

A document says what its lines do; a question is often about the whole file they are in.
docs/decisions/repositories.md says what that is worth.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_core.encoder.protocol import Vectors
from search_core.store import read_artifact, write_artifact

VECTORS = "vectors.npy"
METHOD = 1
"""Of naming files and of adding up: with another number what is stored is made anew."""


def vectors_of_files(
    names: Vectors, files: NDArray[np.int64], rows: NDArray[np.int64], vectors: Vectors
) -> Vectors:
    """(n_files, dim) float32: a name's vector plus the direction of the mean of the file's documents.

    names: (n_files, dim). files: (n_documents,), the number of each document's file, each at least once.
    rows: (n_documents,), which of the vectors, (n, dim), is the document's.
    """
    about = names.copy()
    by_file = np.argsort(files, kind="stable")
    ends = np.cumsum(np.bincount(files, minlength=len(names)))
    for file, documents in enumerate(np.split(by_file, ends[:-1])):
        mean = vectors[rows[documents]].mean(axis=0)
        about[file] += mean / (np.linalg.norm(mean) or 1)
    return about


def read_file_vectors(folder: Path, source: str) -> Vectors | None:
    """What `write_file_vectors` stored for the same source, mapped; None where there is nothing usable."""
    artifact = read_artifact(folder)
    if artifact is None or artifact.metadata.get("source") != _made_from(source):
        return None
    return np.asarray(np.load(artifact.files[VECTORS], mmap_mode="r"))


def write_file_vectors(folder: Path, vectors: Vectors, source: str) -> None:
    """source: fingerprint of what they were made from. The caller holds the lock of the index's folder.

    Raises StudioError where the disk is full or read-only.
    """
    write_artifact(folder, {VECTORS: lambda path: np.save(path, vectors)}, {"source": _made_from(source)})


def _made_from(source: str) -> str:
    return f"{source}/{METHOD}"
