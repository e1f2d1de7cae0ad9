"""The form of the Train tab: what it counts, refuses and starts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from search_core.judgments import Mark
from search_core.settings import Settings
from search_core.types import StudioError
from ui.offering.services import Services
from ui.training.pair_counts import Counted, PairCounts
from ui.training.runs import KNOBS, Form, Training

CODE = "package:pathspec"
FORM = Form(
    CODE,
    "minilm",
    "full",
    {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 1e-4,
        "hard_negatives": 0,
        "base_weight": 0.5,
        "development": 0.0,
    },
)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    settings = Settings(workspace=tmp_path_factory.mktemp("no-run-yet"), device="cpu")
    services = Services([CODE], [], settings)
    services.start()
    until(lambda: services.corpus(CODE))
    yield services
    services.stop()


@pytest.fixture(scope="module")
def training(services: Services) -> Training:
    training = Training(services, "")
    counted(training)
    return training


def until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def counted(training: Training) -> Counted:
    until(lambda: (found := training.counted(FORM)) and found.stage != "counting")
    found = training.counted(FORM)
    assert found is not None
    return found


def with_knobs(**given: float | None) -> Form:
    return replace(FORM, knobs={**FORM.knobs, **given})


def test_the_form_begins_with_the_recipe(training: Training) -> None:
    assert training.recipe("full") == FORM.knobs
    assert training.recipe("lora")["learning_rate"] == pytest.approx(1e-3)  # ten times


def test_what_was_chosen_stays_where_it_is_offered_and_an_empty_number_gets_its_default(
    training: Training,
) -> None:
    gone = replace(with_knobs(epochs=None, batch_size=8), base_model="/runs/deleted", corpus="/deleted")
    assert training.filled(gone) == with_knobs(batch_size=8)


def test_pairs_kept_out_of_training_are_not_those_that_fill_a_batch(training: Training) -> None:
    assert training.config(with_knobs(development=0.1)).development == 0.1
    with pytest.raises(StudioError, match=r"larger than the 73 pairs to train on"):  # 81 - 8.1
        training.estimate(with_knobs(batch_size=80, development=0.1))


def test_a_count_does_not_keep_the_process_from_ending(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> Counted:
        begun.set()
        go_on.wait(60)
        return Counted("ready", 81)

    monkeypatch.setattr("ui.training.pair_counts._counted", slow)
    training = Training(services, "")
    training.counted(FORM)
    assert begun.wait(60)
    counting = [thread for thread in threading.enumerate() if thread.name == "pairs"]
    assert [thread.daemon for thread in counting] == [True]
    go_on.set()
    assert counted(training).pairs == 81


def test_what_changed_while_it_waited_is_counted_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = services.corpus(CODE)
    assert corpus
    begun, go_on, looked_at = threading.Event(), threading.Event(), []

    def slow(_: object, __: object, marks: tuple[Mark, ...]) -> Counted:
        looked_at.append(len(marks))
        begun.set()
        go_on.wait(60)
        return Counted("ready", len(marks))

    monkeypatch.setattr("ui.training.pair_counts._counted", slow)
    counts = PairCounts(services.settings)
    one = Mark.of(corpus.documents[0], CODE, "match a path", "right")
    for marks in (1, 2, 3):
        counts.of(corpus, (one,) * marks)
        assert begun.wait(60)
    go_on.set()
    until(lambda: counts.of(corpus, (one,) * 3).stage == "ready")
    assert looked_at == [1, 3]


def test_pairs_are_counted_with_what_was_left_out(training: Training) -> None:
    found = counted(training)
    assert (found.pairs, found.functions) == (81, 81)
    assert found.counts["other_module"] == 1
    assert len(found.sample) == 81


def test_a_batch_that_was_not_asked_for_fits_the_pairs(training: Training) -> None:
    assert training.config(FORM).recipe_batch_size == 64
    assert training.config(with_knobs(batch_size=8)).recipe_batch_size is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"epochs": 0}, "Epochs must be a whole number, at least 1 and at most 1,000, not 0."),
        ({"epochs": 1.5}, "Epochs must be a whole number, at least 1 and at most 1,000, not 1.5."),
        ({"epochs": None}, "Epochs must be a whole number, at least 1 and at most 1,000."),
        ({"development": 0.5}, "Development share must be a number, at least 0 and at most 0.3, not 0.5."),
        ({"base_weight": 1}, "Base weight must be a number, at least 0 and below 1, not 1."),
    ],
)
def test_a_number_that_cannot_be_is_named(training: Training, given: dict[str, float], sentence: str) -> None:
    with pytest.raises(StudioError) as refused:
        training.config(with_knobs(**given))
    assert str(refused.value) == sentence


def test_every_number_that_cannot_be_is_named_at_once(training: Training) -> None:
    with pytest.raises(StudioError) as refused:
        training.config(with_knobs(**dict.fromkeys(KNOBS, -1)))
    assert all(label in str(refused.value) for label in KNOBS.values())


@pytest.mark.parametrize("form", [replace(FORM, corpus="/etc"), replace(FORM, base_model="/etc")])
def test_only_what_is_offered_is_trained(training: Training, form: Form) -> None:
    with pytest.raises(StudioError, match="Choose a"):
        training.start(form)


def test_a_batch_larger_than_the_pairs_is_refused_before_the_start(training: Training) -> None:
    with pytest.raises(StudioError, match=r"A batch of 100 is larger than the 81 pairs"):
        training.start(with_knobs(batch_size=100))
    assert training.runs() == []


def test_an_estimate_is_there_before_the_first_run(training: Training) -> None:
    found = training.estimate(FORM)
    assert found is not None
    assert found.like is None
    assert found.training_s > 0


def test_where_no_run_can_be_started_it_says_why(services: Services) -> None:
    with pytest.raises(StudioError, match="Not here"):
        Training(services, "Not here.").start(FORM)
