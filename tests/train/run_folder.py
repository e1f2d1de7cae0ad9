"""A finished run's folder with figures that can be worked out by hand, as the trainer would leave it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search_core.evaluation import Report, Timing, compare, score_rankings, write_report
from search_core.types import Corpus, Document, JudgedCorpus
from train.config import defaults
from train.events import (
    CheckpointEvent,
    EvaluationEvent,
    EventLog,
    FinishEvent,
    QueuedEvent,
    StartEvent,
    StepEvent,
)
from train.run import CONFIG, PAIRS

COSQA = "dataset:CoIR-Retrieval/cosqa"
QUERIES = ["read a file", "sort a list"] * 4
SECOND = 1 / math.log2(3)
"""nDCG@10 of a query whose one relevant document comes second; it is 1 where it comes first."""
BEFORE, AFTER = (1, 1, 2, 2, 2, 2, 2, 2), (1, 1, 1, 1, 1, 1, 1, 2)
"""Rank of each query's relevant document."""
LOSSES = (2.5, 2.0, None, 1.0, 1.5, 0.5)


def build_run(folder: Path, *, model: Path, corpus: str = COSQA, base_model: str = "minilm") -> Path:
    """A run that trained six steps. model: what it made, a folder that is copied."""
    shutil.copytree(model, folder)
    config = defaults(corpus, base_model, on_gpu=False)
    folder.joinpath(CONFIG).write_text(config.to_json())
    pairs = {"source": "judged", "training": 529, "development": 0, "counts": {"rows": 529}}
    _write_json(folder / PAIRS, pairs)
    folder.joinpath("log.txt").write_text(f"trained in {folder}")
    folder.joinpath("checkpoints/6").mkdir(parents=True)
    folder.joinpath("checkpoints/6/model.safetensors").write_bytes(b"a checkpoint")
    _write_events(folder, corpus)
    before, after = report(corpus, BEFORE, base_model), report(corpus, AFTER, str(folder))
    write_report(before, folder / "reports/before.json")
    write_report(after, folder / "reports/after.json")
    _write_json(
        folder / "comparison.json", compare(before, after, "a.json", str(folder / "b.json")).as_dict()
    )
    guarded = report("stdlib", BEFORE, base_model), report("stdlib", BEFORE, str(folder))
    guard = {
        "corpus": "stdlib",
        "before": dict(guarded[0].metrics),
        "after": dict(guarded[1].metrics),
        "comparison": compare(*guarded).as_dict(),
    }
    _write_json(folder / "guard.json", {"corpora": [guard], "reason": None})
    _write_json(
        folder / "training_info.json",
        {
            "base_model": base_model,
            "method": config.method,
            "training_pairs": 529,
            "batch_size": config.batch_size,
            "num_epochs": config.epochs,
            "total_steps": len(LOSSES),
            "kept_step": 6,
            "learning_rate": config.learning_rate,
            "warmup_steps": config.warmup_steps,
            "seed": config.seed,
            "training_time_s": 31.4,
            "device": "cpu",
            "final_loss": LOSSES[-1],
            "baseline_metrics": dict(before.metrics),
            "finetuned_metrics": dict(after.metrics),
        },
    )
    return folder


def report(corpus: str, ranks: Sequence[int], model: str) -> Report:
    """Of queries whose one relevant document has these ranks, from 1, among two."""
    documents = tuple(Document(id=name, text=name, encoded=name) for name in ("d0", "d1"))
    names = [f"q{row}" for row in range(len(ranks))]
    judged = JudgedCorpus(
        corpus=Corpus(spec=corpus, documents=documents),
        split="valid",
        protocol="content",
        queries=dict(zip(names, QUERIES, strict=True)),
        qrels=dict.fromkeys(names, frozenset({"d0"})),
        derived=not corpus.startswith("dataset:"),
    )
    return score_rankings(
        judged,
        [["d0", "d1"] if rank == 1 else ["d1", "d0"] for rank in ranks],
        model=model,
        model_fingerprint="0" * 64,
        mode="dense",
        timing=Timing(),
        environment={"versions": {"torch": "2.13.0"}},
    )


def _write_events(folder: Path, corpus: str) -> None:
    log = EventLog(folder / "events.jsonl")
    log.append(QueuedEvent(device="cpu", pid=4321, process_started=1.0))
    log.append(StartEvent())
    log.append(EvaluationEvent(phase="before", corpus=corpus, split="valid", metrics={"ndcg@10": 0.6}))
    for step, loss in enumerate(LOSSES, start=1):
        log.append(StepEvent(step=step, epoch=step / 3, loss=loss, learning_rate=1e-4, pairs_per_s=20.0))
        if step % 3 == 0:
            metrics = {"loss": 2 - step / 10}
            log.append(
                EvaluationEvent(
                    phase="during", corpus=corpus, split="development", metrics=metrics, step=step
                )
            )
    log.append(CheckpointEvent(step=6, path=f"{folder}/checkpoints/6"))
    log.append(FinishEvent())


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))
