"""What waits on the network is given up in time."""

from __future__ import annotations

import threading

import pytest

from search_core.deadline import within


def test_a_result_in_time_is_returned() -> None:
    assert within(5, lambda: "answer") == "answer"


def test_an_error_in_time_is_the_callers() -> None:
    def refuse() -> str:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError, match="refused"):
        within(5, refuse)


def test_what_never_answers_is_given_up() -> None:
    release = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        within(0.05, release.wait)
    release.set()
