"""Uploaded archives move into the workspace; what is none, or too large, is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search_core.settings import Settings
from search_core.types import StudioError
from ui.offering.details import delete_held
from ui.offering.uploads import delete_upload, keep_upload


def arrived(folder: Path, name: str, content: bytes = b"zip") -> Path:
    """An upload where Gradio leaves it."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("flask.zip", "flask.zip"),
        ("My Code (2).tar.gz", "My-Code-2-.tar.gz"),
        ("..zip", "..zip"),
        ("Größe.zip", "Größe.zip"),
    ],
)
def test_the_file_moves_into_a_folder_of_its_own_under_a_plain_name(
    tmp_path: Path, settings: Settings, name: str, kept: str
) -> None:
    file = arrived(tmp_path / "gradio", name)
    spec = Path(keep_upload(file, settings))
    assert spec.name == kept
    assert spec.read_bytes() == b"zip"
    assert spec.parent.parent == settings.workspace / "uploads"
    assert not file.exists()


def test_the_same_upload_has_the_same_spec_and_other_content_another_one(
    tmp_path: Path, settings: Settings
) -> None:
    first, again, other = (
        keep_upload(arrived(tmp_path / "gradio", "a.zip", content), settings)
        for content in (b"1", b"1", b"2")
    )
    assert first == again != other


def test_only_archives_are_kept(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(StudioError, match=r"'notes\.txt' is no archive: upload one of \.zip, \.tar\.gz"):
        keep_upload(arrived(tmp_path / "gradio", "notes.txt"), settings)


def test_what_is_larger_than_the_settings_allow_is_refused(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(StudioError, match="has more than 1 MB"):
        keep_upload(
            arrived(tmp_path / "gradio", "a.zip", b"x" * 1_000_001), replace(settings, max_source_mb=1)
        )


def test_only_uploads_are_deleted(tmp_path: Path, settings: Settings) -> None:
    elsewhere = arrived(tmp_path / "mine", "a.zip")
    delete_upload(elsewhere, settings.workspace)
    assert elsewhere.exists()
    kept = Path(keep_upload(arrived(tmp_path / "gradio", "b.zip"), settings))
    assert delete_upload(kept, settings.workspace).bytes == len(b"zip")
    assert not kept.exists()


@pytest.mark.parametrize("others", [["{upload} + {gone}"], ["{gone} + {upload}", "stdlib"]])
def test_an_upload_stays_for_a_union_though_another_part_of_it_is_gone(
    tmp_path: Path, settings: Settings, others: list[str]
) -> None:
    upload = keep_upload(arrived(tmp_path / "gradio", "a.zip"), settings)
    specs = [spec.format(upload=upload, gone=tmp_path / "unmounted") for spec in others]
    delete_held(upload, None, specs, settings.workspace)
    assert Path(upload).exists()
    delete_held(upload, None, ["stdlib"], settings.workspace)
    assert not Path(upload).exists()
