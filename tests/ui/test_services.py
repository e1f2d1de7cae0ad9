"""Corpora answer keyword queries as soon as they are read, and each model's as soon as it is ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import StudioError
from search_core.watch import edits
from tests.ui.running import DENSE, KEYWORDS, ready, started, symbols, until
from tests.ui.samples import write_sources
from ui.lanes import Lane
from ui.offering.services import Services, StillReading


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def services(corpus: str, model_workspace: Path) -> Iterator[Services]:
    """Everything ready."""
    with ready([corpus], ["minilm"], model_workspace) as services:
        yield services


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


def test_a_model_finds_what_no_word_of_the_query_names(services: Services, corpus: str) -> None:
    assert symbols(services, "get something from the web", corpus, DENSE)[0] == "download_file"


def test_keywords_need_no_model(services: Services, corpus: str) -> None:
    result = services.search("download", 10, corpus, KEYWORDS)
    assert (result.model, result.mode) == (None, "lexical")
    assert [hit.document.symbol for hit in result.hits] == ["download_file"]


def test_until_its_model_is_ready_a_lane_is_served_by_keywords(
    corpus: str, model_workspace: Path, gate: threading.Event
) -> None:
    with started([corpus], ["minilm"], model_workspace) as services:
        until(lambda: services.corpus(corpus) is not None)
        assert services.search("download", 10, corpus, DENSE).mode == "lexical"
        assert services.health()["corpora"] == [{"spec": corpus, "modes": ["lexical"]}]
        gate.set()
        until(lambda: not services.preparing)
        assert services.search("download", 10, corpus, DENSE).mode == "dense"
        assert services.health()["corpora"] == [{"spec": corpus, "modes": ["dense", "lexical", "hybrid"]}]


def test_a_corpus_that_is_not_read_yet_says_to_try_again(corpus: str, settings: Settings) -> None:
    services = Services([corpus], ["minilm"], settings)  # never started
    with pytest.raises(StillReading, match="still being read"):
        services.search("download", 10, corpus, KEYWORDS)
    assert services.preparing
    assert services.health() == {"status": "starting", "models": [], "corpora": []}


def test_a_corpus_that_cannot_be_read_says_why_in_every_lane(tmp_path: Path, settings: Settings) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with ready([str(empty)], ["minilm"], settings.workspace) as services:
        reasons = {step.error for step in services.steps(str(empty))}
        assert len(reasons) == 1
        for lane in (KEYWORDS, DENSE):
            with pytest.raises(StudioError) as raised:
                services.search("download", 10, str(empty), lane)
            assert str(raised.value) in reasons
        assert services.health()["status"] == "ok"


def test_a_model_that_cannot_be_loaded_fails_only_its_own_lanes(corpus: str, settings: Settings) -> None:
    with ready([corpus], ["./no-such-model"], settings.workspace) as services:
        with pytest.raises(StudioError, match="no-such-model"):
            services.search("download", 10, corpus, Lane("./no-such-model", "dense"))
        assert symbols(services, "download", corpus, KEYWORDS) == ["download_file"]
        assert services.health()["models"] == []


def test_only_what_is_offered_is_searched(services: Services, corpus: str) -> None:
    with pytest.raises(StudioError, match="'/etc' is not offered here; choose from"):
        services.search("download", 10, "/etc", KEYWORDS)
    with pytest.raises(StudioError, match="'other' is not offered here; choose from minilm"):
        services.search("download", 10, corpus, Lane("other", "dense"))


def test_corpora_are_described_with_what_is_ready_over_them(services: Services, corpus: str) -> None:
    (described,) = services.described()
    assert described.pop("indexed_at").endswith("+00:00")
    assert described == {
        "spec": corpus,
        "documents": 5,
        "files": 2,
        "languages": {"python": 5},
        "models": ["minilm"],
    }


def test_stopping_ends_the_preparation(corpus: str, model_workspace: Path, gate: threading.Event) -> None:
    before = threading.active_count()
    with started([corpus], ["minilm"], model_workspace) as services:
        until(lambda: services.corpus(corpus) is not None)
        services.stop(timeout_s=0)
        gate.set()
        until(lambda: threading.active_count() == before)
        assert services.preparing  # given up, not finished


def test_a_watch_that_fails_is_tried_again(
    tmp_path: Path, model_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, failures = write_sources(tmp_path), iter([StudioError("no watches are left.")])

    def failing_once(folders: Sequence[Path], stop: threading.Event) -> Iterator[None]:
        for failure in failures:
            raise failure
        yield from edits(folders, stop)

    monkeypatch.setattr("ui.offering.preparation.edits", failing_once)
    monkeypatch.setattr("ui.offering.preparation.WATCH_AGAIN_S", 0.1)
    with started([corpus], ["minilm"], model_workspace, watch=True) as services:
        until(lambda: not services.preparing)
        time.sleep(0.5)  # nothing tells when the watch has begun
        (tmp_path / "new.py").write_text("def bake_bread(flour):\n    return flour\n")
        until(lambda: symbols(services, "bake", corpus, KEYWORDS) == ["bake_bread"], timeout_s=20)


def test_a_watched_folder_is_read_again_after_an_edit(tmp_path: Path, model_workspace: Path) -> None:
    corpus = write_sources(tmp_path)
    with started([corpus], ["minilm"], model_workspace, watch=True) as services:
        until(lambda: not services.preparing)
        time.sleep(0.5)  # nothing tells when the watch has begun
        (tmp_path / "new.py").write_text("def bake_bread(flour):\n    return flour\n")
        until(lambda: symbols(services, "bake", corpus, KEYWORDS) == ["bake_bread"], timeout_s=20)
        assert symbols(services, "make food", corpus, DENSE)[0] == "bake_bread"
        (tmp_path / "new.py").unlink()
        until(lambda: symbols(services, "bake", corpus, KEYWORDS) == [], timeout_s=20)
