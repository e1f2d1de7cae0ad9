"""Fixtures that several tests of the page's parts share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from search_core.engine import SearchEngine


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Models are added only once this is set."""
    gate, add_model = threading.Event(), SearchEngine.add_model

    def add_model_later(self: SearchEngine, *args: Any) -> Any:
        gate.wait()
        return add_model(self, *args)

    monkeypatch.setattr(SearchEngine, "add_model", add_model_later)
    yield gate
    gate.set()
