"""Watched folders: no edit is missed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from search_core import watch
from search_core.types import StudioError
from search_core.watch import edits, looks

STOP = threading.Event()


def test_what_is_edited_while_others_are_read_counts(tmp_path: Path) -> None:
    watching = looks([tmp_path], STOP)
    next(watching)
    (tmp_path / "a.py").write_text("early")  # nobody waits for edits now
    threading.Event().wait(0.3)
    next(watching)


def test_a_file_system_that_tells_nothing_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_AGAIN_MS", 2 * watch.TICK_MS)
    watching = looks([tmp_path], STOP)
    for _ in range(3):
        next(watching)


def test_an_edit_is_one_item(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(1.0, (tmp_path / "a.py").write_text, ["edited"]).start()
    threading.Timer(3.0, stop.set).start()
    assert list(edits([tmp_path], stop)) == [None]


def test_what_cannot_be_watched_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="nowhere cannot be watched"):
        next(looks([tmp_path / "nowhere"], STOP))
