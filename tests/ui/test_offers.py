"""The order of work, and what happens to it when what is offered changes meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import Corpus
from tests.ui.samples import FUNCTION
from ui.offering.offers import Offers, Reading, Withdrawn
from ui.offering.steps import Step


def reading(corpus: str) -> Reading:
    return Reading(SearchEngine(Corpus(corpus, (FUNCTION,)), Settings(Path())), datetime.now(UTC))


def claimed(offers: Offers) -> Step:
    step = offers.claim()
    assert step is not None
    return step


def carry_out(offers: Offers) -> tuple[str, str | None]:
    """Claim the next step and finish it. Returns its corpus and model."""
    step = claimed(offers)
    if step.model is None:
        offers.publish(step, reading(step.corpus))
    else:
        offers.advance(step, replace(step, stage="ready"))
    offers.release(step)
    return step.corpus, step.model


def test_everything_is_read_before_anything_is_indexed_and_then_model_by_model() -> None:
    offers = Offers(["a", "b"], ["m", "n"])
    assert [carry_out(offers) for _ in range(6)] == [
        ("a", None),
        ("b", None),
        ("a", "m"),
        ("b", "m"),
        ("a", "n"),
        ("b", "n"),
    ]
    assert all(step.stage == "ready" for step in offers.steps())


def test_only_a_first_reading_is_urgent() -> None:
    offers = Offers(["a"], ["m"])
    carry_out(offers)
    offers.ask_again("a")
    assert offers.claim_urgent() is None
    offers.add_corpus("b")
    urgent = offers.claim_urgent()
    assert urgent == Step("b", None, "working")


def test_a_corpus_that_changes_while_it_is_read_is_read_once_more() -> None:
    offers = Offers(["a"], ["m"])
    step = claimed(offers)
    offers.ask_again("a")
    offers.ask_again("a")
    offers.publish(step, reading("a"))
    assert carry_out(offers) == ("a", None)
    assert carry_out(offers) == ("a", "m")


def test_work_on_a_corpus_that_was_removed_and_added_again_is_withdrawn() -> None:
    offers = Offers(["a", "b"], ["m"])
    step = claimed(offers)
    offers.remove_corpus("a")
    offers.add_corpus("a")
    with pytest.raises(Withdrawn):
        offers.publish(step, reading("a"))
    assert offers.step("a").stage == "waiting"
    assert offers.reading("a") is None


def test_work_with_a_model_that_was_removed_is_withdrawn() -> None:
    offers = Offers(["a"], ["m", "n"])
    carry_out(offers)
    step = claimed(offers)
    assert (step.corpus, step.model) == ("a", "m")
    offers.remove_model("m")
    with pytest.raises(Withdrawn):
        offers.advance(step, replace(step, stage="ready"))


def test_an_added_model_waits_over_every_corpus_and_is_last() -> None:
    offers = Offers(["a", "b"], ["m"])
    offers.add_model("n")
    assert [(step.corpus, step.stage) for step in offers.steps() if step.model == "n"] == [
        ("a", "waiting"),
        ("b", "waiting"),
    ]
    assert offers.models == ("m", "n")


def test_there_is_no_more_work_once_it_is_closed() -> None:
    offers = Offers(["a"], ["m"])
    offers.close()
    assert offers.claim() is None
