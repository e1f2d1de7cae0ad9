"""A dense model learns the order that hybrid search gives to a query's best candidates."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import Corpus
from train.config import OFFLINE_MODEL, TrainingConfig

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CANDIDATES = 4
"""Best of the hybrid ranking, whose order is learnt."""
LEARNING_RATE = 2e-5
BATCH_SIZE = 16


def distil_fusion(
    model: SentenceTransformer,
    queries: Sequence[str],
    corpus: Corpus,
    config: TrainingConfig,
    settings: Settings,
) -> None:
    """Train the model in place, one epoch, on the base model's hybrid scores; no judgment is looked at.

    The loss is the KL divergence between the candidates' softmax by hybrid score (a mixture of
    standard scores) and by cosine similarity times config.scale.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.losses import DistillKLDivLoss
    from sentence_transformers.util import pairwise_cos_sim

    engine = SearchEngine(corpus, settings)
    engine.add_model(OFFLINE_MODEL)
    rankings = engine.rank(queries, CANDIDATES, model=OFFLINE_MODEL, mode="hybrid")
    texts = [[corpus.by_id[id_].encoded for id_ in ranking.ids] for ranking in rankings]
    columns = {f"document_{place}": [row[place] for row in texts] for place in range(CANDIDATES)}
    labels = [ranking.scores.tolist() for ranking in rankings]
    model.max_seq_length = config.max_length
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            num_train_epochs=1,
            per_device_train_batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            warmup_steps=config.warmup_steps,
            seed=config.seed,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict({"query": list(queries), **columns, "label": labels}),
            loss=DistillKLDivLoss(model, lambda a, b: config.scale * pairwise_cos_sim(a, b)),
        ).train()
    model.eval()
