"""What is offered changes while the page runs: corpora and models come and go, and nothing is half there."""

from __future__ import annotations

import shutil
import threading
import weakref
from pathlib import Path

import pytest

from search_core.engine import SearchEngine
from search_core.settings import Settings
from search_core.types import Corpus, Progress, StudioError, silent
from tests.ui.running import DENSE, ready, started, symbols, until
from tests.ui.samples import write_sources
from ui.offering.catalog import Catalog
from ui.offering.details import CorpusDetails
from ui.offering.services import Services, StillReading

BREAD = "def bake_bread(flour):\n    return flour\n"


@pytest.fixture
def first(tmp_path: Path) -> str:
    """A corpus that is there from the start."""
    return write_sources(tmp_path / "first")


@pytest.fixture
def bread(tmp_path: Path) -> str:
    """A folder to add."""
    (tmp_path / "bread").mkdir()
    (tmp_path / "bread" / "bread.py").write_text(BREAD)
    return str(tmp_path / "bread")


@pytest.fixture
def unprepared(first: str, settings: Settings) -> Services:
    """Services whose preparation never starts."""
    return Services([first], ["minilm"], settings)


def details_of(services: Services, corpus: str) -> CorpusDetails:
    return next(details for details in services.all_details() if details.spec == corpus)


def stages(services: Services, corpus: str) -> list[str]:
    return [step.stage for step in services.steps(corpus)]


# Corpora ---------------------------------------------------------------------------------------


def test_an_added_corpus_is_offered_at_once_and_searched_when_it_is_ready(
    first: str, bread: str, model_workspace: Path
) -> None:
    with ready([first], ["minilm"], model_workspace) as services:
        assert services.add_corpus(f" {bread} ") == bread
        assert services.corpora == (first, bread)
        until(lambda: not services.preparing)
        assert symbols(services, "make food", bread, DENSE) == ["bake_bread"]
        assert services.health()["corpora"][1] == {"spec": bread, "modes": ["dense", "lexical", "hybrid"]}


def test_until_it_is_read_an_added_corpus_waits(unprepared: Services, bread: str) -> None:
    unprepared.add_corpus(bread)
    assert stages(unprepared, bread) == ["waiting", "waiting"]
    with pytest.raises(StillReading):
        symbols(unprepared, "bake", bread)


def test_a_relative_path_is_offered_as_an_absolute_one(
    unprepared: Services, bread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(bread).parent)
    assert unprepared.add_corpus("bread") == bread


def test_what_is_offered_already_is_not_added_again_under_another_spec(
    unprepared: Services, first: str
) -> None:
    with pytest.raises(StudioError, match=f"offered already, as {first}"):
        unprepared.add_corpus(f"{first}/")
    assert unprepared.corpora == (first,)


@pytest.mark.parametrize("spec", ["", "no-such-folder", "git@example.org:a/b", "dataset:x"])
def test_what_cannot_be_a_corpus_is_refused(unprepared: Services, first: str, spec: str) -> None:
    with pytest.raises(StudioError):
        unprepared.add_corpus(spec)
    assert unprepared.corpora == (first,)


def test_a_new_corpus_is_read_before_others_go_on_being_indexed(
    first: str, bread: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported, added = threading.Event(), threading.Event()

    def long_work(self: SearchEngine, spec: str, progress: Progress = silent) -> None:
        progress(1, 3)
        reported.set()
        assert added.wait(20)
        progress(2, 3)
        raise StudioError("This model is never ready.")

    monkeypatch.setattr(SearchEngine, "add_model", long_work)
    with started([first], ["minilm"], settings.workspace) as services:
        assert reported.wait(20)
        services.add_corpus(bread)
        added.set()
        until(lambda: stages(services, first) == ["ready", "failed"])
        assert stages(services, bread)[0] == "ready"


def test_reading_again_finds_what_changed_and_serves_the_earlier_state_meanwhile(
    first: str, bread: str, model_workspace: Path
) -> None:
    with ready([bread], ["minilm"], model_workspace) as services:
        Path(bread, "cake.py").write_text("def bake_cake(sugar):\n    return sugar\n")
        services.reindex(bread)
        assert services.health()["status"] == "ok"
        assert "bake_bread" in symbols(services, "bake", bread, DENSE)
        until(lambda: not services.preparing)
        assert symbols(services, "sugar", bread)[0] == "bake_cake"
        assert services.search("sweet", 2, bread, DENSE).mode == "dense"


def test_a_corpus_that_cannot_be_read_again_is_searched_as_it_was(
    bread: str, settings: Settings, tmp_path: Path
) -> None:
    with ready([bread], ["./no-such-model"], settings.workspace) as services:
        Path(bread).rename(tmp_path / "elsewhere")
        services.reindex(bread)
        until(lambda: not services.preparing)
        details = details_of(services, bread)
        assert details.reading.stage == "failed"
        assert "no folder of that name exists" in details.reading.error
        assert symbols(services, "bake", bread) == ["bake_bread"]


def test_reading_again_prepares_what_failed(bread: str, settings: Settings, tmp_path: Path) -> None:
    Path(bread).rename(tmp_path / "elsewhere")
    with ready([bread], ["./no-such-model"], settings.workspace) as services:
        assert stages(services, bread) == ["failed", "failed"]
        (tmp_path / "elsewhere").rename(bread)
        services.reindex(bread)
        until(lambda: not services.preparing)
        assert symbols(services, "bake", bread) == ["bake_bread"]
        assert "no-such-model" in services.steps(bread)[1].error  # tried again, and not because of the corpus


def test_a_removed_corpus_is_offered_no_longer(first: str, bread: str, settings: Settings) -> None:
    with ready([first, bread], ["./no-such-model"], settings.workspace) as services:
        services.remove_corpus(bread)
        assert services.corpora == (first,)
        assert services.corpus(bread) is None
        assert services.steps(bread) == ()
        with pytest.raises(StudioError, match="is not offered here"):
            symbols(services, "bake", bread)
        assert (settings.workspace / "corpora").exists()


def test_what_is_removed_or_replaced_leaves_memory(first: str, bread: str, settings: Settings) -> None:
    def documents(corpus: str) -> weakref.ref[Corpus]:
        found = services.corpus(corpus)
        assert found is not None
        return weakref.ref(found)

    with ready([first, bread], ["./no-such-model"], settings.workspace) as services:
        replaced, removed = documents(first), documents(bread)
        Path(first, "new.py").write_text(BREAD)
        services.reindex(first)
        services.remove_corpus(bread)
        until(lambda: not services.preparing and replaced() is None)
        assert removed() is None


def test_the_last_corpus_and_the_last_model_stay(unprepared: Services, first: str) -> None:
    with pytest.raises(StudioError, match="is the only corpus: add another one"):
        unprepared.remove_corpus(first)
    with pytest.raises(StudioError, match="is the only model: add another one"):
        unprepared.remove_model("minilm")


def test_a_corpus_that_is_removed_while_it_is_indexed_is_given_up(
    first: str, bread: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexing = threading.Event()

    def endless_work(self: SearchEngine, spec: str, progress: Progress = silent) -> None:
        while self.corpus.spec == bread:
            progress(1, 2)
            indexing.set()

    monkeypatch.setattr(SearchEngine, "add_model", endless_work)
    with started([bread, first], ["minilm"], settings.workspace) as services:
        assert indexing.wait(20)
        services.remove_corpus(bread)
        until(lambda: not services.preparing)
        assert stages(services, first) == ["ready", "ready"]


# What the workspace holds ----------------------------------------------------------------------


def test_deleting_takes_what_the_workspace_holds_and_nothing_else(
    first: str, bread: str, model_workspace: Path
) -> None:
    with ready([first, bread], ["minilm"], model_workspace) as services:
        corpora, indexes = model_workspace / "corpora", model_workspace / "indexes"
        before = {path.name for path in corpora.iterdir()}
        removed = services.remove_corpus(bread)
        (gone,) = before - {path.name for path in corpora.iterdir()}
        assert gone.startswith("bread-")
        assert not (indexes / gone).exists()
        assert removed.bytes > 1_000
        assert Path(bread, "bread.py").read_text() == BREAD
        assert symbols(services, "get from the web", first, DENSE)


def test_what_a_union_needs_of_a_deleted_corpus_stays(first: str, bread: str, settings: Settings) -> None:
    union = f"{first} + {bread}"
    with ready([union, bread], ["./no-such-model"], settings.workspace) as services:
        services.remove_corpus(bread)
        assert any((settings.workspace / "corpora").glob("bread-*"))


def test_an_upload_is_searched_and_deleted_with_its_corpus(
    first: str, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "loaf").mkdir()
    (tmp_path / "loaf" / "bread.py").write_text(BREAD)
    archive = Path(shutil.make_archive(str(tmp_path / "my loaf"), "zip", tmp_path / "loaf"))
    with ready([first], ["./no-such-model"], settings.workspace) as services:
        spec = services.add_upload(archive)
        until(lambda: not services.preparing)
        assert not archive.exists()
        assert Path(spec).name == "my-loaf.zip"
        assert details_of(services, spec).name == "my-loaf.zip"
        assert details_of(services, spec).source == "uploaded archive"
        assert symbols(services, "bake", spec) == ["bake_bread"]
        services.remove_corpus(spec)
        assert not any((settings.workspace / "uploads").iterdir())
        assert not any((settings.workspace / "sources").iterdir())


def test_details_count_what_was_read(first: str, settings: Settings) -> None:
    Path(first, "huge.min.js").write_text("x")
    with ready([first], ["./no-such-model"], settings.workspace) as services:
        details = details_of(services, first)
        corpus = details.corpus
        assert corpus is not None
        assert (len(corpus.documents), corpus.files, corpus.lines) == (5, 2, 8 + 12)
        assert dict(corpus.kinds) == {"function": 3, "class": 1, "method": 1}
        assert [file.path for file in corpus.skipped] == ["huge.min.js"]
        assert details.source == "folder"
        assert details.bytes > 1_000
        assert details.indexed_at is not None
        (over,) = details.models
        assert (over.step.stage, over.vectors) == ("failed", 0)


# Models ----------------------------------------------------------------------------------------


def test_an_added_model_indexes_every_corpus(first: str, bread: str, model_workspace: Path) -> None:
    with ready([first, bread], ["./no-such-model"], model_workspace) as services:
        assert services.add_model("minilm") == "minilm"
        until(lambda: not services.preparing)
        assert symbols(services, "make food", bread, DENSE) == ["bake_bread"]
        (_, added) = services.model_steps()
        assert [step.stage for step in added[1]] == ["ready", "ready"]
        assert details_of(services, first).models[1].vectors == 5


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "There is no model folder"),
        ("./no-such-model", "There is no model folder './no-such-model'"),
        ("a b", "neither minilm, studio, a folder, nor a Hub id"),
        ("minilm", "is offered already"),
    ],
)
def test_what_cannot_be_a_model_is_refused(unprepared: Services, spec: str, reason: str) -> None:
    with pytest.raises(StudioError, match=reason):
        unprepared.add_model(spec)
    assert unprepared.models == ("minilm",)


def test_a_folder_without_weights_is_refused(unprepared: Services, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(StudioError, match="has no weights"):
        unprepared.add_model(str(tmp_path))


def test_a_removed_model_is_freed(first: str, model_workspace: Path) -> None:
    with ready([first], ["minilm", "./no-such-model"], model_workspace) as services:
        services.remove_model("minilm")
        assert services.described()[0]["models"] == []
        with pytest.raises(StudioError, match="'minilm' is not offered here"):
            services.search("download", 1, first, DENSE)


def test_a_model_that_failed_is_tried_again(first: str, settings: Settings) -> None:
    with ready([first], ["./no-such-model"], settings.workspace) as services:
        before = services.steps(first)[1]
        services.retry_model("./no-such-model")
        until(lambda: services.steps(first)[1] is not before and not services.preparing)
        assert stages(services, first) == ["ready", "failed"]


# The next start --------------------------------------------------------------------------------


def test_what_was_added_and_removed_is_kept(unprepared: Services, first: str, bread: str) -> None:
    unprepared.add_corpus(bread)
    unprepared.remove_corpus(first)
    unprepared.add_model("studio")
    unprepared.remove_model("minilm")
    catalog = Catalog(unprepared.settings.workspace)
    assert catalog.read("corpora").offered(None, [first]) == (bread,)
    assert catalog.read("models").offered(None, ["minilm"]) == ("studio",)
