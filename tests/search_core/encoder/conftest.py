"""Models for the encoder's tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from search_core.encoder import model_folder
from search_core.settings import Settings
from tests.search_core.encoder.tiny_model import BuildModel, build_tiny_model


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    return model_folder("minilm", Settings())


@pytest.fixture
def build_model(tmp_path: Path) -> BuildModel:
    """Saves a tiny random model with the parts it is given; returns its folder."""
    return partial(build_tiny_model, tmp_path)
