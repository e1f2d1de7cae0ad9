"""The steps of a run, from a corpus to a model that is measured."""

from __future__ import annotations

import json

from search_core.encoder import load_encoder
from search_core.settings import Settings
from search_core.store import Workspace, write_text
from train.negatives import mine_hard_negatives
from train.pairs import load_pairs, split_development
from train.result import finish, measure_before
from train.run import PAIRS, Run
from train.stop import Stop
from train.trainer import fine_tune, load_trainable


def train_model(run: Run, settings: Settings, stop: Stop) -> None:
    """Fill a run's folder: steps and checkpoints, then the model and what it reached.

    Goes on from the last checkpoint where there is one. Raises StudioError for what the user can
    mend, and Cancelled where the run is asked to stop.
    """
    config, log = run.config, run.log.append
    pair_set = load_pairs(config.corpus, settings)
    if config.hard_negatives:
        encoder = load_encoder(config.base_model, settings)
        workspace = Workspace(settings.workspace)
        pair_set = mine_hard_negatives(pair_set, encoder, config.hard_negatives, workspace)
    training, development = split_development(pair_set.pairs, config.development, config.seed)
    counts = {"training": len(training), "development": len(development), "counts": dict(pair_set.counts)}
    write_text(run.folder / PAIRS, json.dumps({"source": pair_set.source, **counts}, indent=1) + "\n")
    measure_before(run.folder, config, settings, log)
    model = load_trainable(config.base_model, settings)
    with stop.deferred():
        outcome = fine_tune(
            model,
            training,
            development,
            config,
            run.checkpoints,
            log,
            stop.is_requested,
            resume=run.last_checkpoint is not None,
        )
    finish(run.folder, model, outcome, len(training), config, settings, log)
