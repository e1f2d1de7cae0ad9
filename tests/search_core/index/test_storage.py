"""A stored index is served whole and fresh, or not at all."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from search_core.index import Index, build_index, load_index
from search_core.index.ivf import unit_rows
from search_core.settings import Settings
from search_core.types import StudioError

SOURCE = "corpus and model"
Vectors = NDArray[np.float32]


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return unit_rows(np.random.default_rng(0).standard_normal((400, 24)))


@pytest.fixture(params=["exact", "ivf"])
def kind_settings(request, settings):
    return replace(settings, index_kind=request.param)


@pytest.fixture
def index(vectors, kind_settings):
    return build_index([f"{row:064x}" for row in range(len(vectors))], vectors, kind_settings)


@pytest.fixture
def folder(index, tmp_path):
    index.save(tmp_path / "index", {"source": SOURCE, "note": "kept"})
    return tmp_path / "index"


def stored_file(folder: Path, name: str) -> Path:
    (path,) = folder.glob(name)
    return path


def loaded_from(folder: Path, settings: Settings, source: str = SOURCE) -> Index:
    index = load_index(folder, settings, source=source)
    assert index is not None
    return index


def answers(index: Index, vectors: Vectors) -> list[tuple[list[str], list[float]]]:
    return [(found.ids, found.scores.tolist()) for found in index.search(vectors, 7)]


def test_a_loaded_index_answers_as_the_saved_one_did(folder, index, vectors, kind_settings):
    loaded = loaded_from(folder, kind_settings)

    assert (loaded.kind, loaded.dim, len(loaded), loaded.recall) == (index.kind, 24, 400, index.recall)
    assert answers(loaded, vectors) == answers(index, vectors)


def test_the_manifest_says_what_the_index_is(folder, index):
    metadata = json.loads((folder / "manifest.json").read_text("utf-8"))["metadata"]

    assert {
        "source": SOURCE,
        "note": "kept",
        "kind": index.kind,
        "dim": 24,
        "size": 400,
    }.items() <= metadata.items()
    if index.kind == "ivf":
        assert metadata["recall"] == index.recall >= metadata["recall_target"] == 0.95
        assert metadata["nprobe"] >= 1


def test_a_loaded_index_can_be_changed_and_saved_again(folder, vectors, kind_settings):
    loaded = loaded_from(folder, kind_settings)
    loaded.remove([f"{0:064x}"])
    loaded.add(["new"], -vectors[:1])
    loaded.save(folder, {"source": "later"})

    again = loaded_from(folder, kind_settings, "later")

    assert len(again) == 400
    assert answers(again, vectors) == answers(loaded, vectors)
    assert again.search(-vectors[:1], 1)[0].ids == ["new"]


def test_an_index_stays_usable_while_the_next_one_replaces_it_on_disk(folder, vectors, kind_settings):
    loaded = loaded_from(folder, kind_settings)
    before = answers(loaded, vectors)
    for size in (100, 200, 300):  # more generations than are kept
        build_index([f"{row}" for row in range(size)], vectors[:size], kind_settings).save(
            folder, {"source": "x"}
        )

    assert answers(loaded, vectors) == before


def test_an_empty_index_is_stored_too(tmp_path, settings):
    build_index([], np.empty((0, 24), np.float32), settings).save(tmp_path / "empty", {"source": SOURCE})

    loaded = loaded_from(tmp_path / "empty", settings)

    assert len(loaded) == 0
    assert loaded.search(np.ones((1, 24), np.float32), 10)[0].ids == []


def test_a_folder_without_an_index_holds_none(tmp_path, settings):
    assert load_index(tmp_path, settings, source=SOURCE) is None


def test_an_index_of_another_source_is_not_served(folder, kind_settings):
    assert load_index(folder, kind_settings, source="corpus, edited since, and model") is None


def test_an_index_of_another_kind_than_asked_for_is_not_served(folder, index, settings):
    other = {"exact": "ivf", "ivf": "exact"}[index.kind]

    assert load_index(folder, replace(settings, index_kind=other), source=SOURCE) is None


def test_an_approximate_index_tuned_for_another_recall_is_not_served(folder, index, kind_settings):
    loaded = load_index(folder, replace(kind_settings, recall_target=0.99), source=SOURCE)

    assert (loaded is None) == (index.kind == "ivf")


@pytest.mark.parametrize("name", ["vectors-*.faiss", "ids-*.npy"])
@pytest.mark.parametrize("damage", ["truncated", "edited", "missing"])
def test_a_damaged_index_is_not_served(folder, kind_settings, caplog, name, damage):
    path = stored_file(folder, name)
    content = path.read_bytes()
    match damage:
        case "truncated":
            path.write_bytes(content[:-1])
        case "edited":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "missing":
            path.unlink()

    assert load_index(folder, kind_settings, source=SOURCE) is None
    assert "will be rebuilt" in caplog.text


@pytest.mark.parametrize("edit", [{"size": 399}, {"dim": 25}, {"size": None}])
def test_a_manifest_that_does_not_fit_its_files_is_not_served(folder, kind_settings, caplog, edit):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["metadata"] |= edit
    path.write_text(json.dumps(manifest), "utf-8")

    assert load_index(folder, kind_settings, source=SOURCE) is None
    assert "holds no usable index and will be rebuilt" in caplog.text


@contextmanager
def no_file_larger_than(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_where_the_disk_takes_no_more_one_sentence_says_so_and_the_old_index_stays(
    folder, index, vectors, kind_settings
):
    before = answers(index, vectors)
    index.remove([f"{0:064x}"])

    with no_file_larger_than(4096), pytest.raises(StudioError, match=r"Cannot write .*Free some space"):
        index.save(folder, {"source": "later"})

    assert answers(loaded_from(folder, kind_settings), vectors) == before
