"""Figures hold what reports and runs say, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from search_core.types import Document
from tests.train.run_folder import BEFORE, LOSSES, build_run
from tests.ui.boards import HOSTILE, hostile, measured, stored, three, two
from train.run import Run
from ui.metrics import charts
from ui.metrics.board import board_of
from ui.metrics.board_charts import CHARTS, board_charts, document_counts
from ui.metrics.training_record import TrainingRecord


@pytest.fixture
def record(tmp_path: Path) -> TrainingRecord:
    (tmp_path / "model").mkdir()
    folder = build_run(tmp_path / "run", model=tmp_path / "model")
    found = TrainingRecord.of(Run("run", folder))
    assert found is not None
    return found


def traces(figure: go.Figure) -> list[dict[str, Any]]:
    """As a browser gets them."""
    return list(json.loads(figure.to_json())["data"])


def test_bars_are_the_means_and_whiskers_reach_the_intervals() -> None:
    board = two()
    base, tuned = traces(charts.metric_bars(board))
    assert (base["name"], tuned["name"]) == ("minilm", "studio")
    assert base["y"] == [board.report.metrics[name] for name in ("ndcg@10", "mrr@10", "recall@10", "map")]
    low, high = board.others[0].ci95["ndcg@10"]
    assert tuned["y"][0] + tuned["error_y"]["array"][0] == pytest.approx(high)
    assert tuned["y"][0] - tuned["error_y"]["arrayminus"][0] == pytest.approx(low)
    assert tuned["marker"]["color"] == charts.SERIES[1]


def test_recall_is_drawn_at_six_cut_offs_with_a_symbol_for_each_report() -> None:
    base, tuned, _ = traces(charts.recall_curve(three()))
    assert base["x"] == ["1", "5", "10", "20", "50", "100"]
    assert tuned["y"] == [7 / 8, 1, 1, 1, 1, 1]
    assert base["marker"]["symbol"] != tuned["marker"]["symbol"]


def test_the_gain_is_in_per_cent_of_the_baseline() -> None:
    tuned, keywords = traces(charts.relative_gain(three()))
    assert tuned["y"] == [pytest.approx(250), 0, 0, 0, 0, 0]  # from 2 of 8 to 7 of 8
    assert keywords["y"] == [0] * 6
    assert tuned["text"][0] == "+250%"


def test_published_models_stand_beside_the_mean_of_all_reciprocal_ranks() -> None:
    reports = [measured(BEFORE, name, split="test") for name in ("minilm", "studio")]
    board = board_of(*(stored(str(report.model), report) for report in reports))
    drawn = {
        trace["name"]: trace["x"][-1] for trace in traces(charts.published_lines(board, board.published))
    }
    assert drawn["CodeBERT"] == 0.647
    assert drawn["minilm"] == pytest.approx(0.625)


def test_loss_is_drawn_step_by_step_and_as_the_mean_of_each_epoch(record: TrainingRecord) -> None:
    steps, means, rate = traces(charts.loss_curve(record))
    assert steps["y"] == list(LOSSES)  # where it was not finite there is a gap
    assert means["x"] == [1, 3, None, 4, 6, None]
    assert means["y"] == [2.25, 2.25, None, 1.0, 1.0, None]  # (2.5 + 2.0) / 2, (1.0 + 1.5 + 0.5) / 3
    assert rate["y"] == [1e-4] * 6
    assert rate["yaxis"] == "y2"


def test_documents_are_counted_by_language_then_kind_then_length() -> None:
    def documents(*given: dict[str, Any]) -> list[Document]:
        return [Document(id=str(row), **{"text": "x", "encoded": "x"} | one) for row, one in enumerate(given)]

    go_, python = {"language": "go", "kind": "method"}, {"language": "python", "kind": "function"}
    assert document_counts(documents(go_, python, python)) == {"python": 2, "go": 1}
    assert document_counts(documents(python, python)) == {"function": 2}
    lengths = document_counts(documents({}, {"text": "\n" * 5}, {"text": "\n" * 200}))
    assert list(lengths.values()) == [1, 1, 0, 0, 0, 1]


def test_a_board_without_training_or_published_figures_has_no_such_charts() -> None:
    shown = board_charts(two(), None, None)
    assert list(shown) == list(CHARTS)
    assert [name for name, chart in shown.items() if chart.figure is None] == [
        "published",
        "documents",
        "loss",
    ]


def test_names_are_shown_as_they_are() -> None:
    (trace, _) = traces(charts.metric_bars(hostile()))
    assert "<" not in trace["name"]
    assert trace["name"].startswith("&lt;img src=x onerror=&#x27;window.__x=1&#x27;&gt;")
    assert HOSTILE not in charts.metric_bars(hostile()).to_json()


def test_no_colour_of_a_chart_is_missing_in_the_style_sheet() -> None:
    style = Path("ui/styles/panels.css").read_text("utf-8")
    for colour in charts.SERIES:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        for property in ("fill", "stroke"):
            assert f'[style*="{property}: rgb({red}, {green}, {blue})"]' in style
