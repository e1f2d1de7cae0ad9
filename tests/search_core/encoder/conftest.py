"""Models for the encoder's tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.search_core.encoder.tiny_model import BuildModel, build_tiny_model, minilm


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    return minilm()


@pytest.fixture
def build_model(tmp_path: Path) -> BuildModel:
    """Saves a tiny random model with the parts it is given; returns its folder."""
    return partial(build_tiny_model, tmp_path)
