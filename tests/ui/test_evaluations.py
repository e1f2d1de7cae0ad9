"""Evaluations of what is offered, stored where every session and a later start find them."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from search_core.report import read_report
from search_core.settings import Settings
from search_core.types import StudioError
from tests.conftest import DATA
from tests.train.run_folder import build_run
from tests.ui.running import ready
from ui.metrics.evaluations import Evaluations, chosen_split
from ui.offering.services import Services

JUDGED = f"dataset:{DATA / 'small_dataset'}"
KEYWORDS: dict[str, Any] = {"model": None, "mode": "lexical"}


@pytest.fixture
def evaluations(tmp_path: Path) -> Evaluations:
    return Evaluations(Services([JUDGED], ["minilm"], Settings(workspace=tmp_path)))


def test_a_report_is_stored_under_a_name_that_says_what_it_is_of(
    evaluations: Evaluations, tmp_path: Path
) -> None:
    report = evaluations.run(JUDGED, **KEYWORDS)
    (path,) = (tmp_path / "reports").iterdir()
    assert path.name.startswith("small_dataset-valid-content-lexical-")
    assert read_report(path) == report
    assert [stored.id for stored in evaluations.reports()] == [path.stem]


def test_an_equal_evaluation_takes_the_place_of_its_predecessor(evaluations: Evaluations) -> None:
    for split in ("valid", "train", "valid"):
        evaluations.run(JUDGED, split=split, **KEYWORDS)
    assert [stored.report.split for stored in evaluations.reports()] == ["valid", "train"]  # newest first


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"corpus": "/etc"}, "Corpus '/etc' is not offered here"),
        ({"model": "studio"}, "Model 'studio' is not offered here; choose from minilm"),
        ({"model": None}, "Model None is not offered here"),
        ({"mode": "x"}, "Mode 'x' is not offered here; choose from dense, lexical, hybrid"),
        ({"protocol": "x"}, "Protocol 'x' is not offered here"),
        ({"split": "x", **KEYWORDS}, "has no split 'x'"),
    ],
)
def test_only_what_is_offered_is_evaluated(
    evaluations: Evaluations, given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StudioError, match=reason):
        evaluations.run(**{"corpus": JUDGED, "model": "minilm", **given})


def wait(evaluations: Evaluations) -> None:
    deadline = time.monotonic() + 60
    while evaluations.running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_evaluations_in_the_background_name_the_reports_they_made(evaluations: Evaluations) -> None:
    (first,) = evaluations.start(JUDGED, "valid", ["keywords"])
    (second,) = evaluations.start(JUDGED, "train", ["keywords", "keywords"])
    assert (first, second) == (1, 2)
    wait(evaluations)
    made = {job.split: job.report for job in evaluations.jobs()}
    stored = {stored.report.split: stored.id for stored in evaluations.reports()}
    assert made == stored


def test_an_evaluation_that_fails_says_why_and_the_next_one_goes_on(evaluations: Evaluations) -> None:
    evaluations.start(JUDGED, "no such split", ["keywords"])
    evaluations.start(JUDGED, "valid", ["keywords"])
    wait(evaluations)
    failed, ready = evaluations.jobs()
    assert (failed.step.stage, ready.step.stage) == ("failed", "ready")
    assert "has no split 'no such split': choose from test, train, valid." in failed.step.error


def test_something_has_to_be_chosen(evaluations: Evaluations) -> None:
    with pytest.raises(StudioError, match="at least one model"):
        evaluations.start(JUDGED, "valid", [])


def test_what_was_removed_while_its_job_waited_is_not_read_again(tmp_path: Path) -> None:
    services = Services([JUDGED, "package:pathspec"], ["minilm"], Settings(workspace=tmp_path))
    evaluations = Evaluations(services)
    with evaluations._working:  # another evaluation is under way
        evaluations.start(JUDGED, "valid", ["keywords"])
        services.remove_corpus(JUDGED)
    wait(evaluations)
    (job,) = evaluations.jobs()
    assert "is not offered here; choose from package:pathspec" in job.step.error
    assert evaluations.reports() == []


def test_splits_say_how_many_queries_can_be_judged(tmp_path: Path) -> None:
    with ready([JUDGED], ["minilm"], tmp_path) as services:
        assert Evaluations(services).splits(JUDGED) == {"train": 12, "valid": 11, "test": 5}


def test_a_corpus_that_is_being_read_has_no_splits_yet(evaluations: Evaluations) -> None:
    assert evaluations.splits(JUDGED) == {}


def test_only_what_is_offered_is_asked_for_its_splits(evaluations: Evaluations) -> None:
    with pytest.raises(StudioError, match="Corpus '/etc' is not offered here"):
        evaluations.splits("/etc")


@pytest.mark.parametrize(
    ("before", "splits", "chosen"),
    [
        ("test", {"train": 1, "valid": 1, "test": 1}, "test"),
        ("test", {"train": 1, "valid": 1}, "valid"),  # another corpus, without that split
        (None, {"train": 1, "test": 1}, "train"),
        ("test", {}, None),  # nothing was read yet
    ],
)
def test_the_split_that_was_chosen_stays_where_it_can(
    before: str | None, splits: dict[str, int], chosen: str | None
) -> None:
    assert chosen_split(splits, before) == chosen


def test_reports_of_training_runs_are_listed_with_their_run(evaluations: Evaluations, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "runs").mkdir()
    build_run(tmp_path / "runs" / "one", model=tmp_path / "model")
    listed = {stored.id: stored for stored in evaluations.reports()}
    assert set(listed) == {"one-before", "one-after"}
    assert listed["one-after"].run is not None
    assert listed["one-after"].phase == "after"


def test_a_damaged_report_is_left_out_with_a_log_line(
    evaluations: Evaluations, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    evaluations.run(JUDGED, **KEYWORDS)
    whole = next((tmp_path / "reports").iterdir())
    (tmp_path / "reports" / "half.json").write_text(whole.read_text()[:100])
    (tmp_path / "reports" / "wrong.json").write_text(
        json.dumps(json.loads(whole.read_text()) | {"queries": 3})
    )
    with caplog.at_level(logging.WARNING):
        assert [stored.id for stored in evaluations.reports()] == [whole.stem]
        evaluations.reports()
    assert sum("Left out a report" in message for message in caplog.messages) == 2  # each once


def test_a_report_is_the_same_object_until_its_file_changes(evaluations: Evaluations) -> None:
    evaluations.run(JUDGED, **KEYWORDS)
    (first,), (again,) = evaluations.reports(), evaluations.reports()
    assert first is again
    evaluations.run(JUDGED, **KEYWORDS)
    assert evaluations.reports()[0] is not first
