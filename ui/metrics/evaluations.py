"""Evaluations: run one, run several in the background, list what is stored. No Gradio."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from search_core.corpus import load_judged, load_judgments
from search_core.corpus.judged import docstring_judgments
from search_core.evaluation import evaluate
from search_core.report import Report, read_report, report_id, write_report
from search_core.store import Workspace
from search_core.types import MODES, PROTOCOLS, EvaluationProtocol, Mode, Progress, StudioError, silent
from train.run import Run, list_runs
from ui.lanes import KEYWORDS, Lane
from ui.offering.services import Services
from ui.offering.steps import Step

ROOM = "reports"
PHASES = ("before", "after")
"""Of a training run: each has a report in the run's folder."""
KEPT_JOBS = 50
"""Evaluations of which the page remembers how they went."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)  # as long as its file is the same, so is the object
class StoredReport:
    """id: unique in the workspace. run, phase: of the training that measured it, if it was one."""

    id: str
    report: Report
    made_at: datetime
    run: Run | None = None
    phase: str = ""


@dataclass(frozen=True)
class Job:
    """An evaluation that the page was asked for. step: how far it is. report: id of what it made."""

    number: int
    lane: Lane
    split: str
    protocol: EvaluationProtocol
    step: Step
    report: str = ""


class Evaluations:
    """Only of corpora and models that the services offer. Every method may be called from any thread."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings
        self._working = threading.Lock()  # one evaluation at a time: each may fill a machine's memory
        self._lock = threading.Lock()  # guards what follows; never held while working
        self._jobs: dict[int, Job] = {}
        self._thread: threading.Thread | None = None
        self._read: dict[Path, tuple[tuple[int, int], StoredReport | None]] = {}
        self._splits: dict[tuple[str, str], Mapping[str, int]] = {}

    def run(
        self,
        corpus: str,
        model: str | None,
        split: str = "valid",
        mode: Mode = "dense",
        protocol: EvaluationProtocol = "content",
    ) -> Report:
        """Evaluate and store the report, in the place of an earlier one of the same thing.

        model: not looked at in lexical mode.
        Raises StudioError for what is not offered here, and as `evaluate` does.
        """
        self._check(corpus, split, model, mode, protocol)
        return self._measure(corpus, model, split, mode, protocol, silent)[0]

    def start(
        self,
        corpus: str,
        split: str,
        choices: Sequence[str],
        mode: Mode = "dense",
        protocol: EvaluationProtocol = "content",
    ) -> tuple[int, ...]:
        """Evaluate one after the other in the background; the jobs' numbers are in the order of the choices.

        choices: models, each of which ranks in the mode given, and `keywords`.
        Raises StudioError where there is no choice, or one is not offered here.
        """
        lanes = [Lane.parsed(choice, mode) for choice in dict.fromkeys(choices)]
        if not lanes:
            raise StudioError("Choose at least one model to evaluate.")
        for lane in lanes:
            self._check(corpus, split, lane.model, lane.mode, protocol)
        with self._lock:
            first = max(self._jobs, default=0) + 1
            for number, lane in enumerate(lanes, first):
                self._jobs[number] = Job(number, lane, split, protocol, Step(corpus, lane.model))
            for number in sorted(self._jobs)[:-KEPT_JOBS]:
                if self._jobs[number].step.settled:
                    del self._jobs[number]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="evaluations", daemon=True)
                self._thread.start()
        return tuple(range(first, first + len(lanes)))

    def jobs(self) -> tuple[Job, ...]:
        """As they are now, in the order in which they were asked for."""
        with self._lock:
            return tuple(self._jobs.values())

    @property
    def running(self) -> bool:
        return any(not job.step.settled for job in self.jobs())

    def reports(self) -> list[StoredReport]:
        """Those of evaluations and of training runs, the newest first.

        Left out, with a log line: what is damaged.
        """
        found = [one for one in self._found() if one is not None]
        return sorted(found, key=lambda stored: (stored.made_at, stored.id), reverse=True)

    def splits(self, corpus: str) -> Mapping[str, int]:
        """Split to the number of its queries that can be judged; the splits without any are left out.

        Empty while the corpus is being read. Raises StudioError where it is not offered here.
        """
        _require_offered("Corpus", corpus, self._services.corpora)
        loaded = self._services.corpus(corpus)
        if loaded is None:
            return {}
        of = (corpus, loaded.fingerprint)
        if of not in self._splits:
            is_judged = is_dataset(corpus)
            judgments = load_judgments(corpus, self._settings) if is_judged else docstring_judgments(loaded)
            queries: dict[str, set[str]] = {}
            for row in judgments.rows:
                if row.relevant and row.query and row.document:
                    queries.setdefault(row.split, set()).add(row.query)
            self._splits[of] = {split: len(found) for split, found in queries.items()}
        return self._splits[of]

    def _check(
        self, corpus: str, split: str, model: str | None, mode: Mode, protocol: EvaluationProtocol
    ) -> None:
        _require_offered("Corpus", corpus, self._services.corpora)
        _require_offered("Mode", mode, MODES)
        _require_offered("Protocol", protocol, PROTOCOLS)
        if mode != "lexical":
            _require_offered("Model", model, self._services.models)
        if not split:
            raise StudioError("Choose a split to evaluate on.")

    def _measure(
        self,
        corpus: str,
        model: str | None,
        split: str,
        mode: Mode,
        protocol: EvaluationProtocol,
        progress: Progress,
    ) -> tuple[Report, str]:
        """The report and its id."""
        with self._working:
            # Anew: what was removed while this waited must not be read, or cloned, once more.
            self._check(corpus, split, model, mode, protocol)
            judged = load_judged(corpus, split, protocol, self._settings)
            report = evaluate(judged, model or "", mode, self._settings, progress)
        id = report_id(report, judged.corpus.fingerprint)
        write_report(report, self._folder / f"{id}.json")
        return report, id

    @property
    def _folder(self) -> Path:
        return Workspace(self._settings.workspace).folder(ROOM)

    def _found(self) -> Iterator[StoredReport | None]:
        for path in self._folder.glob("*.json"):
            yield self._stored(path.stem, path)
        for run in list_runs(self._settings):
            for phase in PHASES:
                path = run.folder / "reports" / f"{phase}.json"
                if path.is_file():
                    yield self._stored(f"{run.id}-{phase}", path, run, phase)

    def _stored(self, id: str, path: Path, run: Run | None = None, phase: str = "") -> StoredReport | None:
        """None where the file is damaged. A file is read again only where it has changed."""
        try:
            status = path.stat()
        except OSError:  # removed since it was listed
            return None
        version = (status.st_mtime_ns, status.st_size)
        known = self._read.get(path)
        if known is None or known[0] != version:
            report = _read_or_none(path)
            made_at = datetime.fromtimestamp(status.st_mtime, UTC)
            stored = StoredReport(id, report, made_at, run, phase) if report else None
            known = self._read[path] = (version, stored)
        return known[1]

    # On the background thread ------------------------------------------------------------------

    def _work(self) -> None:
        """Until no job waits."""
        while job := self._next():
            self._carry_out(job)

    def _next(self) -> Job | None:
        with self._lock:
            waiting = next((job for job in self._jobs.values() if job.step.stage == "waiting"), None)
            if waiting is None:
                self._thread = None
            return waiting

    def _carry_out(self, job: Job) -> None:
        job = self._record(replace(job, step=replace(job.step, stage="working")))

        def progress(done: int, total: int, /) -> None:
            nonlocal job
            job = self._record(replace(job, step=job.step.advanced(done, total, time.monotonic())))

        lane = job.lane
        try:
            _, id = self._measure(job.step.corpus, lane.model, job.split, lane.mode, job.protocol, progress)
            self._record(replace(job, step=replace(job.step, stage="ready"), report=id))
        except StudioError as error:
            self._record(replace(job, step=replace(job.step, stage="failed", error=str(error))))
        except Exception as error:  # a bug must not leave the page waiting for ever
            logger.exception("evaluating %s failed", lane.name)
            reason = f"{type(error).__name__}: {error}"
            self._record(replace(job, step=replace(job.step, stage="failed", error=reason)))

    def _record(self, job: Job) -> Job:
        with self._lock:
            self._jobs[job.number] = job
        return job


def is_dataset(corpus: str) -> bool:
    """Whether it was judged by people, and may be ranked by either protocol."""
    return corpus.startswith("dataset:")


def evaluation_choices(models: Sequence[str]) -> list[str]:
    """What can be evaluated: models, and the lane that needs none."""
    return [*models, KEYWORDS]


def chosen_split(splits: Mapping[str, int], before: str | None) -> str | None:
    """The one that was chosen before, where the corpus has it; else `valid`, else the first."""
    return next((split for split in (before, "valid") if split in splits), next(iter(splits), None))


def _require_offered(what: str, value: str | None, offered: Sequence[str]) -> None:
    if value not in offered:
        raise StudioError(f"{what} {value!r} is not offered here; choose from {', '.join(offered)}.")


def _read_or_none(path: Path) -> Report | None:
    try:
        return read_report(path)
    except StudioError as error:
        logger.warning("Left out a report: %s", error)
        return None
