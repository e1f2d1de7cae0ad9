"""How many pairs a corpus has to learn from: counted in the background, once for each state of the corpus."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from search_core.judgments import Mark
from search_core.settings import Settings
from search_core.types import Corpus, StudioError
from train.pairs import Pair, Source, load_pairs

SAMPLES = 100
"""Pairs kept to be looked at, spread over all of them."""

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
        self._known: dict[tuple[str, bool], tuple[_State, Counted]] = {}
        self._worker = ThreadPoolExecutor(1, "pairs")

    def of(self, corpus: Corpus, marks: tuple[Mark, ...] = ()) -> Counted:
        """What is known now; the first call begins to count. marks: those that are to be learnt from, too."""
        place, state = (corpus.spec, bool(marks)), (corpus.fingerprint, marks)
        with self._lock:
            known = self._known.get(place)
            if known and known[0] == state:
                return known[1]
            self._known[place] = (state, Counted())
        self._worker.submit(self._count, place, state)
        return Counted()

    def _count(self, place: tuple[str, bool], state: _State) -> None:
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
