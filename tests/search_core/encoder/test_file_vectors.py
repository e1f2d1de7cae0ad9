"""What a file is about: its documents together, and its name."""

from __future__ import annotations

import numpy as np
import pytest

from search_core.encoder import read_file_vectors, vectors_of_files, write_file_vectors
from search_core.store import Workspace

READ, WRITE, CLOSE = np.eye(3, dtype=np.float32)


def test_a_file_points_where_its_documents_and_its_name_point() -> None:
    names, vectors = np.array([CLOSE, READ]), np.array([READ, WRITE, CLOSE])
    about = vectors_of_files(names, np.array([0, 0, 1]), np.array([0, 1, 2]), vectors)
    half = 0.5**0.5
    assert about == pytest.approx(np.array([[half, half, 1], [1, 0, 1]]))


def test_documents_of_a_file_need_not_stand_together_nor_differ() -> None:
    names, vectors = np.array([WRITE, READ]), np.array([READ, WRITE])
    about = vectors_of_files(names, np.array([1, 0, 1]), np.array([0, 1, 0]), vectors)
    assert about.tolist() == [[0, 2, 0], [2, 0, 0]]


def test_the_names_stay_what_they_were() -> None:
    names = np.array([WRITE])
    vectors_of_files(names, np.array([0]), np.array([0]), np.array([READ]))
    assert names.tolist() == [WRITE.tolist()]


def test_what_was_stored_is_read_for_the_same_source_alone(workspace: Workspace) -> None:
    folder, vectors = workspace.folder("indexes", "corpus", "files"), np.eye(2, dtype=np.float32)
    assert read_file_vectors(folder, "now") is None
    write_file_vectors(folder, vectors, "now")
    stored = read_file_vectors(folder, "now")
    assert stored is not None and stored.tolist() == vectors.tolist()
    assert read_file_vectors(folder, "then") is None
