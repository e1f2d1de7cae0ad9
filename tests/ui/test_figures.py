"""Tiles and tables say the figures of reports, how sure they are, and nothing that could run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import Markup

from search_core.settings import Settings
from tests.train.run_folder import AFTER, BEFORE, build_run
from tests.ui.boards import hostile, measured, stored, three, two
from train.run import PAIRS, Run
from ui.metrics import figures
from ui.metrics.board import Board, board_of
from ui.metrics.states import View, queries_panel
from ui.metrics.training_record import TrainingRecord, training_of


def words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


def rows(markup: Markup) -> list[str]:
    return [words(row) for row in re.findall(r"<tr[^>]*>.*?</tr>", markup)]


def test_a_tile_says_figure_change_and_interval() -> None:
    said = words(figures.tiles(two(), 0))
    assert "MRR@10 0.938 +50.0% from 0.625" in said  # (7 + 1 / 2) / 8 after (2 + 6 / 2) / 8
    assert "Queries better · equal · worse 5 · 3 · 0 of 8, by nDCG@10" in said


def test_the_table_has_all_figures_with_interval_and_p() -> None:
    (_, group, *lines) = rows(figures.figures_table(two()))
    assert group == "studio against minilm"
    assert [line.split()[0] for line in lines[:3]] == ["nDCG@10", "MRR@10", "MAP"]
    assert len(lines) == 10
    recall = next(line for line in lines if line.startswith("Recall@1 "))
    assert recall.startswith("Recall@1 0.2500 0.8750 +0.6250 +250.0%")
    assert re.search(r"\+0\.\d{4} to \+0\.\d{4} 0\.0\d\d$", recall)


def test_p_values_are_said_not_to_be_corrected() -> None:
    assert "not corrected for the number of metrics" in words(figures.figures_table(two()))
    assert "not corrected for the number of metrics or of models" in words(figures.figures_table(three()))


def test_a_change_is_coloured_only_where_its_interval_leaves_out_zero() -> None:
    better = two().comparisons[0].metrics["recall@1"]
    assert figures.tone(better) == "up"
    assert figures.tone(better, lower_is_better=True) == "down"
    assert figures.tone(replace(better, ci95=(-0.1, 0.2))) == ""


@pytest.mark.parametrize(("derived", "said"), [(True, "not judged by people"), (False, "content protocol")])
def test_derived_qrels_are_always_said_to_be_derived(derived: bool, said: str) -> None:
    reports = [measured(BEFORE, name, derived_qrels=derived) for name in ("minilm", "studio")]
    about = words(figures.judged_on(board_of(*(stored(str(one.model), one) for one in reports))))
    assert said in about
    assert ("derived" in about) is derived


def test_every_report_says_where_and_when_it_was_measured() -> None:
    last = rows(figures.measured_panel(two()))[-1]
    assert last.startswith("studio 2026-11-25 09:31 UTC vectors were there")
    assert last.endswith("openvino f32, A processor, 2 cores, Python 3.12.1")


def test_training_is_told_with_the_pairs_that_were_left_out_and_why(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    run = Run("one", build_run(tmp_path / "run", model=tmp_path / "model"))
    counts = '{"rows": 640, "empty": 0, "duplicate": 51, "zero_scored": 60}'
    (run.folder / PAIRS).write_text(
        f'{{"source": "judged", "training": 529, "development": 0, "counts": {counts}}}'
    )
    record = TrainingRecord.of(run)
    assert record is not None
    assert record.pair_counts() == [
        ("learnt from", 529), ("left out: judged irrelevant", 60), ("left out: there already", 51)
    ]  # fmt: skip
    said = words(figures.training_panel(record))
    assert "run one base model minilm" in said
    assert "steps 6 time 31 s device cpu final loss 0.5" in said


@pytest.mark.parametrize("file", ["training_info.json", PAIRS])
def test_a_run_whose_files_lack_something_has_no_record(tmp_path: Path, file: str) -> None:
    (tmp_path / "model").mkdir()
    run = Run("one", build_run(tmp_path / "run", model=tmp_path / "model"))
    (run.folder / file).write_text("{}")
    assert TrainingRecord.of(run) is None


def test_the_shipped_adapter_has_the_real_losses_of_its_training(tmp_path: Path) -> None:
    found = training_of(stored("studio", measured(AFTER, "studio")), Settings(workspace=tmp_path))
    assert found is not None and len(found.steps) == found.info["total_steps"]
    assert found.steps[-1]["loss"] == found.info["final_loss"]
    assert found.pairs is not None and found.pairs["training"] == found.info["training_pairs"]


def test_a_model_folder_that_says_how_it_was_trained_is_believed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    settings, silent = Settings(workspace=tmp_path), stored("x", measured(AFTER, str(tmp_path / "model")))
    telling = build_run(tmp_path / "downloaded", model=tmp_path / "model")
    found = training_of(stored("y", measured(AFTER, str(telling))), settings)
    assert found is not None and found.run_id == "downloaded"
    assert training_of(silent, settings) is None


def test_only_a_model_that_was_trained_has_a_record(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    run = Run("one", build_run(tmp_path / "run", model=tmp_path / "model"))
    before, after = (
        replace(stored(phase, measured(AFTER)), run=run, phase=phase) for phase in ("before", "after")
    )
    settings = Settings(workspace=tmp_path)
    assert training_of(before, settings) is None
    assert training_of(stored("minilm", measured(AFTER, "minilm")), settings) is None
    found = training_of(after, settings)
    assert found is not None
    assert found.run_id == "one"


def everything(board: Board) -> Markup:
    view = View(board.ids)
    parts = [
        figures.judged_on(board),
        figures.versus(board, 0),
        figures.tiles(board, 0),
        figures.figures_table(board),
        figures.measured_panel(board),
        queries_panel(board, view, [board.report.corpus], ["minilm"]),
    ]
    return Markup("").join(parts)


def test_hostile_models_and_queries_are_text() -> None:
    markup = everything(hostile())
    assert "<img" not in markup
    assert "</script" not in markup
    assert "&lt;img src=x onerror=" in markup
    markup.encode()  # halves of surrogate pairs are spelled out
    assert "⟨U+D800⟩" in markup
