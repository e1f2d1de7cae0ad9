"""A browser for each file, and one running app, shared by every test that drives the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import DATA
from tests.e2e.offered import CODE, HOSTILE_CODE, HOSTILE_PATH, JUDGED
from tests.e2e.studio import Studio, chromium, running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after each file: while it runs, its thread runs an event loop, which other tests would meet."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A corpus whose paths and code would run scripts in a careless page."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / HOSTILE_PATH).write_text(HOSTILE_CODE)
    return str(folder)


@pytest.fixture(scope="session")
def long_line(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A corpus of one line of a megabyte: a data set, for folders leave such files out."""
    folder = tmp_path_factory.mktemp("long")
    shutil.copytree(DATA / "small_dataset", folder, dirs_exist_ok=True)
    text = f"megabyte = '{'x' * 1_000_000}'"
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "d1", "title": "", "text": text}) + "\n")
    return f"dataset:{folder}"


@pytest.fixture(scope="session")
def studio(
    hostile: str, long_line: str, conversions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    """The app over real code, judged queries and hostile files, with every vector made."""
    corpora, folder = (CODE, JUDGED, hostile, long_line), tmp_path_factory.mktemp("studio")
    with running(corpora, folder, conversions=conversions) as studio:
        studio.wait_for_models()
        yield studio
