"""Fixtures of the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import WORKER, config, worker_of

from search_core.settings import Settings
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
