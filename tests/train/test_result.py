"""What a run leaves: a model, and what it is worth."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from search_core.corpus import load_judged
from search_core.evaluation import read_report
from search_core.settings import Settings
from search_core.types import Corpus, Document, JudgedCorpus, StudioError
from tests.train.tuning import PAIRS, recipe, tiny
from train import result
from train.adapter import add_lora
from train.config import TrainingConfig
from train.events import EvaluationEvent, Event, EventLog, QueuedEvent, StartEvent, StepEvent
from train.trainer import Outcome, load_trainable

OUTCOME = Outcome(total_steps=8, best_step=6, stopped=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace", backend="torch", device="cpu", threads=1)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny(tmp_path, prompts={"query": "ask: "})


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "run-1"
    folder.mkdir()
    return folder


def code_folder(parent: Path) -> Path:
    """Thirty modules, three of which are `valid`, more or less."""
    code = parent / "code"
    code.mkdir()
    for number in range(30):
        source = (
            f'def work_{number}(x):\n    """Do the work number {number} well."""\n    return x + {number}\n'
        )
        (code / f"module_{number}.py").write_text(source)
    return code


def config(base: Path, corpus: Path, **given) -> TrainingConfig:
    return recipe(base, **{"guard": False} | given).__class__(
        **{**recipe(base, **{"guard": False} | given).__dict__, "corpus": f"dataset:{corpus}"}
    )


def tell_steps(run_folder: Path) -> None:
    """Two processes of a run: three steps, of which the last is lost, and two."""
    log = EventLog(run_folder / "events.jsonl")
    for resumed_from, ends in ((None, (10.0, 11.0, 12.0)), (2, (100.0, 101.5))):
        log.append(QueuedEvent(t=ends[0] - 5, device="cpu", pid=1, process_started=1.0))
        log.append(StartEvent(t=ends[0] - 4, resumed_from=resumed_from))
        for step, end in enumerate(ends, start=1 + (resumed_from or 0)):
            log.append(
                StepEvent(t=end, step=step, epoch=step / 4, loss=1 / step, learning_rate=1.0, pairs_per_s=4.0)
            )


def first_weight(model: SentenceTransformer) -> torch.Tensor:
    return next(model.parameters()).data


@pytest.mark.parametrize(("base_weight", "expected"), [(0.0, 1.0), (0.5, 0.5), (0.75, 0.25)])
def test_weights_are_averaged_with_the_bases(
    base: Path, run_folder: Path, settings: Settings, base_weight: float, expected: float
) -> None:
    model = load_trainable(str(base), settings)
    before = first_weight(model).clone()
    first_weight(model).add_(1)
    result.save_model(run_folder, model, recipe(base, base_weight=base_weight), settings)
    after = first_weight(SentenceTransformer(str(run_folder), device="cpu"))
    assert torch.allclose(after - before, torch.full_like(before, expected), atol=1e-6)


def test_the_folder_loads_with_plain_sentence_transformers_prompts_and_length_as_they_were(
    base: Path, run_folder: Path, settings: Settings
) -> None:
    result.save_model(run_folder, load_trainable(str(base), settings), recipe(base, max_length=8), settings)
    model = SentenceTransformer(str(run_folder), device="cpu", local_files_only=True)
    assert model.prompts["query"] == "ask: "
    assert model.max_seq_length == 64
    text = "open a file"
    assert model.encode(text).tolist() == SentenceTransformer(str(base), device="cpu").encode(text).tolist()
    assert not [path.name for path in run_folder.rglob("*") if path.suffix in (".bin", ".pt")]


def test_weights_that_are_no_numbers_are_not_saved(base: Path, run_folder: Path, settings: Settings) -> None:
    model = load_trainable(str(base), settings)
    first_weight(model)[0] = float("nan")
    with pytest.raises(StudioError, match="no longer finite"):
        result.save_model(run_folder, model, recipe(base), settings)
    assert list(run_folder.iterdir()) == []


def test_lora_is_merged_and_its_adapter_kept_beside_the_model(
    base: Path, run_folder: Path, settings: Settings
) -> None:
    model = load_trainable(str(base), settings)
    add_lora(model, rank=2)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.fill_(0.0625)
    result.save_model(run_folder, model, recipe(base, method="lora", base_weight=0.0), settings)
    whole = SentenceTransformer(str(run_folder), device="cpu")
    from search_core.encoder import model_folder

    rebuilt = SentenceTransformer(str(model_folder(str(run_folder / "adapter"), settings)), device="cpu")
    texts = [pair.positive for pair in PAIRS[:3]]
    assert torch.allclose(
        *(
            torch.tensor(one.encode(texts))
            for one in (
                whole,
                rebuilt,
            )
        ),
        atol=1e-6,
    )
    changed = whole.transformers_model.get_submodule("encoder.layer.0.attention.self.query").weight.data
    expected = (
        load_trainable(str(base), settings)
        .transformers_model.get_submodule("encoder.layer.0.attention.self.query")
        .weight.data
        + 2 * 0.0625**2
    )
    assert torch.allclose(changed, expected, atol=1e-6)


def test_a_finished_run_holds_reports_a_comparison_and_its_figures(
    base: Path, run_folder: Path, settings: Settings, small_dataset: Path
) -> None:
    told: list[Event] = []
    given = config(base, small_dataset)
    result.measure_before(run_folder, given, settings, told.append)
    model = load_trainable(str(base), settings)
    first_weight(model).mul_(1.1)
    tell_steps(run_folder)
    result.finish(run_folder, model, OUTCOME, 12, given, settings, told.append)
    before, after = (read_report(run_folder / f"reports/{one}.json") for one in ("before", "after"))
    assert (before.model, after.model) == (str(base), "run-1")
    assert before.split == after.split == "valid"
    comparison = json.loads((run_folder / "comparison.json").read_text())
    assert comparison["metrics"]["ndcg@10"]["a"] == before.metrics["ndcg@10"]
    assert comparison["metrics"]["ndcg@10"]["b"] == after.metrics["ndcg@10"]
    assert json.loads((run_folder / "training_info.json").read_text()) == {
        "base_model": str(base),
        "method": "full",
        "training_pairs": 12,
        "batch_size": 4,
        "num_epochs": 2,
        "total_steps": 8,
        "kept_step": 6,
        "learning_rate": 1e-3,
        "warmup_steps": 0.1,
        "seed": 42,
        "training_time_s": (1 + 1) + (1 + 1.5),  # a batch of 4 at 4 pairs a second, then until the next end
        "device": "cpu",
        "final_loss": 1 / 4,
        "baseline_metrics": dict(before.metrics),
        "finetuned_metrics": dict(after.metrics),
    }
    assert [(one.phase, one.metrics) for one in told if isinstance(one, EvaluationEvent)] == [
        ("before", before.metrics),
        ("after", after.metrics),
    ]
    assert not (run_folder / "guard.json").exists()


def test_with_nothing_left_to_train_the_figures_are_those_of_the_processes_before(
    base: Path, run_folder: Path, settings: Settings, small_dataset: Path
) -> None:
    given = config(base, small_dataset)
    tell_steps(run_folder)
    log = EventLog(run_folder / "events.jsonl")
    log.append(QueuedEvent(device="cpu", pid=1, process_started=1.0))
    log.append(StartEvent(resumed_from=4))
    result.measure_before(run_folder, given, settings, log.append)
    result.finish(run_folder, load_trainable(str(base), settings), OUTCOME, 12, given, settings, log.append)
    info = json.loads((run_folder / "training_info.json").read_text())
    assert (info["training_time_s"], info["final_loss"]) == (4.5, 0.25)


def test_a_corpus_that_changes_meanwhile_is_judged_as_it_was_when_the_run_began(
    base: Path, run_folder: Path, settings: Settings, tmp_path: Path
) -> None:
    code = code_folder(tmp_path)
    given = replace(recipe(base, guard=False), corpus=str(code))
    result.measure_before(run_folder, given, settings, lambda _: None)
    for module in code.glob("*.py"):
        module.write_text(module.read_text() + '\n\ndef late(x):\n    """Come too late."""\n    return -x\n')
    result.finish(
        run_folder, load_trainable(str(base), settings), OUTCOME, 12, given, settings, lambda _: None
    )
    comparison = json.loads((run_folder / "comparison.json").read_text())
    assert comparison["metrics"]["ndcg@10"]["absolute"] == 0  # the model is its base


def test_a_resumed_run_keeps_its_report_from_before(
    base: Path, run_folder: Path, settings: Settings, small_dataset: Path
) -> None:
    given = config(base, small_dataset)
    for _ in range(2):
        told: list[Event] = []
        result.measure_before(run_folder, given, settings, told.append)
    assert told == []


def test_the_guard_compares_on_a_corpus_that_was_not_trained_on(
    base: Path, run_folder: Path, settings: Settings, tmp_path: Path, small_dataset: Path, monkeypatch
) -> None:
    code = code_folder(tmp_path)
    monkeypatch.setattr(result, "GUARD_CORPORA", (str(code),))
    given = config(base, small_dataset, guard=True)
    told: list[Event] = []
    result.measure_before(run_folder, given, settings, told.append)
    result.finish(run_folder, load_trainable(str(base), settings), OUTCOME, 12, given, settings, told.append)
    guard = json.loads((run_folder / "guard.json").read_text())
    (entry,) = guard["corpora"]
    assert guard["reason"] is None
    assert entry["corpus"] == f"{code}, modules of split valid"
    assert entry["before"] == entry["after"]  # the model is its base
    assert entry["comparison"]["metrics"]["ndcg@10"]["absolute"] == 0


def test_a_part_of_what_was_trained_on_is_no_guard(
    base: Path, run_folder: Path, settings: Settings, tmp_path: Path, monkeypatch
) -> None:
    code, more = code_folder(tmp_path), tmp_path / "more"
    more.mkdir()
    (more / "one.py").write_text("def one():\n    return 1\n")
    monkeypatch.setattr(result, "GUARD_CORPORA", (str(code),))
    given = replace(recipe(base), corpus=f"{code} + {more}")
    result.measure_before(run_folder, given, settings, lambda _: None)
    result.finish(
        run_folder, load_trainable(str(base), settings), OUTCOME, 12, given, settings, lambda _: None
    )
    assert json.loads((run_folder / "guard.json").read_text())["corpora"] == []


def test_the_corpus_that_was_trained_on_is_no_guard_and_that_is_said(
    base: Path, run_folder: Path, settings: Settings, small_dataset: Path, monkeypatch
) -> None:
    given = config(base, small_dataset, guard=True)
    monkeypatch.setattr(result, "GUARD_CORPORA", (given.corpus,))
    result.measure_before(run_folder, given, settings, lambda _: None)
    result.finish(
        run_folder, load_trainable(str(base), settings), OUTCOME, 12, given, settings, lambda _: None
    )
    assert json.loads((run_folder / "guard.json").read_text()) == {
        "corpora": [],
        "reason": f"{given.corpus} is what was trained on",
    }


def test_the_guard_ranks_the_held_out_modules_functions_and_what_queries_look_for() -> None:
    # json/decoder.py is in split test, csv.py is not: its tenth is 8.
    documents = [Document("a", "a", "a", path="json/decoder.py"), Document("b", "b", "b", path="csv.py")]
    documents += [Document("c", "c", "c", path="csv.py")]
    judged = JudgedCorpus(
        Corpus("stdlib", tuple(documents)),
        "test",
        "content",
        {"q": "find b"},
        {"q": frozenset({"b"})},
        derived=True,
    )
    assert [one.id for one in result.held_out(judged).corpus.documents] == ["a", "b"]


def test_a_corpus_without_valid_is_refused_before_training(
    base: Path, run_folder: Path, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(StudioError):
        result.measure_before(run_folder, config(base, tmp_path / "missing"), settings, lambda _: None)


def test_the_small_dataset_has_a_valid_split(small_dataset: Path, settings: Settings) -> None:
    assert load_judged(f"dataset:{small_dataset}", "valid", "content", settings).queries
