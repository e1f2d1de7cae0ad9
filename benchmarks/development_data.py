"""The data sets that most benchmarks measure on."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_core.settings import Settings


def cosqa_folder() -> Path:
    """Says so and leaves where there is none: a benchmark without its data is no failure."""
    folder = Path(os.environ.get("CODESEARCH_DATASETS", "/nowhere"), "cosqa")
    if not folder.is_dir():
        print("skipped: CODESEARCH_DATASETS names no folder with the development data (cosqa)")
        raise SystemExit(0)
    return folder


def cosqa() -> str:
    """The spec of the corpus. Leaves like `cosqa_folder`."""
    return f"dataset:{cosqa_folder()}"


@contextmanager
def new_workspace() -> Iterator[Settings]:
    """The environment's settings, with a workspace that nobody has used."""
    with tempfile.TemporaryDirectory() as folder:
        yield Settings.from_environment(workspace=Path(folder))
