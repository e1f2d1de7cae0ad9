"""How many pairs a corpus has to learn from: counted in the background, once for each state of the corpus."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from search_core.judgments import Mark
from search_core.settings import Settings
from search_core.types import Corpus, StudioError
from train.pairs import Pair, Source, load_pairs

SAMPLES = 100
"""Pairs kept to be looked at, spread over all of them."""

_Place = tuple[str, bool]
"""What is counted: the corpus's spec, and whether marks are learnt from, too."""
_State = tuple[str, tuple[Mark, ...]]
"""Of what was counted: the corpus's fingerprint, and the marks. Anything else makes the count stale."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Counted:
    """pairs, functions: what there is to learn from. counts: see PairSet. error: why there is nothing."""

    stage: Literal["counting", "ready", "failed"] = "counting"
    pairs: int = 0
    functions: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    source: Source = "docstrings"
    sample: tuple[Pair, ...] = ()
    error: str = ""


class PairCounts:
    """Every method may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[_Place, tuple[_State, Counted]] = {}
        self._waiting: deque[tuple[_Place, _State]] = deque()
        self._thread: threading.Thread | None = None

    def of(self, corpus: Corpus, marks: tuple[Mark, ...] = ()) -> Counted:
        """What is known now; the first call begins to count. marks: those that are to be learnt from, too."""
        place, state = (corpus.spec, bool(marks)), (corpus.fingerprint, marks)
        with self._lock:
            known = self._known.get(place)
            if known and known[0] == state:
                return known[1]
            self._known[place] = (state, Counted())
            self._waiting.append((place, state))
            if self._thread is None:  # a daemon: the end of the process does not wait for a count
                self._thread = threading.Thread(target=self._work, name="pairs", daemon=True)
                self._thread.start()
        return Counted()

    def _work(self) -> None:
        """Until nothing waits."""
        while waiting := self._next():
            self._count(*waiting)

    def _next(self) -> tuple[_Place, _State] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._thread = None
            return None

    def _count(self, place: _Place, state: _State) -> None:
        with self._lock:
            if self._known[place][0] != state:  # another count of it waits already
                return
        spec, marks = place[0], state[1]
        try:
            counted = _counted(spec, self._settings, marks)
        except StudioError as error:
            counted = Counted("failed", error=str(error))
        except Exception as error:  # a bug must not leave the page waiting for ever
            logger.exception("counting the pairs of %s failed", spec)
            counted = Counted("failed", error=f"{type(error).__name__}: {error}")
        with self._lock:
            if self._known[place][0] == state:  # else another count of it waits already
                self._known[place] = (state, counted)


def _counted(spec: str, settings: Settings, marks: tuple[Mark, ...]) -> Counted:
    found = load_pairs(spec, settings, marks)
    count = len(found.pairs)
    return Counted(
        "ready",
        count,
        len({pair.positive_key for pair in found.pairs}),
        found.counts,
        found.source,
        found.pairs[:: max(1, count // SAMPLES)][:SAMPLES],
    )
