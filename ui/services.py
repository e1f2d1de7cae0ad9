"""Corpora and models that the page offers, prepared on a background thread. No Gradio."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from search_core.__main__ import search_object
from search_core.corpus import load_corpus
from search_core.engine import EVERYTHING, SearchEngine, check_request
from search_core.settings import Settings
from search_core.types import Corpus, Document, Progress, SearchFilter, SearchResult, StudioError
from search_core.watch import edits, watched_folders
from ui.lanes import Lane
from ui.steps import Step

logger = logging.getLogger(__name__)


class StillReading(StudioError):
    """The corpus is being read; asking again in a moment helps."""


class _Stopped(Exception):
    """Unwinds the preparation when the program ends."""


class Services:
    """What the page and its API ask. Every method may be called from any thread.

    Corpora are read first, all of them, since each answers keyword queries from then on;
    then each is indexed with each model. watch: follow edits of the folders after that.
    """

    def __init__(
        self, corpora: Sequence[str], models: Sequence[str], settings: Settings, watch: bool = False
    ) -> None:
        self.corpora = tuple(dict.fromkeys(corpora))
        self.models = tuple(dict.fromkeys(models))
        self.settings = settings
        self._watch = watch
        self._lock = threading.Lock()  # guards the two dictionaries below; never held while working
        self._steps = {
            (corpus, model): Step(corpus, model) for model in (None, *self.models) for corpus in self.corpora
        }
        self._engines: dict[str, tuple[SearchEngine, datetime]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._prepare, name="preparation", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the preparation at its next report of progress; what is stored stays whole."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def preparing(self) -> bool:
        return not all(step.settled for step in self._snapshot())

    def steps(self, corpus: str) -> tuple[Step, ...]:
        """The corpus's steps in the order of work, as they are now: reading first."""
        return tuple(step for step in self._snapshot() if step.corpus == corpus)

    def corpus(self, spec: str) -> Corpus | None:
        """None until the corpus has been read."""
        with self._lock:
            entry = self._engines.get(spec)
        return entry[0].corpus if entry else None

    def document(self, corpus: str, id: str) -> Document | None:
        found = self.corpus(corpus)
        return found.by_id.get(id) if found else None

    def search(
        self, query: str, k: int, corpus: str, lane: Lane, filter: SearchFilter = EVERYTHING
    ) -> SearchResult:
        """Served by keywords while the model is being prepared: the result's mode says so.

        Raises StudioError as the engine does, and for what is not offered or could not be prepared;
        StillReading while the corpus cannot answer yet.
        """
        check_request([query], k, lane.mode)
        return self._served(self._engine(corpus), query, k, corpus, lane, filter)

    def search_object(
        self, query: str, k: int, corpus: str, lanes: Sequence[Lane], filter: SearchFilter = EVERYTHING
    ) -> dict[str, Any]:
        """The search object with one result a lane. Raises as search does."""
        for lane in lanes:
            check_request([query], k, lane.mode)
        engine = self._engine(corpus)  # one for all: another may take its place meanwhile
        results = [self._served(engine, query, k, corpus, lane, filter) for lane in lanes]
        return search_object(query, engine.corpus, results)

    def described(self) -> list[dict[str, Any]]:
        """What `/corpora` returns: the corpora that have been read, with the models that are ready over them.

        languages: name to number of documents. indexed_at: when it was read, ISO 8601 in UTC.
        """
        return [
            {
                "spec": spec,
                "documents": len(engine.corpus.documents),
                "files": engine.corpus.files,
                "languages": dict(engine.corpus.languages),
                "models": list(engine.models),
                "indexed_at": indexed_at.isoformat(timespec="seconds"),
            }
            for spec, (engine, indexed_at) in self._readable().items()
        ]

    def health(self) -> dict[str, Any]:
        """What `/healthz` returns. status is ok once every corpus has been read, or has failed.

        models: those that are ready over any corpus. modes: those that a corpus is served in now.
        """
        read = all(step.settled for step in self._snapshot() if step.model is None)
        ready = {spec: engine.models for spec, (engine, _) in self._readable().items()}
        return {
            "status": "ok" if read else "starting",
            "models": [model for model in self.models if any(model in models for models in ready.values())],
            "corpora": [
                {"spec": spec, "modes": ["dense", "lexical", "hybrid"] if models else ["lexical"]}
                for spec, models in ready.items()
            ],
        }

    def _served(
        self, engine: SearchEngine, query: str, k: int, corpus: str, lane: Lane, filter: SearchFilter
    ) -> SearchResult:
        if lane.mode == "lexical" or not self._model_ready(corpus, lane.model):
            return engine.search(query, k, mode="lexical", filter=filter)
        return engine.search(query, k, model=lane.model, mode=lane.mode, filter=filter)

    def _snapshot(self) -> tuple[Step, ...]:
        with self._lock:
            return tuple(self._steps.values())

    def _readable(self) -> dict[str, tuple[SearchEngine, datetime]]:
        with self._lock:
            return dict(self._engines)

    def _engine(self, corpus: str) -> SearchEngine:
        if corpus not in self.corpora:
            raise StudioError(
                f"Corpus {corpus!r} is not offered here; choose from {', '.join(self.corpora)}."
            )
        with self._lock:
            entry, step = self._engines.get(corpus), self._steps[corpus, None]
        if entry:
            return entry[0]
        if step.stage == "failed":
            raise StudioError(step.error)
        raise StillReading(f"Corpus {corpus!r} is still being read. Try again in a moment.")

    def _model_ready(self, corpus: str, model: str | None) -> bool:
        if model is None or model not in self.models:
            raise StudioError(f"Model {model!r} is not offered here; choose from {', '.join(self.models)}.")
        with self._lock:
            step = self._steps[corpus, model]
        if step.stage == "failed":
            raise StudioError(step.error)
        return step.stage == "ready"

    # On the background thread ------------------------------------------------------------------

    def _prepare(self) -> None:
        try:
            for corpus, model in tuple(self._steps):
                self._carry_out(corpus, model)
            if self._watch:
                self._follow()
        except _Stopped:
            logger.info("preparation stopped")

    def _follow(self) -> None:
        """Until the program ends."""
        folders = [folder for corpus in self.corpora for folder in watched_folders(corpus)]
        for _ in edits(folders, self._stopping):
            for corpus in self._readable():
                self._refresh(corpus)

    def _refresh(self, spec: str) -> None:
        """Replace the engine by one over the corpus as it is now; the old one answers until then."""
        engine, _ = self._readable()[spec]
        try:
            corpus = load_corpus(spec, self.settings)
            if corpus.documents == engine.corpus.documents:
                return
            renewed = engine.over(corpus, self._check_stopping)
        except StudioError as error:
            logger.warning("%s is searched as it was before the last edit: %s", spec, error)
            return
        with self._lock:
            self._engines[spec] = (renewed, datetime.now(UTC))
        logger.info("%s was read again: %d documents", spec, len(corpus.documents))

    def _check_stopping(self, done: int, total: int, /) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _carry_out(self, corpus: str, model: str | None) -> None:
        if self._stopping.is_set():
            raise _Stopped
        step = Step(corpus, model, "working")
        self._record(step)
        try:
            if model is None:
                self._read(corpus, self._progress(step))
            else:
                self._engine(corpus).add_model(model, self._progress(step))
            self._record(replace(step, stage="ready"))
        except StudioError as error:
            self._record(replace(step, stage="failed", error=str(error)))
        except _Stopped:
            raise
        except Exception as error:  # a bug must not leave the page waiting for ever
            logger.exception("preparing %s failed", model or corpus)
            self._record(replace(step, stage="failed", error=f"{type(error).__name__}: {error}"))

    def _read(self, spec: str, progress: Progress) -> None:
        engine = SearchEngine(load_corpus(spec, self.settings, progress), self.settings)
        with self._lock:
            self._engines[spec] = (engine, datetime.now(UTC))

    def _progress(self, step: Step) -> Callable[[int, int], None]:
        def report(done: int, total: int, /) -> None:
            nonlocal step
            self._check_stopping(done, total)
            step = step.advanced(done, total, time.monotonic())
            self._record(step)

        return report

    def _record(self, step: Step) -> None:
        if step.stage == "failed":
            logger.error("%s: %s", step.model or step.corpus, step.error)
        with self._lock:
            self._steps[step.corpus, step.model] = step
