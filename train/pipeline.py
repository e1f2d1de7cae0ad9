"""The steps of a run, from a corpus to a model that is measured."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sentence_transformers import SentenceTransformer

from search_core.encoder import load_encoder
from search_core.judgments import JudgmentLog, Mark, as_lines, read_marks
from search_core.settings import Settings
from search_core.store import Workspace, write_text
from train import frozen
from train.negatives import mine_hard_negatives
from train.pairs import Pair, PairSet, load_pairs, split_development
from train.processes import process_count, train_in_processes
from train.result import finish, frozen_valid, measure_before
from train.run import CONFIG, FROZEN_PAIRS, GRACE_S, MARKS, PAIRS, Run
from train.stop import Stop
from train.trainer import Outcome, check_batch, fine_tune, load_trainable


def train_model(run: Run, settings: Settings, stop: Stop) -> None:
    """Fill a run's folder: steps and checkpoints, then the model and what it reached.

    Goes on from the last checkpoint where there is one. Raises StudioError for what the user can
    mend, Cancelled where the run is asked to stop, and RankFailure where one of several processes
    that train fails.
    """
    frozen_valid(run.folder, run.config, settings)  # at one time with the pairs, which mining delays
    training, development = frozen_pairs(run, settings)
    config = run.config.fitted_to(len(training))
    check_batch(len(training), config)  # here, too: before the whole corpus is measured
    write_text(run.folder / CONFIG, config.to_json())
    measure_before(run.folder, config, settings, run.log.append)
    count = process_count(config, settings)
    if count > 1:
        train_in_processes(run.folder, count, GRACE_S)
        return
    with stop.deferred():
        model, outcome = fit(run, training, development, settings, stop)
    finish_run(run, model, outcome, len(training), settings)


def frozen_pairs(run: Run, settings: Settings) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on, and pairs to choose the checkpoint by, as they were when the run began.

    So they are equal in all its processes, and when it is resumed.
    """
    path = run.folder / FROZEN_PAIRS
    if not path.exists():
        training, development, pair_set = read_pairs(run, settings)
        counts = {"training": len(training), "development": len(development), "counts": dict(pair_set.counts)}
        write_text(run.folder / PAIRS, json.dumps({"source": pair_set.source, **counts}, indent=1) + "\n")
        frozen.write_pairs(path, training, development)
    return frozen.read_pairs(path)


def read_pairs(run: Run, settings: Settings) -> tuple[list[Pair], list[Pair], PairSet]:
    """Pairs to train on, pairs to choose the checkpoint by, and their set, as the corpus is now."""
    config = run.config
    pair_set = load_pairs(config.corpus, settings, _marks(run, settings) if config.judgments else ())
    if per_pair := negatives_per_pair(config.hard_negatives, pair_set):
        encoder = load_encoder(config.base_model, settings)
        pair_set = mine_hard_negatives(pair_set, encoder, per_pair, Workspace(settings.workspace))
    return *split_development(pair_set.pairs, config.development, config.seed), pair_set


def negatives_per_pair(wanted: int, pair_set: PairSet) -> int:
    """The loss takes as many of every pair: where one has a labelled negative, none can be without any."""
    return max(wanted, int(any(pair.negatives for pair in pair_set.pairs)))


def _marks(run: Run, settings: Settings) -> tuple[Mark, ...]:
    """As they were when the run began: people go on marking, and a run that is resumed must not notice."""
    path = run.folder / MARKS
    if not path.exists():
        marks = JudgmentLog(Workspace(settings.workspace)).of(run.config.corpus)
        write_text(path, as_lines(marks.values()))
    return read_marks(path)


def fit(
    run: Run, training: Sequence[Pair], development: Sequence[Pair], settings: Settings, stop: Stop
) -> tuple[SentenceTransformer, Outcome]:
    """The trained model, and what training did. To be called in `stop.deferred()`."""
    model = load_trainable(run.config.base_model, settings)
    outcome = fine_tune(
        model,
        training,
        development,
        run.config,
        run.checkpoints,
        run.log.append,
        stop.is_requested,
        resume=run.last_checkpoint is not None,
    )
    return model, outcome


def finish_run(
    run: Run, model: SentenceTransformer, outcome: Outcome, training_pairs: int, settings: Settings
) -> None:
    """Make the run's folder a model, and measure it."""
    finish(run.folder, model, outcome, training_pairs, run.config, settings, run.log.append)
