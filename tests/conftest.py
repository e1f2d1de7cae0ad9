"""Fixtures shared by all tests: a workspace of one's own, and the development data where it is at hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_core.settings import Settings
from search_core.store import Workspace
from tests.warm_python import WarmPython
from ui.imports import quick_imports

os.environ["HF_HUB_OFFLINE"] = (
    "1"  # no test of this process may reach out; Hub tests run a client of their own
)
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
if "PYTEST_XDIST_WORKER" in os.environ:  # a core for each worker, and for each process that it starts
    os.environ["OMP_NUM_THREADS"] = os.environ["CODESEARCH_THREADS"] = "1"

with quick_imports():
    import gradio  # noqa: F401

# A shell lets its background jobs ignore interruptions; what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

DATA = Path(__file__).parent / "data"
LONGEST_FIRST = ("e2e", "train")
"""Folders of tests that workers begin with, so that at the end none waits for another."""
OWN_SERVERS = ("test_api.py", "test_rights.py", "test_run_to_hub.py")
"""Files of tests/e2e that start what they need themselves; the others share one running page."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Share the tests among workers (pytest-xdist's `--dist loadgroup`) by file, those of one page as one.

    What a module or the page's tests share is then made once.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        shared = _folder(item) == "e2e" and item.path.name not in OWN_SERVERS
        item.add_marker(pytest.mark.xdist_group("e2e" if shared else item.path.as_posix()))
    ranks = {folder: rank for rank, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(_folder(item), len(ranks)))


def _folder(item: pytest.Item) -> str:
    """Of a test, below tests/."""
    root = Path(__file__).parent
    return item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


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
def conversions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The room `runtimes` of a workspace, for the workspaces of all workers: each model is converted once."""
    root = tmp_path_factory.getbasetemp()
    conversions = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "conversions"
    conversions.mkdir(exist_ok=True)
    return conversions


@pytest.fixture
def fresh_workspace(conversions: Path, tmp_path: Path) -> Path:
    """A workspace that holds nothing but converted models."""
    workspace = tmp_path / "fresh-workspace"
    workspace.mkdir()
    (workspace / "runtimes").symlink_to(conversions)
    return workspace


@pytest.fixture(scope="session")
def model_workspace(conversions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace shared by a worker's tests that need the bundled model, so that it is prepared once."""
    workspace = tmp_path_factory.mktemp("model-workspace")
    (workspace / "runtimes").symlink_to(conversions)
    return workspace


@pytest.fixture(scope="session")
def warm_python() -> Iterator[WarmPython]:
    """For clients of the Hub."""
    with WarmPython(
        "httpx2", "matplotlib.figure", "pandas", "pyarrow", "search_core.corpus", "train.publish"
    ) as python:
        yield python
