"""Intervals and p-values on differences small enough to count every case."""

from __future__ import annotations

import numpy as np
import pytest

from search_core.significance import bootstrap_ci95, sign_flip_p_values


def ci95(*differences: float) -> list[float]:
    interval: list[float] = bootstrap_ci95(np.array([differences], float))[0].tolist()
    return interval


def p_value(*differences: float) -> float:
    return sign_flip_p_values(np.array([differences], float)).item()


@pytest.mark.parametrize(
    ("differences", "exact"),
    [
        ([0.3], 2 / 2),  # one query: both signs are as far from 0
        ([1, 1, 1], 2 / 8),  # all plus or all minus
        ([1, 1, -1], 8 / 8),  # an odd sum is never nearer to 0 than 1
        ([2, 2, 1, -1], 6 / 16),  # the twos agree (8 ways), and the ones do not both oppose them (3 in 4)
        ([0.1, 0.2, 0.3], 2 / 8),
        ([0, 0, 0], 1),
    ],
)
def test_p_is_the_share_of_sign_flips_at_least_as_far_from_zero(
    differences: list[float], exact: float
) -> None:
    assert p_value(*differences) == pytest.approx(exact, abs=0.015)  # 10,000 flips: 3 standard errors


def test_p_is_never_zero_because_what_was_seen_counts_as_a_flip() -> None:
    assert p_value(*[0.5] * 100) == pytest.approx(1 / 10_001)


def test_p_does_not_depend_on_which_report_comes_first() -> None:
    assert p_value(0.5, 0.2, -0.1, 0.4) == p_value(-0.5, -0.2, 0.1, -0.4)


def test_the_interval_is_the_means_own_spread_over_queries() -> None:
    mean, standard_error = 0.5, 0.5 / 400**0.5
    low, high = ci95(*[0] * 200, *[1] * 200)
    assert low == pytest.approx(mean - 1.96 * standard_error, abs=0.004)
    assert high == pytest.approx(mean + 1.96 * standard_error, abs=0.004)


@pytest.mark.parametrize("differences", [[0.25], [0.25] * 50, [0.0] * 7])
def test_queries_that_all_differ_alike_leave_no_doubt_about_the_mean(differences: list[float]) -> None:
    assert ci95(*differences) == pytest.approx([differences[0]] * 2)


def test_two_queries_can_only_average_to_three_values() -> None:
    assert ci95(0, 1) == [0, 1]  # 0, 1/2 and 1, at 1/4, 1/2 and 1/4 of the resamples


def test_a_metric_keeps_its_figures_whatever_stands_beside_it() -> None:
    random = np.random.default_rng(1)
    one, other = random.normal(size=(2, 2_500))  # several chunks of weights
    both = np.stack([other, one])
    assert bootstrap_ci95(both)[1] == pytest.approx(bootstrap_ci95(one[None])[0])
    assert sign_flip_p_values(both)[1] == sign_flip_p_values(one[None])[0]
