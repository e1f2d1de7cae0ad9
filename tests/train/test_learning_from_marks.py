"""A run that is asked to learns from what people marked, as it stood when the run began."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search_core.corpus import load_corpus
from search_core.judgments import JudgmentLog, Mark, Verdict
from search_core.settings import Settings
from search_core.store import Workspace
from tests.train.tuning import recipe
from train.pairs import Pair
from train.pipeline import read_pairs
from train.run import Run
from train.trainer import fine_tune, load_trainable

CHECKSUM = "md5 checksum of a file"  # the data set has a pair for it


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path / "workspace", device="cpu", backend="torch", threads=1)


@pytest.fixture
def spec(small_dataset: Path) -> str:
    return f"dataset:{small_dataset}"


def mark(spec: str, settings: Settings, query: str, id: str, verdict: Verdict) -> str:
    """Returns the document's text."""
    document = load_corpus(spec, settings).by_id[id]
    JudgmentLog(Workspace(settings.workspace)).add(Mark.of(document, spec, query, verdict))
    return document.text


def begun(spec: str, base: Path, tmp_path: Path, **given: object) -> Run:
    config = replace(recipe(base, development=0.0), corpus=spec, **given)  # type: ignore[arg-type]
    run = Run("run", tmp_path / "run")
    run.folder.mkdir()
    (run.folder / "training_config.json").write_text(config.to_json())
    return run


def asking(pairs: list[Pair], query: str) -> list[Pair]:
    return [pair for pair in pairs if pair.query == query]


def test_marks_are_left_alone_unless_they_are_asked_for(
    spec: str, base: Path, tmp_path: Path, settings: Settings
) -> None:
    mark(spec, settings, "turn a list around", "d1", "right")
    pairs, _, found = read_pairs(begun(spec, base, tmp_path), settings)
    assert asking(pairs, "turn a list around") == []
    assert "marked_right" not in found.counts


def test_with_mined_negatives_labelled_ones_take_the_first_places(
    spec: str, base: Path, tmp_path: Path, settings: Settings
) -> None:
    wrong = mark(spec, settings, CHECKSUM, "d24", "wrong")
    run = begun(spec, base, tmp_path, judgments=True, hard_negatives=2)
    pairs, _, _ = read_pairs(run, settings)
    assert {len(set(pair.negatives)) for pair in pairs} == {2}
    assert asking(pairs, CHECKSUM)[0].negatives[0] == wrong


def test_a_labelled_negative_brings_every_pair_one(
    spec: str, base: Path, tmp_path: Path, settings: Settings
) -> None:
    wrong = mark(spec, settings, CHECKSUM, "d24", "wrong")
    pairs, _, _ = read_pairs(begun(spec, base, tmp_path, judgments=True), settings)
    assert {len(pair.negatives) for pair in pairs} == {1}
    assert asking(pairs, CHECKSUM)[0].negatives == (wrong,)


def test_right_marks_alone_bring_no_negatives(
    spec: str, base: Path, tmp_path: Path, settings: Settings
) -> None:
    right = mark(spec, settings, "turn a list around", "d1", "right")
    pairs, _, found = read_pairs(begun(spec, base, tmp_path, judgments=True), settings)
    assert [pair.positive for pair in asking(pairs, "turn a list around")] == [right]
    assert {pair.negatives for pair in pairs} == {()}
    assert found.counts["marked_right"] == 1


def test_what_is_marked_after_a_run_began_is_for_the_next_one(
    spec: str, base: Path, tmp_path: Path, settings: Settings
) -> None:
    mark(spec, settings, "turn a list around", "d1", "right")
    run = begun(spec, base, tmp_path, judgments=True)
    first = read_pairs(run, settings)
    mark(spec, settings, "something new", "d24", "right")
    assert read_pairs(run, settings) == first  # resumed, or read by another of its processes


def test_a_model_that_learnt_from_a_wrong_mark_ranks_it_below_the_answer(
    spec: str, base: Path, tmp_path: Path, settings: Settings
) -> None:
    wrong = mark(spec, settings, CHECKSUM, "d24", "wrong")
    run = begun(spec, base, tmp_path, judgments=True, epochs=12, batch_size=2)
    pairs, _, _ = read_pairs(run, settings)
    (pair,) = asking(pairs, CHECKSUM)
    model = load_trainable(str(base), settings)
    two = [pair, *asking(pairs, "download file from url")]
    fine_tune(model, two, [], run.config, tmp_path / "checkpoints", lambda event: None)
    query, right, bad = model.encode([CHECKSUM, pair.positive, wrong], normalize_embeddings=True)
    assert query @ right > query @ bad + 0.1
