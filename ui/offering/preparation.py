"""The background thread that prepares what is offered: reads corpora, and indexes them with each model."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from search_core.corpus import load_corpus
from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import StudioError
from search_core.watch import edits, watched_folders
from ui.offering.offers import Offers, Reading, Withdrawn
from ui.offering.steps import Step

WATCH_AGAIN_S = 30.0

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """Unwinds the work when the program ends."""


class Preparation:
    """Carries out the steps on offer, one at a time.

    watch: and reads all corpora that come from folders again, once one of these is edited: a corpus of which
    nothing changed is read quickly, and goes on as it was.
    """

    def __init__(self, offers: Offers, settings: Settings, watch: bool) -> None:
        self._offers = offers
        self._settings = settings
        self._threads = [threading.Thread(target=self._work, name="preparation", daemon=True)]
        if folders := _watched(offers.corpora) if watch else {}:
            thread = threading.Thread(target=self._watch, args=(folders,), name="watch", daemon=True)
            self._threads.append(thread)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the work at its next report of progress; what is stored stays whole."""
        self._offers.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    def _work(self) -> None:
        try:
            while step := self._offers.claim():
                self._carry_out(step)
        except _Stopped:
            logger.info("preparation stopped")

    def _watch(self, folders: Mapping[str, Sequence[Path]]) -> None:
        while not self._offers.closed.is_set():
            there = [folder for some in folders.values() for folder in some if folder.is_dir()]
            try:
                for _ in edits(there, self._offers.closed):
                    for spec in folders.keys() & set(self._offers.corpora):
                        with suppress(StudioError):  # removed just now
                            self._offers.ask_again(spec)
            except StudioError as error:
                logger.warning("%s Trying again in %.0f s.", error, WATCH_AGAIN_S)
                self._offers.closed.wait(WATCH_AGAIN_S)

    def _carry_out(self, step: Step) -> None:
        task = _Task(self._offers, step)
        try:
            if step.model is None:
                self._read(task)
            else:
                self._index(task, step.model)
        except Withdrawn:
            logger.info("%s is no longer offered", step.model or step.corpus)
        except StudioError as error:
            task.fail(str(error))
        except _Stopped:
            raise
        except Exception as error:  # a bug must not leave the page waiting for ever
            logger.exception("preparing %s failed", step.model or step.corpus)
            task.fail(f"{type(error).__name__}: {error}")
        finally:
            self._offers.release(step)

    def _read(self, task: _Task) -> None:
        """A corpus that is being searched already goes on answering until its successor is whole."""
        earlier = self._offers.reading(task.step.corpus)
        corpus = load_corpus(task.step.corpus, self._settings, task)
        if earlier is None:
            engine = SearchEngine(corpus, self._settings)
        elif corpus == earlier.engine.corpus:
            engine = earlier.engine
        else:
            engine = earlier.engine.over(corpus, task)
        self._offers.publish(task.step, Reading(engine, datetime.now(UTC)))
        if earlier and engine is not earlier.engine:
            del earlier
            gc.collect()  # an engine holds itself, and hundreds of megabytes
        logger.info("%s was read: %d documents", corpus.spec, len(corpus.documents))

    def _index(self, task: _Task, model: str) -> None:
        if reading := self._offers.reading(task.step.corpus):
            reading.engine.add_model(model, lambda done, total: self._encoded(task, done, total))
            try:
                task.advance(replace(task.step, stage="ready"))
            except Withdrawn:
                reading.engine.remove_model(model)
                raise
        else:
            task.fail(self._offers.step(task.step.corpus).error)

    def _encoded(self, task: _Task, done: int, total: int) -> None:
        """Encoding may take hours: corpora that were added meanwhile are read in between."""
        task(done, total)
        while step := self._offers.claim_urgent():
            self._carry_out(step)


def _watched(corpora: Sequence[str]) -> dict[str, list[Path]]:
    """The corpora that are read from folders, with these."""
    folders = {}
    for spec in corpora:
        with suppress(StudioError):
            folders[spec] = watched_folders(spec)
    return folders


class _Task:
    """A claimed step while it is being carried out; called with its progress."""

    def __init__(self, offers: Offers, step: Step) -> None:
        self._offers = offers
        self.step = step

    def __call__(self, done: int, total: int, /) -> None:
        """Raises Withdrawn, or _Stopped: either ends the work."""
        if self._offers.closed.is_set():
            raise _Stopped
        self.advance(self.step.advanced(done, total, time.monotonic()))

    def advance(self, later: Step) -> None:
        """Raises Withdrawn."""
        self._offers.advance(self.step, later)
        self.step = later

    def fail(self, error: str) -> None:
        logger.error("%s: %s", self.step.model or self.step.corpus, error)
        with suppress(Withdrawn):
            self.advance(replace(self.step, stage="failed", error=error))
