"""Texts that callers bring one at a time, encoded in passes that they share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from search_core.encoder.protocol import Vectors

Vector = NDArray[np.float32]


class SharedPass:
    """Encodes one text at once; those that other threads bring meanwhile go together in the next one.

    Many texts in one pass cost little more than one, which reads every weight for a few words.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        """encode: texts to their vectors, (len(texts), dim)."""
        self._encode = encode
        self._waiting: list[tuple[str, Future[Vector]]] = []
        self._guard = threading.Lock()  # of the list; never held while encoding
        self._turn = threading.Lock()  # held by the thread that encodes for all who wait

    def encode(self, text: str) -> Vector:
        """(dim,). Raises what the pass raised."""
        vector: Future[Vector] = Future()
        with self._guard:
            self._waiting.append((text, vector))
        with self._turn:
            if not vector.done():
                self._encode_waiting()
        return vector.result()

    def _encode_waiting(self) -> None:
        with self._guard:
            waiting, self._waiting = self._waiting, []
        try:
            vectors = self._encode([text for text, _ in waiting])
        except BaseException as error:  # for all of them: nobody else will answer them
            for _, future in waiting:
                future.set_exception(error)
            return
        for (_, future), vector in zip(waiting, vectors, strict=True):
            future.set_result(vector)
