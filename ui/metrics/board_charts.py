"""Which charts a board has, and what stands above each. No Gradio."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from search_core.types import Corpus, Document
from ui.metrics.board import Board
from ui.metrics.charts import (
    count_bars,
    loss_curve,
    metric_bars,
    published_lines,
    recall_curve,
    relative_gain,
)
from ui.metrics.training_record import TrainingRecord

MOST_SORTS = 6
CHARTS: Mapping[str, tuple[str, str]] = {
    "metrics": ("Primary metrics", "means with 95% intervals over the queries, in the order of the legend"),
    "recall": ("Recall@K", "share of a query's right answers among the first K"),
    "gain": ("Relative gain in Recall@K", "in per cent of the baseline's"),
    "published": ("Beside published models", "same corpus, split, protocol and metric; sources below"),
    "documents": ("Documents", "of the corpus, by language, kind or length"),
    "loss": ("Training loss", "every step, and the mean of each epoch; learning rate on the right"),
}
"""Name to title and note, in the order in which they stand."""
_LENGTHS = (
    ("1–5<br>lines", 1, 5),
    ("6–10", 6, 10),
    ("11–20", 11, 20),
    ("21–50", 21, 50),
    ("51–100", 51, 100),
    ("more", 101, sys.maxsize),
)


class Chart(NamedTuple):
    """What stands above a figure, and the figure: None where there is nothing to show."""

    title: str
    note: str
    figure: go.Figure | None


def board_charts(board: Board, corpus: Corpus | None, record: TrainingRecord | None) -> dict[str, Chart]:
    """Every chart of a board by its name, in the order in which they stand.

    corpus: what was searched, None where it is not at hand. record: of the model in view.
    """
    published = [one for one in board.published if one.metric == board.published[0].metric]
    counts = document_counts(corpus.documents) if corpus else {}
    return {
        name: Chart(title, note, figure)
        for (name, (title, note)), figure in zip(
            CHARTS.items(),
            (
                metric_bars(board),
                recall_curve(board),
                relative_gain(board),
                published_lines(board, published) if published else None,
                count_bars(counts) if counts else None,
                loss_curve(record) if record else None,
            ),
            strict=True,
        )
    }


def document_counts(documents: Sequence[Document]) -> dict[str, int]:
    """How many there are of each language; where that is one, of each kind; without kinds, by length."""
    languages = Counter(document.language for document in documents if document.language)
    kinds = Counter(document.kind for document in documents if document.kind)
    sorts: Counter[str] = languages if len(languages) > 1 else Counter({str(k): n for k, n in kinds.items()})
    if sorts:
        named, rest = sorts.most_common(MOST_SORTS), sum(sorts.values())
        others = rest - sum(count for _, count in named)
        return dict(named) | ({"others": others} if others else {})
    lines = [document.text.count("\n") + 1 for document in documents]
    return {words: sum(low <= count <= high for count in lines) for words, low, high in _LENGTHS}
