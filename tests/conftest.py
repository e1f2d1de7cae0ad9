"""Fixtures shared by all tests: a workspace of one's own, and the development data where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search_core.settings import Settings

os.environ["HF_HUB_OFFLINE"] = (
    "1"  # no test of this process may reach out; Hub tests run a client of their own
)
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

DATA = Path(__file__).parent / "data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")


@pytest.fixture(scope="session")
def datasets_dir() -> Path:
    """The development data (CoSQA and friends)."""
    folder = os.environ.get("CODESEARCH_DATASETS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CODESEARCH_DATASETS names no folder: the development data are not here")
    return Path(folder)


@pytest.fixture(scope="session")
def small_dataset() -> Path:
    """Some fifty functions, several of them copied, with judged queries."""
    return DATA / "small_dataset"


@pytest.fixture(scope="session")
def model_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace shared by tests that need the bundled model, so that it is prepared once."""
    return tmp_path_factory.mktemp("model-workspace")
