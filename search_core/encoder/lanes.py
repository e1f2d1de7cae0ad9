"""Forward passes side by side: one thread a lane."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple

from search_core.encoder.batches import padded
from search_core.encoder.protocol import Forward, Vectors


class Job(NamedTuple):
    """A batch: the rows of the result that it fills, and their token ids."""

    rows: list[int]
    ids: list[list[int]]


class Lanes:
    """Shares a runtime's forward passes among callers from any thread."""

    def __init__(self, forwards: Sequence[Forward], pad_id: int) -> None:
        self._pad_id = pad_id
        self._free: SimpleQueue[Forward] = SimpleQueue()
        for forward in forwards:
            self._free.put(forward)
        self._threads = ThreadPoolExecutor(len(forwards), thread_name_prefix="encode")

    def run_here(self, job: Job) -> Vectors:
        """Run one batch on the calling thread. Returns (len(job.rows), dim)."""
        forward = self._free.get()
        try:
            return forward(*padded(job.ids, self._pad_id))
        finally:
            self._free.put(forward)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[list[int], Vectors]]:
        """Run batches side by side, the first ones while later ones are still being made.

        Yields rows and their (len(rows), dim) vectors in the order of the jobs; where the
        caller stops early, or is interrupted, what has not started is dropped.
        """
        started: list[tuple[list[int], Future[Vectors]]] = []
        try:
            for job in jobs:
                started.append((job.rows, self._threads.submit(self.run_here, job)))  # noqa: PERF401
            for rows, future in started:
                yield rows, future.result()
        finally:
            for _, future in started:
                future.cancel()
