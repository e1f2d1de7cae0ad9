"""The loss as a picture: which points are drawn where."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markupsafe import Markup

from ui.training.loss_curve import Point, axis, development_curve, loss_curve, thinned


def steps(*losses: float | None) -> list[dict[str, Any]]:
    return [{"step": number, "loss": loss} for number, loss in enumerate(losses, start=1)]


def lines(picture: Markup, style: str) -> list[str]:
    """Points of each stretch drawn in this style."""
    return re.findall(rf'<polyline class="{style}" points="([^"]*)"/>', picture)


def test_each_step_and_the_mean_are_drawn_from_left_to_right_on_a_box_of_1000_by_100() -> None:
    picture = loss_curve(steps(2.0, 1.0), total=4)  # the axis ends at 2
    assert lines(picture, "raw") == ["250.0,0.00 500.0,50.00"]
    assert lines(picture, "mean") == ["250.0,0.00 500.0,25.00"]  # (2 + 1) / 2


def test_the_mean_is_of_the_last_twenty_steps() -> None:
    picture = loss_curve(steps(*[1.0] * 20, 0.0), total=21)
    assert 'aria-label="Loss after 21 of 21 steps: 0.950, the mean of the last 20"' in picture


def test_a_loss_that_was_no_number_leaves_a_gap() -> None:
    assert lines(loss_curve(steps(1.0, None, 1.0), total=4), "raw") == ["250.0,0.00", "750.0,0.00"]


@pytest.mark.parametrize("losses", [[], [None]], ids=["no step", "no number"])
def test_without_a_number_there_is_no_picture(losses: list[float | None]) -> None:
    assert loss_curve(steps(*losses), total=4) == ""


@pytest.mark.parametrize(
    ("highest", "marks"),
    [
        (0.0, [0, 0.2, 0.4]),
        (0.07, [0, 0.02, 0.04, 0.06, 0.08]),
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (4.2, [0, 1, 2, 3, 4, 5]),
        (30, [0, 10, 20, 30]),
    ],
)
def test_the_axis_has_round_marks_up_to_the_highest_value(highest: float, marks: list[float]) -> None:
    assert axis(highest) == marks


def test_of_many_steps_no_peak_is_lost() -> None:
    points = [Point(step, 9.0 if step == 5_001 else 1.0) for step in range(1, 10_001)]
    drawn = thinned(points)
    assert len(drawn) <= 600
    assert Point(5_001, 9.0) in drawn


def test_the_development_loss_marks_each_measurement_and_says_which_was_lowest() -> None:
    measured = [{"step": step, "metrics": {"loss": loss}} for step, loss in ((2, 1.0), (4, 0.5), (6, 0.8))]
    picture = development_curve(measured, total=8)
    assert "lowest 0.500 after step 4" in picture
    assert picture.count('class="point"') == 3


def test_a_development_loss_that_was_no_number_leaves_a_gap_and_is_not_the_lowest() -> None:
    measured = [
        {"step": step, "metrics": {"loss": loss}} for step, loss in ((2, 1.0), (4, None), (6, 0.5), (8, 1.0))
    ]
    picture = development_curve(measured, total=8)
    assert "lowest 0.500 after step 6" in picture
    assert lines(picture, "mean") == ["250.0,0.00", "750.0,50.00 1000.0,0.00"]
    assert picture.count('class="point"') == 3
    assert development_curve(measured[1:2], total=8) == ""


def test_without_a_measurement_in_training_there_is_no_development_loss() -> None:
    assert development_curve([], total=8) == ""
