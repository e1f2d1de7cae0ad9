"""How texts of many threads share passes through an encoder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from search_core.encoder.protocol import Vectors
from search_core.encoder.shared_pass import SharedPass, Vector

PATIENCE_S = 10


class LengthEncoder:
    """A text's vector is its length. The first pass lasts until it is let go; an empty text is refused."""

    def __init__(self) -> None:
        self.passes: list[Sequence[str]] = []
        self.begun, self.let_go = Event(), Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.passes.append(texts)
        self.begun.set()
        assert self.let_go.wait(PATIENCE_S)
        if "" in texts:
            raise ValueError("an empty text")
        return np.array([[len(text)] for text in texts], np.float32)


def encode_while_busy(encoder: LengthEncoder, texts: Sequence[str]) -> list[Future[Vector]]:
    """The first text alone, the others while it is being encoded."""
    shared = SharedPass(encoder.encode)
    with ThreadPoolExecutor(len(texts)) as threads:
        first = threads.submit(shared.encode, texts[0])
        assert encoder.begun.wait(PATIENCE_S)
        others = [threads.submit(shared.encode, text) for text in texts[1:]]
        time.sleep(0.2)  # they are waiting by now
        encoder.let_go.set()
    return [first, *others]


def test_texts_that_arrive_during_a_pass_share_the_next_one() -> None:
    encoder = LengthEncoder()
    encode_while_busy(encoder, ["a", "bb", "ccc", "dddd"])
    assert [sorted(texts) for texts in encoder.passes] == [["a"], ["bb", "ccc", "dddd"]]


def test_each_caller_gets_the_vector_of_its_own_text() -> None:
    answers = encode_while_busy(LengthEncoder(), ["a", "bb", "ccc", "bb"])
    assert [answer.result().tolist() for answer in answers] == [[1], [2], [3], [2]]


def test_a_pass_that_fails_fails_for_those_who_shared_it_and_for_nobody_else() -> None:
    first, *others = encode_while_busy(LengthEncoder(), ["a", "", "ccc"])
    assert first.result().tolist() == [1]
    for answer in others:
        with pytest.raises(ValueError, match="an empty text"):
            answer.result()
