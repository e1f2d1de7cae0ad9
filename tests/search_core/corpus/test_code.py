"""Code corpora are kept in the workspace: an edit costs only what changed, and nothing stale is served."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest

from search_core.corpus import chunked, code, load_corpus
from search_core.corpus.files import SourceFile
from search_core.settings import Settings
from search_core.types import Corpus, Document, StudioError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files that were last changed long ago, so that their times can be trusted."""
    root = tmp_path / "code"
    root.mkdir()
    for name in ("a", "b"):
        write(root / f"{name}.py", f"def {name}(x: int) -> int:\n    '''Says “{name}” éß.'''\n    return x\n")
    return root


def write(path: Path, text: str, changed: int = 1_000_000_000) -> None:
    path.write_text(text)
    os.utime(path, (changed, changed))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the files that were opened."""
    opened: list[str] = []

    def read_file(file: SourceFile) -> bytes:
        opened.append(file.path)
        return Path(file.location).read_bytes()

    monkeypatch.setattr(code, "read_file", read_file)
    return opened


def ids(corpus: Corpus) -> list[str]:
    return [document.id for document in corpus.documents]


def test_a_stored_corpus_is_the_corpus_in_every_field(
    folder: Path, settings: Settings, read: list[str]
) -> None:
    (folder / "broken.py").write_text("def f(:\n")
    first = load_corpus(str(folder), settings)
    read.clear()
    second = load_corpus(str(folder), settings)
    assert second == first
    assert read == ["broken.py"]  # it has just been written: its time cannot be trusted yet
    assert first.documents[0] == Document(
        id="a.py::a",
        text="def a(x: int) -> int:\n    '''Says “a” éß.'''\n    return x",
        encoded="a.py a\nSays “a” éß.\ndef a(x: int) -> int:\n    '''Says “a” éß.'''\n    return x",
        path="a.py",
        symbol="a",
        kind="function",
        language="python",
        start_line=1,
        end_line=3,
        signature="def a(x: int) -> int",
        docstring="Says “a” éß.",
    )
    assert {type(getattr(second.documents[0], field.name)) for field in fields(Document)} <= {
        str,
        int,
        type(None),
    }


def test_only_changed_files_are_read_again(folder: Path, settings: Settings, read: list[str]) -> None:
    load_corpus(str(folder), settings)
    read.clear()
    write(folder / "b.py", "def b2(): pass\n", changed=1_100_000_000)
    write(folder / "c.py", "def c(): pass\n")
    assert ids(load_corpus(str(folder), settings)) == ["a.py::a", "b.py::b2", "c.py::c"]
    assert read == ["b.py", "c.py"]
    (folder / "a.py").unlink()
    read.clear()
    assert ids(load_corpus(str(folder), settings)) == ["b.py::b2", "c.py::c"]
    assert read == []


def test_an_edit_within_the_tick_of_a_clock_is_seen(folder: Path, settings: Settings) -> None:
    (folder / "a.py").write_text("def one(): pass\n")
    now = (folder / "a.py").stat()
    load_corpus(str(folder), settings)
    (folder / "a.py").write_text("def two(): pass\n")
    os.utime(folder / "a.py", ns=(now.st_atime_ns, now.st_mtime_ns))
    assert ids(load_corpus(str(folder), settings)) == ["a.py::two", "b.py::b"]


def test_a_file_that_was_only_touched_is_not_cut_again(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_corpus(str(folder), settings)
    os.utime(folder / "a.py", (1_200_000_000, 1_200_000_000))
    monkeypatch.setattr(code, "_cut", None)  # calling it would fail
    assert load_corpus(str(folder), settings) == before


@pytest.mark.parametrize("damage", ["truncated", "edited", "gone", "manifest"])
def test_a_damaged_copy_is_made_anew(folder: Path, settings: Settings, damage: str, read: list[str]) -> None:
    before = load_corpus(str(folder), settings)
    read.clear()
    [stored] = (settings.workspace / "corpora").iterdir()
    [documents] = stored.glob("documents-*.parquet")
    content = documents.read_bytes()
    if damage == "truncated":
        documents.write_bytes(content[:-10])
    elif damage == "edited":
        documents.write_bytes(content.replace(b"PAR1", b"PAR2"))
    elif damage == "gone":
        documents.unlink()
    else:
        (stored / "manifest.json").write_text("{}")
    assert load_corpus(str(folder), settings) == before
    assert read == ["a.py", "b.py"]


def test_documents_cut_by_another_version_are_cut_anew(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    load_corpus(str(folder), settings)
    read.clear()
    monkeypatch.setattr(chunked, "CHUNKED_BY", "another version")
    load_corpus(str(folder), settings)
    assert read == ["a.py", "b.py"]


def test_an_edit_rewrites_only_the_shards_it_concerns(tmp_path: Path, settings: Settings) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for number in range(4 * chunked.FILES_PER_SHARD):
        write(root / f"f{number}.py", f"def f{number}(): pass\n")

    def shards() -> set[str]:
        [stored] = (settings.workspace / "corpora").iterdir()
        manifest = json.loads((stored / "manifest.json").read_text())
        return {entry["file"] for entry in manifest["generations"][0].values()}

    load_corpus(str(root), settings)
    before = shards()
    write(root / "f7.py", "def changed(): pass\n", changed=1_100_000_000)
    assert ids(load_corpus(str(root), settings)).count("f7.py::changed") == 1
    assert (len(before), len(before & shards())) == (4, 3)
    (root / "f7.py").unlink()
    after = load_corpus(str(root), settings)
    assert len(ids(after)) == 4 * chunked.FILES_PER_SHARD - 1
    assert load_corpus(str(root), settings) == after


def test_progress_counts_files_up_to_the_last(folder: Path, settings: Settings) -> None:
    seen: list[tuple[int, int]] = []
    load_corpus(str(folder), settings, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_equal_functions_stay_documents_of_their_own(folder: Path, settings: Settings) -> None:
    write(folder / "copy.py", (folder / "a.py").read_text())
    corpus = load_corpus(str(folder), settings)
    assert ids(corpus) == ["a.py::a", "b.py::b", "copy.py::a"]
    assert corpus.documents[0].text == corpus.documents[2].text


def test_two_at_once_read_the_same_and_leave_a_whole_copy(
    folder: Path, settings: Settings, read: list[str]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(load_corpus, [str(folder)] * 2, [settings] * 2)
    assert first == second
    read.clear()
    assert load_corpus(str(folder), settings) == first
    assert read == []


def test_a_workspace_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StudioError, match=r"Cannot write .*choose another folder"):
        load_corpus(str(folder), Settings(workspace=tmp_path / "file"))
