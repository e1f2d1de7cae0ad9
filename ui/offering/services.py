"""Corpora and models that the page offers: searched, described, and changed while it runs. No Gradio."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search_core.__main__ import search_object
from search_core.corpus.spec import lasting_spec, parse_spec
from search_core.encoder import checked_model
from search_core.engine import EVERYTHING, SearchEngine, check_request
from search_core.settings import Settings
from search_core.store import Removed
from search_core.types import Corpus, Document, SearchFilter, SearchResult, StudioError
from ui.lanes import Lane
from ui.offering.catalog import Catalog
from ui.offering.details import CorpusDetails, delete_held, details_of, is_same
from ui.offering.offers import Offers
from ui.offering.preparation import Preparation
from ui.offering.steps import Step
from ui.offering.uploads import keep_upload

LEAVING_S = 10.0
"""Seconds to wait for the end of work on a corpus that was removed, before what it held is freed."""


class StillReading(StudioError):
    """The corpus is being read; asking again in a moment helps."""


class Services:
    """What the page and its API ask. Every method may be called from any thread.

    Corpora are read first, all of them, since each answers keyword queries from then on;
    then each is indexed with each model. watch: folders among the first corpora are read again when
    they are edited. What is added and removed is kept in the workspace, see Catalog.
    """

    def __init__(
        self, corpora: Sequence[str], models: Sequence[str], settings: Settings, watch: bool = False
    ) -> None:
        self.settings = settings
        self._offers = Offers(corpora, models)
        self._preparation = Preparation(self._offers, settings, watch)
        self._catalog = Catalog(settings.workspace)

    def start(self) -> None:
        self._preparation.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the preparation at its next report of progress; what is stored stays whole."""
        self._preparation.stop(timeout_s)

    @property
    def corpora(self) -> tuple[str, ...]:
        """Never empty."""
        return self._offers.corpora

    @property
    def models(self) -> tuple[str, ...]:
        """Never empty."""
        return self._offers.models

    @property
    def preparing(self) -> bool:
        return not all(step.settled for step in self._offers.steps())

    def steps(self, corpus: str) -> tuple[Step, ...]:
        """The corpus's steps in the order of work, as they are now: reading first; empty if not offered."""
        return self._offers.steps(corpus)

    def corpus(self, spec: str) -> Corpus | None:
        """None until the corpus has been read."""
        reading = self._offers.reading(spec)
        return reading.engine.corpus if reading else None

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

    def similar(
        self, id: str, k: int, corpus: str, lane: Lane, filter: SearchFilter = EVERYTHING
    ) -> SearchResult:
        """What is like a document of the corpus, without itself. Served, and raises, as search does."""
        engine = self._engine(corpus)
        document = engine.corpus.by_id.get(id)
        if document is None:
            raise StudioError(
                f"What you look for the like of is no longer in {corpus!r}: search for it anew."
            )
        if lane.mode == "lexical" or not self._model_ready(corpus, lane.model):
            return engine.similar(document, k, mode="lexical", filter=filter)
        return engine.similar(document, k, model=lane.model, mode=lane.mode, filter=filter)

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
                "documents": len(reading.engine.corpus.documents),
                "files": reading.engine.corpus.files,
                "languages": dict(reading.engine.corpus.languages),
                "models": list(reading.engine.models),
                "indexed_at": reading.indexed_at.isoformat(timespec="seconds"),
            }
            for spec, reading in self._offers.readings().items()
        ]

    def health(self) -> dict[str, Any]:
        """What `/healthz` returns. status is ok once every corpus has been read, or has failed.

        models: those that are ready over any corpus. modes: those that a corpus is served in now.
        """
        read = all(step.settled or step.again for step in self._offers.steps() if step.model is None)
        ready = {spec: reading.engine.models for spec, reading in self._offers.readings().items()}
        return {
            "status": "ok" if read else "starting",
            "models": [model for model in self.models if any(model in models for models in ready.values())],
            "corpora": [
                {"spec": spec, "modes": ["dense", "lexical", "hybrid"] if models else ["lexical"]}
                for spec, models in ready.items()
            ],
        }

    def all_details(self) -> list[CorpusDetails]:
        """Of every corpus on offer, in order."""
        seen = self._offers.all_seen()
        return [details_of(steps, reading, self.settings.workspace) for steps, reading in seen]

    def model_steps(self) -> list[tuple[str, list[Step]]]:
        """Each model with its steps, one for each corpus that has been or will be read."""
        steps = self._offers.steps()
        unread = {step.corpus for step in steps if step.urgent and step.stage == "failed"}
        return [
            (model, [step for step in steps if step.model == model and step.corpus not in unread])
            for model in self.models
        ]

    # For the owner alone -----------------------------------------------------------------------

    def add_corpus(self, spec: str) -> str:
        """Offer a corpus, at once, and prepare it. Returns the spec under which it is offered.

        Raises StudioError for what cannot be a corpus, and for one that is offered already.
        """
        source = parse_spec(spec.strip())
        if same := next((other for other in self.corpora if is_same(other, source)), None):
            raise StudioError(f"That corpus is offered already, as {same}.")
        lasting = lasting_spec(source)
        self._offers.add_corpus(lasting)
        self._catalog.add("corpora", lasting)
        return lasting

    def add_upload(self, file: Path) -> str:
        """Like add_corpus, for an archive that was uploaded; the file is moved into the workspace."""
        return self.add_corpus(keep_upload(file, self.settings))

    def remove_corpus(self, spec: str) -> Removed:
        """Offer a corpus no longer, and delete what the workspace holds of it, but for reports and marks.

        Searches that have begun still finish. Returns what was deleted.
        Raises StudioError for one that is not offered, for the last one, and where a file cannot be deleted.
        """
        corpus = self.corpus(spec)
        self._offers.remove_corpus(spec)
        self._catalog.remove("corpora", spec)
        self._offers.wait_until_left(spec, LEAVING_S)
        gc.collect()  # engines hold themselves, and hundreds of megabytes
        return delete_held(spec, corpus, self.corpora, self.settings.workspace)

    def reindex(self, spec: str) -> None:
        """Read a corpus again, encode what is new in it, and prepare what failed.

        Until then it is searched as it was. Raises StudioError for what is not offered.
        """
        self._offers.ask_again(spec)

    def add_model(self, spec: str) -> str:
        """Offer a model over every corpus, and prepare it. Returns the spec that it is offered under.

        Raises StudioError for what cannot be a model, as far as this machine alone can tell, and for one that
        is offered already.
        """
        lasting = checked_model(spec.strip())
        self._offers.add_model(lasting)
        self._catalog.add("models", lasting)
        return lasting

    def remove_model(self, spec: str) -> None:
        """Offer a model no longer; its vectors stay, so that it comes back quickly.

        Raises StudioError for the last model, and for one that is not offered.
        """
        self._offers.remove_model(spec)
        self._catalog.remove("models", spec)
        gc.collect()

    def retry_model(self, spec: str) -> None:
        """Prepare a model over the corpora where that failed. Raises StudioError for what is not offered."""
        self._offers.retry_model(spec)

    def _served(
        self, engine: SearchEngine, query: str, k: int, corpus: str, lane: Lane, filter: SearchFilter
    ) -> SearchResult:
        if lane.mode == "lexical" or not self._model_ready(corpus, lane.model):
            return engine.search(query, k, mode="lexical", filter=filter)
        return engine.search(query, k, model=lane.model, mode=lane.mode, filter=filter)

    def _engine(self, corpus: str) -> SearchEngine:
        if reading := self._offers.reading(corpus):
            return reading.engine
        step = self._offers.step(corpus)
        if step.stage == "failed":
            raise StudioError(step.error)
        raise StillReading(f"Corpus {corpus!r} is still being read. Try again in a moment.")

    def _model_ready(self, corpus: str, model: str | None) -> bool:
        step = self._offers.model_step(corpus, model)
        if step.stage == "failed":
            raise StudioError(step.error)
        return step.stage == "ready"
