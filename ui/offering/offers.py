"""What the page offers, and how far each of it is prepared. No Gradio and no work: only what is true now."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from search_core.engine import SearchEngine
from search_core.types import StudioError
from ui.offering.steps import Step


class Withdrawn(Exception):
    """What was being prepared is no longer on offer."""


@dataclass(frozen=True)
class Reading:
    """A corpus as it was read last, and what searches it. indexed_at: in UTC."""

    engine: SearchEngine
    indexed_at: datetime


class Offers:
    """Corpora and models on offer. Every method may be called from any thread; none leaves or shows a half.

    A step that waits is work to do. Whoever claims it replaces it by the next, for as long as it is still
    the same: a corpus that was removed, and perhaps added again, has other steps.
    """

    def __init__(self, corpora: Iterable[str], models: Iterable[str]) -> None:
        self._changed = threading.Condition()  # and the lock of everything below; never held while working
        self._models = list(dict.fromkeys(models))
        self._steps = {spec: self._first_steps(spec) for spec in corpora}
        self._readings: dict[str, Reading] = {}
        self._outdated: set[str] = set()  # to be read again as soon as they have been read
        self._busy: list[str] = []  # corpora that are being worked on
        self.closed = threading.Event()

    @property
    def corpora(self) -> tuple[str, ...]:
        with self._changed:
            return tuple(self._steps)

    @property
    def models(self) -> tuple[str, ...]:
        with self._changed:
            return tuple(self._models)

    def readings(self) -> dict[str, Reading]:
        """Of the corpora that have been read, in the order they are offered."""
        with self._changed:
            return {spec: self._readings[spec] for spec in self._steps if spec in self._readings}

    def reading(self, corpus: str) -> Reading | None:
        with self._changed:
            return self._readings.get(corpus)

    def steps(self, corpus: str | None = None) -> tuple[Step, ...]:
        """In the order of work: reading first, then model by model. corpus: only its own, None for all."""
        with self._changed:
            return tuple(
                steps[model]
                for model in (None, *self._models)
                for spec, steps in self._steps.items()
                if corpus in (None, spec)
            )

    def seen(self, corpus: str) -> tuple[tuple[Step, ...], Reading | None]:
        """Its steps and how it was read last, at one moment. Raises StudioError for what is not offered."""
        with self._changed:
            _require("Corpus", corpus, self._steps)
            return self.steps(corpus), self._readings.get(corpus)

    def all_seen(self) -> list[tuple[tuple[Step, ...], Reading | None]]:
        """What `seen` says of every corpus, at one moment."""
        with self._changed:
            return [self.seen(corpus) for corpus in self._steps]

    def step(self, corpus: str) -> Step:
        """Of reading a corpus. Raises StudioError for what is not offered."""
        with self._changed:
            _require("Corpus", corpus, self._steps)
            return self._steps[corpus][None]

    def model_step(self, corpus: str, model: str | None) -> Step:
        """Of indexing a corpus with a model. Raises StudioError for what is not offered."""
        with self._changed:
            _require("Corpus", corpus, self._steps)
            _require("Model", model, self._models)
            return self._steps[corpus][model]

    # What the owner changes --------------------------------------------------------------------

    def add_corpus(self, spec: str) -> None:
        with self._changed:
            if spec in self._steps:
                raise StudioError(f"Corpus {spec!r} is offered already.")
            self._steps[spec] = self._first_steps(spec)
            self._changed.notify_all()

    def remove_corpus(self, spec: str) -> None:
        with self._changed:
            _require("Corpus", spec, self._steps)
            if len(self._steps) == 1:
                raise StudioError(f"{spec!r} is the only corpus: add another one before you remove it.")
            del self._steps[spec]
            self._readings.pop(spec, None)
            self._outdated.discard(spec)

    def add_model(self, spec: str) -> None:
        with self._changed:
            if spec in self._models:
                raise StudioError(f"Model {spec!r} is offered already.")
            self._models.append(spec)
            for corpus, steps in self._steps.items():
                steps[spec] = Step(corpus, spec)
            self._changed.notify_all()

    def remove_model(self, spec: str) -> None:
        with self._changed:
            _require("Model", spec, self._models)
            if len(self._models) == 1:
                raise StudioError(f"{spec!r} is the only model: add another one before you remove it.")
            self._models.remove(spec)
            for steps in self._steps.values():
                del steps[spec]
            for reading in self._readings.values():
                reading.engine.remove_model(spec)

    def ask_again(self, corpus: str) -> None:
        """Read it again, and prepare what failed."""
        with self._changed:
            _require("Corpus", corpus, self._steps)
            steps = self._steps[corpus]
            if steps[None].stage == "working":
                self._outdated.add(corpus)
            else:
                steps[None] = Step(corpus, None, again=corpus in self._readings)
            self._retry(steps, self._models)

    def retry_model(self, spec: str) -> None:
        """Prepare it where that failed."""
        with self._changed:
            _require("Model", spec, self._models)
            for steps in self._steps.values():
                self._retry(steps, [spec])

    # What the work asks and tells --------------------------------------------------------------

    def claim(self) -> Step | None:
        """The next step, now marked as being worked on; waits for one. None where there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed.is_set() or self._waiting())
            return None if self.closed.is_set() else self._claimed(self._waiting()[0])

    def claim_urgent(self) -> Step | None:
        """A corpus that was never read, for which other work may be interrupted; None where there is none."""
        with self._changed:
            urgent = [step for step in self._waiting() if step.urgent]
            return self._claimed(urgent[0]) if urgent else None

    def release(self, step: Step) -> None:
        """Say that the work on a claimed step is over, whatever became of it."""
        with self._changed:
            self._busy.remove(step.corpus)
            self._changed.notify_all()

    def wait_until_left(self, corpus: str, timeout_s: float) -> None:
        """Until no work on the corpus is going on."""
        with self._changed:
            self._changed.wait_for(lambda: corpus not in self._busy, timeout_s)

    def close(self) -> None:
        """There is no more work to claim."""
        with self._changed:
            self.closed.set()
            self._changed.notify_all()

    def advance(self, step: Step, later: Step) -> None:
        """Put the later state in its place. Raises Withdrawn where the step is no longer the one on offer."""
        with self._changed:
            self._require_current(step)
            if later.settled and later.model is None and later.corpus in self._outdated:
                self._outdated.remove(later.corpus)
                later = Step(later.corpus, None, again=later.again)
            self._steps[step.corpus][step.model] = later

    def publish(self, step: Step, reading: Reading) -> None:
        """The corpus has been read: searched from now on. Raises Withdrawn as advance does."""
        with self._changed:
            self._require_current(step)
            for model in set(reading.engine.models) - set(self._models):  # removed in the meantime
                reading.engine.remove_model(model)
            self._readings[step.corpus] = reading
            self.advance(step, replace(step, stage="ready", again=True))

    def _first_steps(self, corpus: str) -> dict[str | None, Step]:
        return {model: Step(corpus, model) for model in (None, *self._models)}

    def _waiting(self) -> list[Step]:
        return [step for step in self.steps() if step.stage == "waiting"]

    def _claimed(self, step: Step) -> Step:
        claimed = replace(step, stage="working")
        self._steps[step.corpus][step.model] = claimed
        self._busy.append(step.corpus)
        return claimed

    def _require_current(self, step: Step) -> None:
        if self._steps.get(step.corpus, {}).get(step.model) is not step:
            raise Withdrawn

    def _retry(self, steps: dict[str | None, Step], models: Iterable[str | None]) -> None:
        """The caller holds the lock."""
        for model in models:
            if steps[model].stage == "failed":
                steps[model] = Step(steps[model].corpus, model)
        self._changed.notify_all()


def _require(what: str, spec: str | None, offered: Collection[str]) -> None:
    if spec not in offered:
        raise StudioError(f"{what} {spec!r} is not offered here; choose from {', '.join(offered)}.")
