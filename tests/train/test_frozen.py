"""What a run read when it began is what it goes on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search_core.corpus import load_judged
from search_core.settings import Settings
from search_core.types import StudioError
from tests.train.tuning import PAIRS, pair, recipe
from train import pipeline
from train.config import TrainingConfig
from train.frozen import read_judged, read_pairs, write_judged, write_pairs
from train.run import FROZEN_PAIRS, Run
from train.stop import Stop


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace", device="cpu", backend="torch", threads=1)


def begun(folder: Path, config: TrainingConfig) -> Run:
    folder.mkdir()
    (folder / "training_config.json").write_text(config.to_json())
    return Run(folder.name, folder)


def test_pairs_are_read_as_they_were_written(tmp_path: Path) -> None:
    training, development = [pair("a\ud800 query", "text", "no", "nor this"), *PAIRS[:3]], PAIRS[3:5]
    write_pairs(tmp_path / "pairs", training, development)
    assert read_pairs(tmp_path / "pairs") == (training, development)


def test_a_judged_corpus_is_read_as_it_was_written(
    small_dataset: Path, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "code").mkdir()
    for number in range(30):
        (tmp_path / f"code/m{number}.py").write_text(
            f'def work_{number}(x):\n    """Do work number {number}."""\n    return x + {number}\n'
        )
    for spec in (f"dataset:{small_dataset}", str(tmp_path / "code")):
        judged = load_judged(spec, "valid", "content", settings)
        write_judged(tmp_path / "valid", judged)
        found = read_judged(tmp_path / "valid")
        assert replace(found, corpus=judged.corpus) == judged
        assert found.corpus.documents == judged.corpus.documents
        assert list(found.queries) == list(judged.queries)


def test_a_run_that_is_resumed_learns_from_the_pairs_that_it_began_with(
    base: Path, tmp_path: Path, settings: Settings
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    for number in range(30):
        (code / f"m{number}.py").write_text(f'def f{number}():\n    """Return number {number}."""\n')
    run = begun(tmp_path / "run", replace(recipe(base, development=0.1), corpus=str(code)))
    first = pipeline.frozen_pairs(run, settings)
    for module in code.glob("*.py"):
        module.unlink()
    assert pipeline.frozen_pairs(run, settings) == first
    assert run.pairs is not None and run.pairs["training"] == len(first[0])


def test_a_batch_that_is_too_large_is_refused_before_anything_is_measured(
    base: Path, small_dataset: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # Stop takes SIGTERM for itself
    config = replace(recipe(base, batch_size=1_000), corpus=f"dataset:{small_dataset}")
    run = begun(tmp_path / "run", config)
    with pytest.raises(StudioError, match="batch of 1,000 is larger than the"):
        pipeline.train_model(run, settings, Stop())
    assert (run.folder / FROZEN_PAIRS).exists() and not (run.folder / "reports").exists()
