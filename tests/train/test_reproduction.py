"""`make reproduce`: what it trains where, and what its tables say."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import reproduce
from benchmarks.reproduce import (
    HUB_CORPUS,
    Effect,
    Setup,
    choose_setup,
    evaluated_split,
    protocol_table,
    reference_text,
)
from search_core.encoder.load import Choice
from search_core.evaluation import compare
from search_core.settings import Settings
from search_core.types import StudioError
from tests.train.run_folder import AFTER, BEFORE, report

CPU = Settings(device="cpu")


@pytest.fixture
def datasets(tmp_path: Path) -> str:
    (tmp_path / "cosqa").mkdir()
    return str(tmp_path)


def test_without_a_gpu_the_recipe_is_tried_on_the_local_data(datasets: str) -> None:
    setup = choose_setup(CPU, datasets)
    assert (setup.corpus, setup.base_model) == (f"dataset:{datasets}/cosqa", "minilm")
    assert setup.shortfall.startswith("No GPU here")


def test_without_the_hub_that_is_said_at_once(
    datasets: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce, "choose_backend", lambda _: Choice("torch", "cuda", "a GPU"))
    started = time.monotonic()
    setup = choose_setup(settings, datasets)
    assert setup.base_model == "minilm" and "cannot be fetched from the Hugging Face Hub" in setup.shortfall
    assert time.monotonic() - started < 2 * settings.hub_timeout_s + 5


@pytest.mark.parametrize("datasets", [None, "/no/such/folder"])
def test_without_any_data_it_says_where_they_are_looked_for(datasets: str | None) -> None:
    with pytest.raises(StudioError, match=r"CODESEARCH_DATASETS must name a folder with cosqa/"):
        choose_setup(CPU, datasets)


def test_the_references_split_is_measured_where_the_data_have_it() -> None:
    assert evaluated_split({"train", "valid", "test"}) == "test"
    assert evaluated_split({"train", "valid"}) == "valid"


def test_the_references_figures_are_compared_with_nothing_but_their_like() -> None:
    like, other = Setup(HUB_CORPUS, "intfloat/e5-base-v2"), Setup("dataset:cosqa", "minilm", "No GPU here")
    assert "0.4372 → 0.5534. To be held against the table of the official protocol" in reference_text(
        like, "test"
    )
    apart = "Not to be compared with any figure above, which are of split valid and the model minilm"
    assert f"0.4372 → 0.5534. {apart}" in reference_text(other, "valid")


def test_the_official_table_states_its_tie_rule_and_each_protocol_has_a_table_of_its_own() -> None:
    before, after = (report(HUB_CORPUS, ranks, "minilm") for ranks in (BEFORE, AFTER))
    content = Effect(before, after, compare(before, after))
    sides = [replace(one, protocol="official") for one in (before, after)]
    official = Effect(*sides, compare(*sides))
    (row,) = [
        line for line in protocol_table("content", content).splitlines() if line.startswith("| mrr@10 |")
    ]
    # Two of eight come first and six second; after training seven and one.
    assert row.startswith(f"| mrr@10 | {(2 + 6 / 2) / 8:.4f} | {(7 + 1 / 2) / 8:.4f} | +0.3125 |")
    assert "trec_eval's rule" in protocol_table("official", official)
    assert "trec_eval's rule" not in protocol_table("content", content)
