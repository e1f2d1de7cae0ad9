"""What the Train tab does and shows, without Gradio: runs as records, and what may be done with them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from search_core.encoder.load import choose_backend
from search_core.judgments import JudgmentLog, Mark
from search_core.store import Workspace
from search_core.types import StudioError
from train.config import BOUNDS, METHODS, OFFLINE_MODEL, REFERENCE_MODEL, Method, TrainingConfig, defaults
from train.estimate import Estimate, estimate
from train.events import session
from train.finished_run import FinishedRun, read_finished_run
from train.progress import Progress, training_progress
from train.run import Run, RunState, cancel, delete, list_runs, resume, start
from ui.offering.services import Services
from ui.training.pair_counts import Counted, PairCounts
from ui.training.publishing import Publishing

LOG_LINES = 9
LOG_BYTES = 16_384
"""Read of the end of a log, whatever its size."""

KNOBS: Mapping[str, str] = {
    "epochs": "Epochs",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "hard_negatives": "Hard negatives",
    "base_weight": "Base weight",
    "development": "Development share",
}
"""Numbers of the form: fields of TrainingConfig → what the page calls them."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Form:
    """What was filled in. knobs: a number for each of KNOBS; None for a field that was left empty."""

    corpus: str | None
    base_model: str | None
    method: Method
    knobs: Mapping[str, float | None]
    judgments: bool = False
    guard: bool = True


@dataclass(frozen=True)
class RunView:
    """One look at a run. total_steps: of the whole training; None before the first step.

    waits_for: runs that come before it. finished: None unless it has; damage: why not even then.
    """

    id: str
    folder: str
    state: RunState
    config: TrainingConfig
    pairs: Mapping[str, Any] | None
    progress: Progress | None
    log: Sequence[str]
    is_stopping: bool
    can_resume: bool
    waits_for: int
    finished: FinishedRun | None
    damage: str

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        return [event for event in self.state.events if event["type"] == "step"]

    @property
    def development(self) -> list[Mapping[str, Any]]:
        """Evaluations during training."""
        return [event for event in self.state.events if event.get("phase") == "during"]

    @property
    def total_steps(self) -> int | None:
        steps = self.steps
        return round(steps[-1]["step"] * self.config.epochs / steps[-1]["epoch"]) if steps else None

    @property
    def is_measuring(self) -> bool:
        """Trained, and not yet at its end."""
        events = self.state.events
        trained = self.progress is not None and self.progress.epoch >= self.config.epochs
        return self.state.status == "running" and trained and events[-1]["type"] != "step"


class Training:
    """Runs of this workspace and what is done with them. Every method may be called from any thread.

    obstacle: why no run can be started here, as a sentence; empty where one can.
    """

    def __init__(self, services: Services, obstacle: str) -> None:
        self.obstacle = obstacle
        self._services = services
        self._settings = services.settings
        self._counts = PairCounts(services.settings)
        self._judgments = JudgmentLog(Workspace(services.settings.workspace))
        self._stopping: set[str] = set()
        self.publishing = Publishing()

    @property
    def base_models(self) -> list[str]:
        """Everything offered can be trained; beside it what the command line takes where nothing is said."""
        offered = [*self._services.models, OFFLINE_MODEL, *([REFERENCE_MODEL] if self._on_gpu else [])]
        return list(dict.fromkeys(offered))

    def recipe(self, method: Method) -> dict[str, float]:
        """The default of each of KNOBS."""
        config = defaults("any", "any", on_gpu=self._on_gpu, method=method)
        return {name: getattr(config, name) for name in KNOBS}

    def filled(self, form: Form) -> Form:
        """What was chosen before stays where it is still offered; an empty number gets its default."""
        corpora, models, recipe = self._services.corpora, self.base_models, self.recipe(form.method)
        return replace(
            form,
            corpus=form.corpus if form.corpus in corpora else corpora[0],
            base_model=form.base_model if form.base_model in models else models[0],
            knobs={name: recipe[name] if value is None else value for name, value in form.knobs.items()},
        )

    def marks(self, corpus: str | None) -> tuple[Mark, ...]:
        """What people marked as right or wrong in searches of a corpus."""
        return tuple(self._judgments.of(corpus).values()) if corpus else ()

    def counted(self, form: Form) -> Counted | None:
        """The pairs that the form's corpus has; None until it has been read."""
        found = self._services.corpus(form.corpus) if form.corpus else None
        return self._counts.of(found, self.marks(form.corpus) if form.judgments else ()) if found else None

    def config(self, form: Form) -> TrainingConfig:
        """Raises StudioError, naming every number that cannot be."""
        if form.corpus not in self._services.corpora:
            raise StudioError("Choose a corpus to train on.")
        if form.base_model not in self.base_models or form.method not in METHODS:
            raise StudioError("Choose a base model and a method.")
        problems = [
            f"{label} must be {BOUNDS[name]}" + ("" if value is None else f", not {value:g}")
            for name, label in KNOBS.items()
            if (value := form.knobs[name]) is None or not BOUNDS[name].admits(value)
        ]
        if problems:
            raise StudioError(". ".join(problems) + ".")
        given = dict(form.knobs)
        if given["batch_size"] == self.recipe(form.method)["batch_size"]:
            given["batch_size"] = None  # the recipe's: a corpus with fewer pairs makes it smaller
        return defaults(
            form.corpus,
            form.base_model,
            on_gpu=self._on_gpu,
            method=form.method,
            judgments=form.judgments,
            guard=form.guard,
            **given,
        )

    def estimate(self, form: Form) -> Estimate | None:
        """None while the pairs are being counted, and for a model that has to be fetched first.

        Raises StudioError for a form that cannot be started.
        """
        config, counted = self.config(form), self.counted(form)
        if counted is None or counted.stage == "counting":
            return None
        if counted.stage == "failed":
            raise StudioError(counted.error)
        trained = round(counted.pairs * (1 - config.development))
        fitted = config.fitted_to(trained)
        if fitted.batch_size > trained:
            raise StudioError(
                f"A batch of {fitted.batch_size:,} is larger than the {trained:,} pairs to train on: "
                f"choose {trained:,} or less."
            )
        if form.base_model not in (*self._services.models, OFFLINE_MODEL):
            return None
        documents = len(self._services.corpus(config.corpus).documents)  # type: ignore[union-attr]
        return estimate(fitted, counted.pairs, counted.sample, documents, self.runs(), self._settings)

    def start(self, form: Form) -> Run:
        """Raises StudioError for a form or a machine that cannot train."""
        if self.obstacle:
            raise StudioError(self.obstacle)
        self.estimate(form)  # raises where there are too few pairs
        return start(self.config(form), self._settings, background=True)

    def runs(self) -> list[Run]:
        """The newest first."""
        return list_runs(self._settings)

    def find(self, id: str) -> Run:
        """Raises StudioError for what is no id of a run of this workspace."""
        for run in self.runs():
            if run.id == id:
                return run
        raise StudioError("This run is not there any more.")

    def stop(self, run: Run) -> None:
        """Ask a run to stop; it ends in the background, after its step."""
        if not run.state().is_alive:
            raise StudioError(f"Run {run.id} has ended already.")
        self._stopping.add(run.id)
        threading.Thread(target=self._stop, args=(run,), name="stopping", daemon=True).start()

    def resume(self, run: Run) -> None:
        """Raises StudioError for a run that cannot go on."""
        if self.obstacle:
            raise StudioError(self.obstacle)
        resume(run, self._settings, background=True)

    def delete(self, run: Run) -> None:
        """With its model, which is not offered any more. Raises StudioError for a run that is alive."""
        publication = self.publishing.under_way
        if publication and publication.run_id == run.id:
            raise StudioError(f"Run {run.id} is being published: delete it when that is done.")
        if run.state().is_alive:
            raise StudioError(f"Run {run.id} is alive: stop it first.")
        if str(run.folder) in self._services.models:
            self._services.remove_model(str(run.folder))
        delete(run, self._settings)

    def view(self, run: Run) -> RunView:
        """Raises StudioError for a run whose files are damaged, or gone."""
        state, config, finished, damage = run.state(), run.config, None, ""
        if state.status == "finished":
            try:
                finished = read_finished_run(run.folder)
            except StudioError as error:
                damage = str(error)
        return RunView(
            id=run.id,
            folder=str(run.folder),
            state=state,
            config=config,
            pairs=run.pairs,
            progress=training_progress(state.events, config.epochs),
            log=_last_lines(run),
            is_stopping=run.id in self._stopping,
            can_resume=state.status in ("cancelled", "failed"),
            waits_for=self._before(run) if state.status == "queued" else 0,
            finished=finished,
            damage=damage,
        )

    @property
    def _on_gpu(self) -> bool:
        return choose_backend(self._settings).device != "cpu"

    def _stop(self, run: Run) -> None:
        try:
            cancel(run)
        except StudioError as error:  # it ended by itself in the meantime
            logger.info("%s", error)
        finally:
            self._stopping.discard(run.id)

    def _before(self, run: Run) -> int:
        """Runs that wait for the same device or have it, and came before."""
        since = (run.queued or {}).get("t", 0.0)
        others = filter(None, (_state(one) for one in self.runs() if one.id != run.id))
        return sum(state.is_alive and session(state.events)[0]["t"] < since for state in others)


def _state(run: Run) -> RunState | None:
    """None where it is damaged."""
    try:
        return run.state()
    except StudioError:
        return None


def _last_lines(run: Run) -> Sequence[str]:
    path = run.folder / "log.txt"
    if not path.exists():
        return ()
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_BYTES))
        return log.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]
