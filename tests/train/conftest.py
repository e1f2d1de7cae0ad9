"""Fixtures of the training tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_core.settings import Settings
from tests.fake_hub import FakeHub
from tests.train.publisher import publishing_hub
from tests.train.runs import WORKER, config, worker_of
from tests.train.tuning import tiny
from train.run import Run, start


@pytest.fixture
def launch(settings: Settings):
    """Start runs; none of them outlives the test."""
    runs: list[Run] = []

    def launch(corpus: str = "count", steps: int = 1, output: Path | None = None) -> Run:
        runs.append(start(config(corpus, steps), settings, output=output, worker=WORKER))
        return runs[-1]

    yield launch
    for run in runs:
        worker_of(run).end(grace_s=0)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model to start from; nothing changes it."""
    return tiny(tmp_path_factory.mktemp("base"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with publishing_hub(tmp_path / "hub") as hub:
        yield hub
