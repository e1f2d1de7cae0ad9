"""What the Train tab says of a run, from its folder to the page."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search_core.settings import Settings
from search_core.types import StudioError
from tests.search_core.encoder.tiny_model import build_tiny_model
from tests.train.run_folder import build_run
from tests.ui.samples import HOSTILE
from train.config import defaults
from train.events import (
    CancelledEvent,
    ErrorEvent,
    EvaluationEvent,
    Event,
    EventLog,
    QueuedEvent,
    StartEvent,
    StepEvent,
)
from train.process import Worker
from train.run import CONFIG, list_runs
from ui.access import Access
from ui.offering.services import Services
from ui.training.run_list import RunRows, runs_table
from ui.training.run_panel import damaged_run, run_panel, search_link
from ui.training.runs import RunView, Training
from ui.training.tab import Seen, TrainTab

ID = "20260101-120000-abcd"


@pytest.fixture
def training(settings: Settings) -> Training:
    return Training(Services(["package:pathspec"], ["minilm"], settings), "")


def begun(settings: Settings, *events: Event, corpus: str = "package:pathspec", alive: bool = False) -> Path:
    """A run's folder. alive: whether its process, which is this one, still runs."""
    folder = settings.workspace / "runs" / ID
    folder.mkdir(parents=True)
    folder.joinpath(CONFIG).write_text(defaults(corpus, "minilm", on_gpu=False).to_json())
    log, me = EventLog(folder / "events.jsonl"), this_process()
    log.append(
        QueuedEvent(device="cpu", pid=me.pid if alive else 1, process_started=me.started if alive else 1.0)
    )
    for event in events:
        log.append(event)
    return folder


def this_process() -> Worker:
    import psutil

    process = psutil.Process()
    return Worker(process.pid, process.create_time())


def step(number: int, of: int = 20, loss: float = 0.5) -> StepEvent:
    return StepEvent(step=number, epoch=2 * number / of, loss=loss, learning_rate=1e-4, pairs_per_s=12.34)


def view(training: Training) -> RunView:
    return training.view(training.find(ID))


def panel(training: Training, is_owner: bool = True, **given: bool) -> str:
    return run_panel(view(training), is_owner=is_owner, is_offered=given.pop("is_offered", False), **given)


def test_a_running_run_tells_step_epoch_loss_rate_and_speed(training: Training, settings: Settings) -> None:
    begun(settings, StartEvent(), step(1), step(5), alive=True)
    text = panel(training)
    for fact in ("5 of 20", "0.50 of 2", "0.500", "1.00e-04", "12.3", 'data-do="stop"'):
        assert fact in text


def test_before_its_first_step_a_run_says_what_it_does(training: Training, settings: Settings) -> None:
    folder = begun(settings, StartEvent(), alive=True)
    assert "Reading the corpus and its pairs." in panel(training)
    folder.joinpath("pairs.json").write_text('{"training": 81, "development": 0, "counts": {}}')
    assert "Measuring the base model" in panel(training)
    measured = EvaluationEvent(phase="before", corpus="package:pathspec", split="valid", metrics={})
    EventLog(folder / "events.jsonl").append(measured)
    assert "Loading the model." in panel(training)


def test_a_failed_run_says_why_and_can_go_on(training: Training, settings: Settings) -> None:
    begun(settings, StartEvent(), ErrorEvent(message="The disk is full. Free some space."))
    text = panel(training)
    assert "The disk is full. Free some space." in text
    assert 'data-do="resume"' in text


def test_a_run_that_died_shows_its_last_words(training: Training, settings: Settings) -> None:
    folder = begun(settings, StartEvent())
    folder.joinpath("log.txt").write_text("Loading weights\nBus error\n")
    assert "died without a last word, as it does when memory runs out. Its log ends: Bus error" in panel(
        training
    )


@pytest.mark.parametrize(("alive", "said"), [(True, "Nothing so far."), (False, "Nothing was written.")])
def test_an_empty_log_says_whether_more_may_come(
    training: Training, settings: Settings, alive: bool, said: str
) -> None:
    begun(settings, StartEvent(), alive=alive)
    assert said in panel(training)


def test_visitors_see_a_run_but_no_buttons_and_no_log(training: Training, settings: Settings) -> None:
    folder = begun(settings, StartEvent(), step(1), CancelledEvent())
    folder.joinpath("log.txt").write_text("in /home/ada")
    text = panel(training, is_owner=False)
    assert "cancelled" in text
    assert "cs-curve" in text
    assert "<button" not in text
    assert "/home/ada" not in text


@pytest.mark.parametrize("is_owner", [True, False])
def test_only_the_owner_reads_why_a_run_failed(
    training: Training, settings: Settings, is_owner: bool
) -> None:
    folder = begun(settings, StartEvent())
    folder.joinpath("log.txt").write_text("No such file: /home/ada/secret")
    text = panel(training, is_owner)
    assert ("/home/ada" in text) == is_owner
    assert ("It failed; its owner sees why." in text) != is_owner


@pytest.mark.parametrize("is_owner", [True, False])
def test_only_the_owner_reads_which_file_is_damaged(
    training: Training, settings: Settings, tmp_path: Path, is_owner: bool
) -> None:
    finished(settings, tmp_path).joinpath("comparison.json").write_text("half")
    text = panel(training, is_owner)
    assert "Its files are damaged" in text
    assert (str(tmp_path) in text) == is_owner
    assert (str(tmp_path) in damaged_run(ID, str(tmp_path), is_owner=is_owner)) == is_owner


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pairs.json", '{"training": 8'),
        ("pairs.json", '{"training": 81}'),
        ("events.jsonl", '{"t": 1.0, "type": "queued", "device": "cpu"}'),
    ],
)
def test_a_run_with_a_damaged_file_is_listed_as_damaged(
    training: Training, settings: Settings, caplog: pytest.LogCaptureFixture, file: str, content: str
) -> None:
    begun(settings, StartEvent()).joinpath(file).write_text(content)
    rows = RunRows()
    for _ in range(2):
        (row,) = rows.of(list_runs(settings))
    assert (row.status, row.corpus) == ("damaged", "package:pathspec")
    assert "damaged" in runs_table([row], None)
    assert sum(file in message for message in caplog.messages) == 1  # once, not each second
    with pytest.raises(StudioError, match=file):
        view(training)


def test_a_damaged_run_holds_up_no_other(training: Training, settings: Settings) -> None:
    damaged = begun(settings).rename(settings.workspace / "runs" / "other")
    damaged.joinpath("events.jsonl").write_text('{"t": 1.0, "type": "queued", "device": "cpu"}')
    begun(settings, alive=True)
    assert view(training).waits_for == 0


def test_a_run_that_was_deleted_since_it_was_listed_has_no_row(settings: Settings) -> None:
    folder = begun(settings, CancelledEvent())
    runs = list_runs(settings)
    shutil.rmtree(folder)
    assert RunRows().of(runs) == []


def test_the_history_says_that_its_times_are_utc(settings: Settings) -> None:
    folder = begun(settings)
    EventLog(folder / "events.jsonl").path.write_text("")
    EventLog(folder / "events.jsonl").append(
        QueuedEvent(t=1_767_225_600.0, device="cpu", pid=1, process_started=1.0)
    )
    text = runs_table(RunRows().of(list_runs(settings)), None)
    assert "began (UTC)" in text
    assert ">2026-01-01 00:00<" in text


def test_hostile_names_and_log_lines_are_text(training: Training, settings: Settings) -> None:
    folder = begun(settings, ErrorEvent(message=HOSTILE), corpus=HOSTILE)
    folder.joinpath("log.txt").write_text(HOSTILE)
    text = panel(training) + runs_table(RunRows().of(list_runs(settings)), ID)
    assert "<img" not in text
    assert "<script" not in text
    assert "\u202e" not in text


def test_what_is_published_is_the_run_that_is_shown_not_a_newer_one(settings: Settings) -> None:
    begun(settings)
    it = TrainTab(Services(["package:pathspec"], ["minilm"], settings), Access("127.0.0.1"), "")
    assert it.shown(Seen(run=ID)).id == ID
    with pytest.raises(StudioError, match="not there any more"):
        it.shown(Seen(run="20251231-120000-abcd"))


def finished(settings: Settings, tmp_path: Path) -> Path:
    model = build_tiny_model(tmp_path / "model")
    return build_run(settings.workspace / "runs" / ID, model=model, corpus="package:pathspec")


def test_a_finished_run_tells_before_and_after(
    training: Training, settings: Settings, tmp_path: Path
) -> None:
    finished(settings, tmp_path)
    text = panel(training)
    assert "nDCG@10 went from 0.723 to <b>0.954</b>: no significant difference" in text
    assert "+0.0923 to +0.3229" in text


def test_a_finished_run_leads_to_its_figures_and_to_a_search(
    training: Training, settings: Settings, tmp_path: Path
) -> None:
    folder = finished(settings, tmp_path)
    text = panel(training, is_offered=True)
    assert f"tab=metrics&amp;reports={ID}-before%2C{ID}-after" in text
    assert search_link(view(training)) == {
        "corpus": "package:pathspec",
        "a": "minilm",
        "b": str(folder),
        "mode": "dense",
    }


def test_deleting_names_what_is_lost(training: Training, settings: Settings, tmp_path: Path) -> None:
    finished(settings, tmp_path)
    text = panel(training, asks_to_delete=True)
    assert (
        "Its model, its figures and its log are lost for good. What was published stays on the Hub." in text
    )


def test_the_history_marks_only_significant_changes(settings: Settings, tmp_path: Path) -> None:
    finished(settings, tmp_path)
    (row,) = RunRows().of(list_runs(settings))
    assert row.effect is not None
    assert "0.723 → 0.954" in runs_table([row], None)
    assert "<abbr" not in runs_table([row], None)
