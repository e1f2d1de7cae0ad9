"""A column's choice names a model, a mode of its own, or keywords."""

from __future__ import annotations

import pytest

from ui.lanes import Lane, lane_choices


def test_each_model_is_offered_in_the_pages_mode_and_in_each_mode_of_its_own() -> None:
    assert lane_choices(["minilm", "studio"]) == [
        *("minilm", "studio", "keywords"),
        *("minilm · dense", "minilm · hybrid", "studio · dense", "studio · hybrid"),
    ]


@pytest.mark.parametrize(
    ("choice", "lane"),
    [
        ("minilm", Lane("minilm", "hybrid")),  # follows the page's mode
        ("minilm · dense", Lane("minilm", "dense")),
        ("./runs/a · b · hybrid", Lane("./runs/a · b", "hybrid")),  # a folder may hold anything
        ("keywords", Lane(None, "lexical")),
    ],
)
def test_a_choice_is_read_with_the_pages_mode(choice: str, lane: Lane) -> None:
    assert Lane.parsed(choice, "hybrid") == lane


@pytest.mark.parametrize(
    "lane", [Lane("minilm", "dense"), Lane("./runs/a · b", "hybrid"), Lane(None, "lexical")]
)
def test_a_lane_is_written_so_that_every_mode_of_the_page_reads_it_back(lane: Lane) -> None:
    assert Lane.parsed(lane.choice, "dense") == Lane.parsed(lane.choice, "hybrid") == lane


def test_a_lane_in_lexical_mode_is_called_keywords_whatever_its_model() -> None:
    assert Lane("minilm", "lexical").name == Lane(None, "lexical").name == "keywords"
