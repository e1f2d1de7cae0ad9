"""What is kept in a bucket comes back whole, or not at all; work never stops for it."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from search_core.bucket import MANIFEST, Bucket

MODEL = b"weights" * 1000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the bucket is mounted."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def train(workspace: Path, name: str, last: str = "finish") -> Path:
    """A run's folder whose last event is of this type."""
    run = workspace / "runs" / name
    events = [{"t": 1.0, "type": "queued"}, {"t": 2.0, "type": last}]
    write(run / "events.jsonl", "".join(json.dumps(event) + "\n" for event in events).encode())
    write(run / "model.safetensors", MODEL)
    write(run / "1_Pooling" / "config.json", b"{}")
    return run


def kept(folder: Path) -> set[str]:
    """The items that a bucket has, by the place of their manifests."""
    return {path.parent.relative_to(folder).as_posix() for path in folder.rglob(MANIFEST)}


def stored(root: Path) -> dict[str, bytes]:
    return {
        file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()
    }


def test_a_new_disk_gets_runs_reports_marks_and_what_was_added(folder: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    train(old, "r1")
    write(old / "reports" / "a.json", b"{}")
    write(old / "judgments.jsonl", b'{"verdict": "right"}\n')
    write(old / "studio.json", b"{}")
    write(old / "uploads" / "0a1b" / "code.zip", b"PK")
    Bucket(folder, old).keep()
    Bucket(folder, new).restore()
    assert stored(new) == stored(old)


def test_a_run_comes_back_with_its_date_by_which_runs_are_ordered(folder: Path, tmp_path: Path) -> None:
    events = train(tmp_path / "old", "r1") / "events.jsonl"
    Bucket(folder, tmp_path / "old").keep()
    Bucket(folder, tmp_path / "new").restore()
    assert (tmp_path / "new/runs/r1/events.jsonl").stat().st_mtime_ns == events.stat().st_mtime_ns


@pytest.mark.parametrize("last", ["step", "cancelled", "error"])
def test_only_a_finished_run_is_kept(folder: Path, tmp_path: Path, last: str) -> None:
    train(tmp_path, "r1", last)
    Bucket(folder, tmp_path).keep()
    assert kept(folder) == set()


def test_what_can_be_made_again_is_not_kept(folder: Path, tmp_path: Path) -> None:
    run = train(tmp_path, "r1")
    write(run / "checkpoints" / "checkpoint-1" / "model.safetensors", MODEL)
    write(run / ".lock", b"")
    write(tmp_path / "vectors" / "m" / MANIFEST, b"{}")
    write(tmp_path / "corpora" / "c" / MANIFEST, b"{}")
    Bucket(folder, tmp_path).keep()
    assert kept(folder) == {"runs/r1"}
    assert not [path for path in stored(folder) if "checkpoint" in path or ".lock" in path]


def test_a_run_elsewhere_is_kept_under_its_name_in_the_workspace(folder: Path, tmp_path: Path) -> None:
    elsewhere = train(tmp_path / "somewhere", "r1")
    link = tmp_path / "old/runs/r1-0a1b2c3d"
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    Bucket(folder, tmp_path / "old").keep()
    Bucket(folder, tmp_path / "new").restore()
    assert (tmp_path / "new/runs/r1-0a1b2c3d/model.safetensors").read_bytes() == MODEL


def test_what_is_here_is_never_replaced(folder: Path, tmp_path: Path) -> None:
    marks = write(tmp_path / "judgments.jsonl", b"old\n")
    Bucket(folder, tmp_path).keep()
    marks.write_bytes(b"newer\n")
    Bucket(folder, tmp_path).restore()
    assert marks.read_bytes() == b"newer\n"


def test_an_upload_that_was_deleted_does_not_come_back(folder: Path, tmp_path: Path) -> None:
    bucket = Bucket(folder, tmp_path)
    write(tmp_path / "uploads" / "0a1b" / "code.zip", b"PK")
    bucket.keep()
    shutil.rmtree(tmp_path / "uploads" / "0a1b")
    bucket.keep()
    assert kept(folder) == set()


def test_a_file_that_grew_is_kept_anew_and_its_old_generation_goes(folder: Path, tmp_path: Path) -> None:
    bucket = Bucket(folder, tmp_path)
    marks = write(tmp_path / "judgments.jsonl", b"one\n")
    bucket.keep()
    marks.write_bytes(b"one\ntwo\n")
    bucket.keep()
    assert [content for path, content in stored(folder).items() if MANIFEST not in path] == [b"one\ntwo\n"]


def test_what_has_not_changed_is_not_sent_again(folder: Path, tmp_path: Path) -> None:
    train(tmp_path / "old", "r1")
    Bucket(folder, tmp_path / "old").keep()
    sent = stored(folder)
    after = Bucket(folder, tmp_path / "new")
    after.restore()
    after.keep()
    Bucket(folder, tmp_path / "old").keep()
    assert stored(folder) == sent  # a new generation would have a name of its own


def test_what_is_deleted_here_does_not_come_back(folder: Path, tmp_path: Path) -> None:
    bucket = Bucket(folder, tmp_path)
    shutil.copytree(train(tmp_path, "r1"), tmp_path / "runs" / "r2")
    bucket.keep()
    shutil.rmtree(tmp_path / "runs" / "r1")
    bucket.keep()
    assert kept(folder) == {"runs/r2"}


def test_a_disk_that_is_lost_deletes_nothing(folder: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    bucket = Bucket(folder, workspace)
    train(workspace, "r1")
    write(workspace / "judgments.jsonl", b"one\n")
    bucket.keep()
    shutil.rmtree(workspace)
    bucket.keep()
    assert kept(folder) == {"runs/r1", "judgments.jsonl"}


def damage_data(item: Path) -> None:
    next(item.rglob("model.safetensors")).write_bytes(b"other" * 1000)


def lose_data(item: Path) -> None:
    next(item.rglob("model.safetensors")).unlink()


def cut_manifest(item: Path) -> None:
    item.joinpath(MANIFEST).write_text('{"format_version": 1, "gen')


def lead_out(item: Path) -> None:
    text = item.joinpath(MANIFEST).read_text()
    item.joinpath(MANIFEST).write_text(text.replace("r1/events.jsonl", "../../events.jsonl"))


def forget_manifest(item: Path) -> None:
    """As after a copy that was cut short: the manifest comes last."""
    item.joinpath(MANIFEST).unlink()


@pytest.mark.parametrize("harm", [damage_data, lose_data, cut_manifest, lead_out, forget_manifest])
def test_a_run_that_is_not_whole_does_not_come_back(folder: Path, tmp_path: Path, harm) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    train(old, "r1")
    write(old / "judgments.jsonl", b"one\n")
    Bucket(folder, old).keep()
    harm(folder / "runs" / "r1")
    Bucket(folder, new).restore()
    assert stored(new) == {"judgments.jsonl": b"one\n"}
    Bucket(folder, old).keep()  # from where it is whole it is kept again
    Bucket(folder, new).restore()
    assert stored(new) == stored(old)


def test_without_the_mount_work_goes_on_and_the_log_says_once_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "judgments.jsonl", b"one\n")
    bucket = Bucket(tmp_path / "nowhere", tmp_path)
    with caplog.at_level(logging.WARNING):
        bucket.restore()
        bucket.keep()
        bucket.keep()
    sentence = f"{tmp_path / 'nowhere'} is no folder: mount the bucket there, or change CODESEARCH_ARCHIVE."
    assert caplog.messages == [sentence]
    assert bucket.problem == sentence


def test_a_bucket_that_refuses_is_tried_again(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "judgments.jsonl", b"one\n")
    obstacle = write(folder / "judgments.jsonl", b"")  # a file where the item's folder belongs
    bucket = Bucket(folder, tmp_path)
    bucket.keep()
    assert bucket.problem.startswith(f"judgments.jsonl is not kept in {folder}: ")
    obstacle.unlink()
    bucket.keep()
    assert (bucket.problem, kept(folder)) == ("", {"judgments.jsonl"})


def test_what_could_not_be_read_at_the_start_is_not_replaced(folder: Path, tmp_path: Path) -> None:
    """New marks on an empty disk must not drive out those of years, only because the mount was slow."""
    write(tmp_path / "old" / "judgments.jsonl", b"years\n")
    Bucket(folder, tmp_path / "old").keep()
    held = stored(folder)
    data = next(folder.rglob("judgments.jsonl/*/judgments.jsonl"))
    content = data.read_bytes()
    data.unlink()
    data.mkdir()  # reading it fails, even for root
    bucket = Bucket(folder, tmp_path / "new")
    bucket.restore()
    data.rmdir()
    data.write_bytes(content)
    write(tmp_path / "new" / "judgments.jsonl", b"today\n")
    bucket.keep()
    assert stored(folder) == held
    assert bucket.problem.startswith("judgments.jsonl cannot be read from ")


def test_what_comes_last_is_kept_at_the_end(folder: Path, tmp_path: Path) -> None:
    bucket = Bucket(folder, tmp_path)
    bucket.start()
    write(tmp_path / "judgments.jsonl", b"one\n")
    bucket.stop()
    assert kept(folder) == {"judgments.jsonl"}
