"""An artifact folder is whole or does not exist."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from search_core.store import (
    MANIFEST,
    Removed,
    Workspace,
    read_artifact,
    write_artifact,
    write_text,
)
from search_core.types import StudioError


def write(folder: Path, text: str) -> None:
    write_artifact(
        folder, {"words.txt": lambda path: path.write_text(text, "utf-8")}, {"words": len(text.split())}
    )


def words(folder: Path) -> str:
    artifact = read_artifact(folder)
    assert artifact is not None
    return artifact.files["words.txt"].read_text("utf-8")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "a", "one two")
    artifact = read_artifact(tmp_path / "a")
    assert artifact is not None
    assert artifact.metadata == {"words": 2}
    assert words(tmp_path / "a") == "one two"


def test_a_file_that_is_unchanged_is_taken_over_where_it_is_still_the_one_that_was_read(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a", "one")
    read = read_artifact(tmp_path / "a")
    assert read is not None

    def anew(path: Path) -> None:
        path.write_text("written anew", "utf-8")

    write_artifact(tmp_path / "a", {"words.txt": anew}, {}, unchanged=read.files)
    assert words(tmp_path / "a") == "one"
    write(tmp_path / "a", "another writer's")
    write_artifact(tmp_path / "a", {"words.txt": anew}, {}, unchanged=read.files)
    assert words(tmp_path / "a") == "written anew"


def test_a_folder_without_a_manifest_does_not_exist(tmp_path: Path) -> None:
    write(tmp_path / "a", "one")
    (tmp_path / "a" / MANIFEST).unlink()
    assert read_artifact(tmp_path / "a") is None
    assert read_artifact(tmp_path / "never-written") is None


@pytest.mark.parametrize("damage", ["truncate", "edit", "remove"])
def test_a_damaged_file_is_never_served(tmp_path: Path, damage: str) -> None:
    write(tmp_path / "a", "one two three")
    (data,) = (tmp_path / "a").glob("words-*.txt")
    match damage:
        case "truncate":
            data.write_text("one two")
        case "edit":
            data.write_text("one two threE")
        case "remove":
            data.unlink()
    assert read_artifact(tmp_path / "a") is None


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"format_version": 99, "metadata": {}, "generations": [{}]}',
        '{"format_version": 1, "metadata": {}, "generations": []}',
        '{"format_version": 1, "metadata": {}, "generations": [{"words.txt": "not an entry"}]}',
        '{"format_version": 1, "metadata": {}, "generations": '
        '[{"words.txt": {"file": "../../etc/passwd", "bytes": 1, "sha256": "0"}}]}',
    ],
)
def test_a_manifest_that_is_not_ours_counts_as_none(tmp_path: Path, manifest: str) -> None:
    write(tmp_path / "a", "one")
    (tmp_path / "a" / MANIFEST).write_text(manifest)
    assert read_artifact(tmp_path / "a") is None


def test_a_new_generation_replaces_the_old_and_two_are_kept(tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        write(tmp_path / "a", text)
    assert words(tmp_path / "a") == "three"
    assert sorted(path.read_text() for path in (tmp_path / "a").glob("words-*.txt")) == ["three", "two"]


def test_a_reader_that_opened_the_old_generation_keeps_it(tmp_path: Path) -> None:
    write(tmp_path / "a", "old")
    artifact = read_artifact(tmp_path / "a")
    write(tmp_path / "a", "new")
    assert artifact is not None and artifact.files["words.txt"].read_text() == "old"


def test_a_write_that_fails_leaves_the_old_generation_and_no_litter(tmp_path: Path) -> None:
    write(tmp_path / "a", "old")

    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StudioError, match=r"No space left on device.*--workspace"):
        write_artifact(tmp_path / "a", {"words.txt": fails}, {})
    assert words(tmp_path / "a") == "old"
    assert len(list((tmp_path / "a").iterdir())) == 2


def test_a_full_disk_is_one_clear_sentence(tmp_path: Path) -> None:
    """A real limit: the process may not write files above 64 KiB."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from search_core.store import write_artifact\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "from search_core.types import StudioError\n"
        "try:\n"
        "    big = {'big.bin': lambda path: path.write_bytes(bytes(10**6))}\n"
        "    write_artifact(Path(sys.argv[1]), big, {})\n"
        "except StudioError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout and "--workspace" in done.stdout
    assert read_artifact(tmp_path / "a") is None


def test_a_workspace_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(StudioError, match="Cannot write"),
        Workspace(tmp_path / "file").writing(tmp_path / "file" / "corpora"),
    ):
        pass


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    workspace, order = Workspace(tmp_path), []
    entered = threading.Event()

    def second() -> None:
        with workspace.writing(tmp_path / "a"):
            order.append("second")

    with workspace.writing(tmp_path / "a"):
        thread = threading.Thread(target=lambda: (entered.set(), second()))
        thread.start()
        entered.wait()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_text_is_written_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "report.json", json.dumps({"a": 1}))
    assert json.loads((tmp_path / "deep" / "report.json").read_text()) == {"a": 1}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.json"]


def test_prune_removes_what_an_unfinished_write_left_and_keeps_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "corpora" / "a"
    write(folder, "kept")
    (folder / "words-0000.txt").write_text("12345")
    (folder / ".writing-x").mkdir()
    (folder / ".writing-x" / "words.txt").write_text("123")
    assert Workspace(tmp_path).prune() == Removed(files=2, bytes=5 + 3)
    assert words(folder) == "kept"


def test_prune_removes_a_damaged_artifact(tmp_path: Path) -> None:
    folder = tmp_path / "vectors" / "m" / "a"
    write(folder, "one")
    (data,) = folder.glob("words-*.txt")
    data.write_text("damaged")
    assert Workspace(tmp_path).prune() == Removed(files=1, bytes=len("damaged"))
    assert not any(folder.iterdir())


@pytest.mark.parametrize(
    ("locked", "unfinished"),
    [
        ("corpora/a", "corpora/a/.writing-x/words.txt"),
        ("vectors/m", "vectors/m/segment/keys-0000.npy"),
        ("runtimes/m", "runtimes/m/.writing-x/model.xml"),
        ("indexes/a/m", "indexes/a/m/.writing-x/index.faiss"),
        ("indexes/a/m", "indexes/a/m/files/vectors-0000.npy"),
        ("models", "models/.writing-x/merged/model.safetensors"),
        ("sources/a", "sources/a/.writing-x/a.py"),
    ],
)
def test_prune_leaves_alone_what_is_being_written(tmp_path: Path, locked: str, unfinished: str) -> None:
    write_text(tmp_path / unfinished, "12345")
    workspace = Workspace(tmp_path)
    with workspace.writing(tmp_path / locked):
        assert workspace.prune() == Removed()
    assert workspace.prune() == Removed(files=1, bytes=5)


@pytest.mark.parametrize("room", ["corpora", "indexes", "sources", "uploads"])
def test_a_deletion_that_did_not_end_is_in_nobodys_way(tmp_path: Path, room: str) -> None:
    write_text(tmp_path / room / ".writing-a" / "old.txt", "123")
    write_text(tmp_path / room / "a" / "new.txt", "12345")
    assert Workspace(tmp_path).delete(room, "a") == Removed(files=1, bytes=5)
    assert Workspace(tmp_path).prune() == Removed(files=1, bytes=3)
    assert not any((tmp_path / room).iterdir())


def test_many_threads_may_write_the_same_text(tmp_path: Path) -> None:
    def write_often(text: str) -> None:
        for _ in range(50):
            write_text(tmp_path / "report.json", text)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_often, [digit * 10_000 for digit in "12345678"]))
    text = (tmp_path / "report.json").read_text()
    assert text == text[0] * 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_prune_keeps_the_files_of_a_source_as_long_as_its_corpus_is_stored(tmp_path: Path) -> None:
    write(tmp_path / "corpora" / "stored", "kept")
    for id in ("stored", "deleted"):
        write_text(tmp_path / "sources" / id / "files-x" / "a.py", "12345")
    write_text(tmp_path / "sources" / "stored" / ".writing-y" / "a.py", "123")
    assert Workspace(tmp_path).prune() == Removed(files=2, bytes=5 + 3)
    assert [path.name for path in (tmp_path / "sources").iterdir()] == ["stored"]
    assert (tmp_path / "sources" / "stored" / "files-x" / "a.py").exists()


def test_a_deleted_folder_is_gone_and_counted(tmp_path: Path) -> None:
    write_text(tmp_path / "sources" / "a" / "files-x" / "a.py", "12345")
    assert Workspace(tmp_path).delete("sources", "a") == Removed(files=1, bytes=5)
    assert not any((tmp_path / "sources").iterdir())
    assert Workspace(tmp_path).delete("sources", "a") == Removed()


def test_prune_does_not_touch_reports(tmp_path: Path) -> None:
    write_text(tmp_path / "reports" / "r.json", "{}")
    assert Workspace(tmp_path).prune() == Removed()
    assert (tmp_path / "reports" / "r.json").exists()
