"""The history of runs: a table, the newest first. A run that has ended is read once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from search_core.evaluation import Difference
from search_core.types import StudioError
from train.finished_run import read_finished_run
from train.run import Run
from ui.markup import NOTHING, join, visible
from ui.metrics.figures import panel, scrolled
from ui.training.run_panel import HEADLINE, Standing, change, status_chip, verdict
from ui.words import corpus_name, model_name

logger = logging.getLogger(__name__)

COLUMNS = ("began (UTC)", "corpus", "base model", "method", "pairs", "status", "nDCG@10", "change")


@dataclass(frozen=True)
class RunRow:
    """began: unix seconds; None where its events are lost. pairs: to train on; None before they are read.

    effect: of nDCG@10; None unless it has finished.
    """

    id: str
    began: float | None
    corpus: str
    base_model: str
    method: str
    pairs: int | None
    status: Standing
    effect: Difference | None

    @property
    def goes_on(self) -> bool:
        return self.status in ("queued", "running")


class RunRows:
    """Rows of runs; those of runs that have ended are kept until their events change."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[tuple[int, int], RunRow]] = {}

    def of(self, runs: Sequence[Run]) -> list[RunRow]:
        return [row for run in runs if (row := self._row(run))]

    def _row(self, run: Run) -> RunRow | None:
        """None for a run that was deleted since it was listed."""
        try:
            return self._kept_or_read(run)
        except (OSError, StudioError) as error:
            logger.warning("Left out run %s: %s", run.id, error)
            return None

    def _kept_or_read(self, run: Run) -> RunRow:
        events = run.log.path.stat()
        version = (events.st_mtime_ns, events.st_size)
        kept = self._kept.get(run.folder)
        if kept and kept[0] == version:
            return kept[1]
        row = _read(run)
        if not row.goes_on:
            self._kept[run.folder] = (version, row)
        return row


def runs_table(rows: Sequence[RunRow], chosen: str | None) -> Markup:
    if not rows:
        return NOTHING
    head = join(Markup("<th scope=col>{}</th>").format(title) for title in COLUMNS)
    table = Markup(
        '<table class="cs-table cs-runs"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    ).format(head, join(_row(row, row.id == chosen) for row in rows))
    return panel("Runs", "the newest first; choose one to see it", scrolled("Runs", table))


def _row(row: RunRow, is_chosen: bool) -> Markup:
    began = f"{datetime.fromtimestamp(row.began, UTC):%Y-%m-%d %H:%M}" if row.began else row.id
    return Markup(
        '<tr{}><td><button type="button" class="cs-rowlink" data-do="choose" data-id="{}"{}>{}</button></td>'
        "<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>{}</tr>"
    ).format(
        Markup(' class="chosen"') if is_chosen else NOTHING,
        row.id,
        Markup(' aria-current="true"') if is_chosen else NOTHING,
        began,
        corpus_name(row.corpus),
        visible(model_name(row.base_model)),
        row.method,
        "" if row.pairs is None else f"{row.pairs:,}",
        status_chip(row.status),
        _effect(row.effect),
    )


def _effect(found: Difference | None) -> Markup:
    if found is None:
        return Markup("<td></td><td></td>")
    return Markup('<td>{:.3f} → {:.3f}</td><td title="{}, p = {:.4f}">{}{}</td>').format(
        found.a, found.b, verdict(found), found.p_value, change(found), _mark(found)
    )


def _mark(found: Difference) -> Markup:
    """Never by colour alone."""
    words = verdict(found)
    return NOTHING if words.startswith("no ") else Markup('<abbr title="{}">*</abbr>').format(words)


def _read(run: Run) -> RunRow:
    config, effect = run.config, None
    try:
        state, pairs = run.state(), run.pairs
    except StudioError as error:
        logger.warning("Run %s is damaged: %s", run.id, error)
        return RunRow(
            run.id, None, config.corpus, config.base_model, config.method, None, "damaged", effect=None
        )
    if state.status == "finished":
        with suppress(StudioError):  # the run's own panel says what is wrong with its files
            effect = read_finished_run(run.folder).effect.metrics[HEADLINE]
    return RunRow(
        run.id,
        state.events[0]["t"] if state.events else None,
        config.corpus,
        config.base_model,
        config.method,
        pairs["training"] if pairs else None,
        state.status,
        effect,
    )
