"""Services that are started for a test, and what they find."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from search_core.settings import Settings
from ui.lanes import Lane
from ui.offering.services import Services

KEYWORDS, DENSE = Lane(None, "lexical"), Lane("minilm", "dense")


def until(condition: Callable[[], bool], timeout_s: float = 240) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


@contextmanager
def started(
    corpora: Sequence[str], models: Sequence[str], workspace: Path, watch: bool = False
) -> Iterator[Services]:
    services = Services(corpora, models, Settings(workspace=workspace), watch)
    services.start()
    try:
        yield services
    finally:
        services.stop()


@contextmanager
def ready(corpora: Sequence[str], models: Sequence[str], workspace: Path) -> Iterator[Services]:
    """With everything prepared."""
    with started(corpora, models, workspace) as services:
        until(lambda: not services.preparing)
        yield services


def symbols(services: Services, query: str, corpus: str, lane: Lane = KEYWORDS) -> list[str | None]:
    """Of the first two hits."""
    return [hit.document.symbol for hit in services.search(query, 2, corpus, lane).hits]
