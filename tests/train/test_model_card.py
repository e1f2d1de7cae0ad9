"""The model card: what a finished run says about its model, to people and to machines."""

from __future__ import annotations

import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from PIL import Image

from search_core.types import StudioError
from tests.train.run_folder import AFTER, BEFORE, LOSSES, SECOND, build_run
from train.__main__ import build_parser
from train.config import TrainingConfig, defaults
from train.loss_picture import loss_picture
from train.model_card import model_card
from train.options import FIELDS
from train.run import CONFIG

BASE = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Cards say nothing of the weights."""
    folder = tmp_path / "model"
    folder.mkdir()
    return folder


@pytest.fixture
def run(tmp_path: Path, model: Path) -> Path:
    return build_run(tmp_path / "run", model=model)


def metadata(card: str) -> ModelCardData:
    """As the Hub's own library reads them."""
    data = ModelCard(card).data
    assert isinstance(data, ModelCardData)
    return data


def results(data: ModelCardData) -> list[EvalResult]:
    assert data.eval_results is not None
    return data.eval_results


def arguments(result: EvalResult) -> dict[str, Any]:
    assert result.metric_args is not None
    return result.metric_args


def mean_ndcg(ranks: tuple[int, ...]) -> float:
    return sum(1 if rank == 1 else SECOND for rank in ranks) / len(ranks)


def test_the_front_matter_names_base_data_licence_and_task(run: Path) -> None:
    data = metadata(model_card(run, "alice/code-finder"))
    assert data.base_model == BASE
    assert data.license == "apache-2.0"  # of the base
    assert data.datasets == ["CoIR-Retrieval/cosqa"]
    assert data.library_name == "sentence-transformers"
    assert data.pipeline_tag == "sentence-similarity"
    assert {"code-search", "dataset_size:529"} <= set(data.tags or ())


def test_the_model_index_holds_each_metric_with_the_base_models_beside_it(run: Path) -> None:
    data = metadata(model_card(run, "alice/code-finder"))
    (ndcg,) = [one for one in results(data) if is_headline(one, "CoIR-Retrieval/cosqa")]
    assert data.model_name == "code-finder"
    assert ndcg.dataset_split == "valid"
    assert ndcg.dataset_args == {
        "protocol": "content",
        "mode": "dense",
        "derived_qrels": False,
        "documents": 2,
        "queries": 8,
    }
    assert ndcg.metric_value == pytest.approx(mean_ndcg(AFTER), abs=1e-6)
    assert arguments(ndcg)["base_model"] == pytest.approx(mean_ndcg(BEFORE), abs=1e-6)
    assert arguments(ndcg)["difference"] == pytest.approx(5 * (1 - SECOND) / 8, abs=1e-6)
    low, high = arguments(ndcg)["ci95"]
    assert low < 5 * (1 - SECOND) / 8 < high
    assert 0 < arguments(ndcg)["p_value"] <= 1


def test_the_guard_is_in_the_model_index_as_a_data_set_of_its_own(run: Path) -> None:
    data = metadata(model_card(run, "alice/code-finder"))
    (ndcg,) = [one for one in results(data) if is_headline(one, "stdlib")]
    assert ndcg.dataset_args == {"trained_on": False}
    assert arguments(ndcg)["difference"] == 0


def is_headline(result: EvalResult, dataset: str) -> bool:
    return (result.dataset_type, result.metric_type) == (dataset, "ndcg@10")


def test_the_table_shows_before_after_difference_interval_and_p(run: Path) -> None:
    text = ModelCard(model_card(run, "alice/code-finder")).text
    (row,) = [line for line in text.splitlines() if line.startswith("| nDCG@10 |")]
    before, after, difference, interval, p_value = (cell.strip() for cell in row.split("|")[2:-1])
    assert before == f"{mean_ndcg(BEFORE):.4f}"
    assert after == f"{mean_ndcg(AFTER):.4f}"
    assert difference == f"+{5 * (1 - SECOND) / 8:.4f}"
    low, high = (float(end) for end in interval.strip("[]").split(", "))
    assert low < 5 * (1 - SECOND) / 8 < high
    # of the 32 ways to flip the five queries that moved, two are as extreme: all up, and all down
    assert float(p_value) == pytest.approx(2 / 32, abs=0.01)
    assert "5 queries are better than before, 0 worse and 3 equal" in text


def test_a_difference_that_may_be_chance_is_not_called_a_gain(run: Path) -> None:
    assert "no significant difference" in model_card(run, "alice/code-finder")
    assert "a significant gain" not in model_card(run, "alice/code-finder")


def test_a_run_without_a_guard_says_that_nothing_was_measured(run: Path) -> None:
    run.joinpath("guard.json").unlink()
    assert re.search("Not measured.*: switched off with --no-guard", model_card(run, "alice/code-finder"))


def test_a_guard_that_had_nothing_to_measure_says_why(run: Path) -> None:
    run.joinpath("guard.json").write_text('{"corpora": [], "reason": "stdlib is what was trained on"}')
    assert re.search("Not measured.*: stdlib is what was trained on", model_card(run, "alice/code-finder"))


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"development": 0.2, "judgments": True, "gradient_checkpointing": True, "guard": False},
        {"method": "lora", "lora_rank": 4, "hard_negatives": 2, "mini_batch_size": 8, "seed": 7},
    ],
)
def test_the_command_on_the_card_makes_the_same_configuration(run: Path, chosen: dict[str, Any]) -> None:
    config = replace(TrainingConfig.read(run / CONFIG), **chosen)
    (run / CONFIG).write_text(config.to_json())
    text = model_card(run, "alice/code-finder")
    (line,) = [line for line in text.splitlines() if line.startswith("python -m train run")]
    args = build_parser().parse_args(shlex.split(line)[3:])
    given = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    made = defaults(on_gpu=False, **given)
    assert (made.corpus, made.base_model) == ("dataset:CoIR-Retrieval/cosqa", BASE)
    assert replace(made, base_model="minilm", recipe_batch_size=config.recipe_batch_size) == config


def test_the_card_says_how_many_marks_were_learnt_from(run: Path) -> None:
    counts = {"rows": 529, "marked_right": 12, "marked_wrong": 3, "labelled_negatives": 2}
    (run / "pairs.json").write_text(json.dumps({"training": 529, "development": 0, "counts": counts}))
    assert "12 results as right, 3 as wrong" in model_card(run, "alice/code-finder")


def test_a_card_says_nothing_of_marks_where_none_were_learnt_from(run: Path) -> None:
    assert "marked" not in model_card(run, "alice/code-finder")


def test_folders_of_this_machine_are_not_on_the_card(tmp_path: Path, model: Path) -> None:
    corpus = f"dataset:{tmp_path}/secrets/queries"
    run = build_run(tmp_path / "run", model=model, corpus=corpus, base_model=f"{tmp_path}/own/base")
    card = model_card(run, "alice/code-finder")
    assert str(tmp_path) not in card
    assert "`dataset:queries`" in card
    data = metadata(card)
    assert (data.base_model, data.datasets, data.license) == (None, None, None)


def test_names_cannot_break_out_of_the_cards_layout(tmp_path: Path, model: Path) -> None:
    run = build_run(tmp_path / "run", model=model, corpus=f"{tmp_path}/a`b|<img src=x>\nc")
    card = model_card(run, "alice/code-finder")
    assert "`a'b'<img src=x>'c`" in card


def test_an_adapter_is_loaded_on_top_of_its_base(run: Path) -> None:
    card = model_card(run, "alice/code-finder", "adapter")
    assert f'SentenceTransformer("{BASE}")' in card
    assert 'model.load_adapter("alice/code-finder")' in card
    assert metadata(card).library_name == "peft"
    assert metadata(card).get("base_model_relation") == "adapter"


def test_an_adapter_on_a_base_that_nobody_else_has_is_refused(tmp_path: Path, model: Path) -> None:
    run = build_run(tmp_path / "run", model=model, base_model=f"{tmp_path}/own/base")
    with pytest.raises(StudioError, match="base, a model that others cannot load from the Hub: publish the"):
        model_card(run, "alice/code-finder", "adapter")


def test_a_run_based_on_studio_names_studio_and_not_the_model_that_it_was_made_from(
    tmp_path: Path, model: Path
) -> None:
    run = build_run(tmp_path / "run", model=model, base_model="studio")
    card = model_card(run, "alice/code-finder")
    assert "MiniLM" not in card and "--base-model studio" in card
    assert metadata(card).base_model is None
    with pytest.raises(StudioError, match=r"is for studio, .*: publish the merged model"):
        model_card(run, "alice/code-finder", "adapter")


def test_a_folder_that_is_no_finished_run_is_named_with_what_it_lacks(run: Path) -> None:
    run.joinpath("reports/after.json").unlink()
    run.joinpath("training_info.json").unlink()
    with pytest.raises(StudioError, match=r"lacks training_info\.json, reports/after\.json"):
        model_card(run, "alice/code-finder")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("training_info.json", "{}"),
        ("comparison.json", '{"metrics": {}}'),
        ("comparison.json", "half"),
        ("guard.json", '{"corpora": [{"corpus": "stdlib"}], "reason": null}'),
        ("events.jsonl", '{"t": 1, "type": "queued"}\n'),
    ],
)
def test_a_damaged_part_is_named(run: Path, file: str, content: str) -> None:
    run.joinpath(file).write_text(content)
    with pytest.raises(StudioError, match=file):
        model_card(run, "alice/code-finder")


def steps(losses: tuple[float | None, ...]) -> list[dict[str, object]]:
    return [{"type": "step", "step": step, "loss": loss} for step, loss in enumerate(losses, start=1)]


def coloured_pixels(picture: bytes, colour: tuple[int, int, int]) -> int:
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    return int((np.abs(pixels - colour).sum(axis=-1) < 60).sum())


def test_the_picture_shows_the_loss_in_training_and_on_the_development_pairs() -> None:
    blue, orange = (0x25, 0x63, 0xEB), (0xC2, 0x41, 0x0C)
    measured = {"type": "evaluation", "phase": "during", "split": "development", "metrics": {"loss": 1.0}}
    plain = loss_picture(steps(LOSSES))
    assert plain.startswith(b"\x89PNG")
    assert coloured_pixels(plain, blue) > 500
    assert coloured_pixels(plain, orange) == 0
    with_points = loss_picture([*steps(LOSSES), measured | {"step": 3}, measured | {"step": 6}])
    assert coloured_pixels(with_points, orange) > 100


def test_a_development_loss_that_was_no_number_is_a_gap_in_the_picture() -> None:
    measured = {"type": "evaluation", "phase": "during", "split": "development"}
    gap = measured | {"step": 3, "metrics": {"loss": None}}
    found = measured | {"step": 6, "metrics": {"loss": 1.0}}
    assert coloured_pixels(loss_picture([*steps(LOSSES), gap, found]), (0xC2, 0x41, 0x0C)) > 100


def test_the_same_events_give_the_same_picture() -> None:
    assert loss_picture(steps(LOSSES)) == loss_picture(steps(LOSSES))
