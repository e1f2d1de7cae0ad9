"""One string names a corpus."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from search_core.corpus.spec import DatasetSource, corpus_id, parse_spec
from search_core.types import StudioError


def test_stdlib_is_the_library_of_this_interpreter() -> None:
    assert parse_spec("stdlib").identity == f"stdlib\0{sysconfig.get_path('stdlib')}\0stdlib"


def test_reserved_words_win_over_folders_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stdlib").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_spec("stdlib").identity.startswith("stdlib\0")
    assert parse_spec("./stdlib").identity == f"folder\0{tmp_path / 'stdlib'}\0stdlib"


def test_an_existing_folder_wins_over_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme" / "pairs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert parse_spec("dataset:acme/pairs") == DatasetSource(
        "dataset:acme/pairs", str(tmp_path / "acme" / "pairs"), local=True
    )
    assert parse_spec("dataset:acme/other") == DatasetSource("dataset:acme/other", "acme/other", local=False)


@pytest.mark.parametrize(
    "spec", ["https://example.org/a/b", "git@example.org:a/b.git", "code.zip", "code.tar.gz"]
)
def test_what_comes_later_says_that_a_folder_works(spec: str) -> None:
    with pytest.raises(StudioError, match=r"not supported by this version.*give the folder"):
        parse_spec(spec)


@pytest.mark.parametrize(
    "spec", ["", " ", "nowhere/at/all", "git:thing", "STDLIB", "a\0b", "~nobody-of-that-name/x", "x" * 5000]
)
def test_anything_else_names_the_accepted_forms(spec: str) -> None:
    with pytest.raises(StudioError, match="stdlib, package:NAME, dataset:ID_OR_PATH or a folder"):
        parse_spec(spec)


@pytest.mark.parametrize("name", ["", "/no/such/folder", "json", "a/b/c", "a b/c", "../x"])
def test_a_data_set_is_a_folder_or_owner_and_name(name: str) -> None:
    with pytest.raises(StudioError, match="neither an existing folder nor a Hub id"):
        parse_spec(f"dataset:{name}")


def test_the_same_place_has_one_folder_in_the_workspace_however_it_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path)
    ids = {spec: corpus_id(parse_spec(spec)) for spec in ("code", "./code", str(tmp_path / "code"))}
    assert len(set(ids.values())) == 1
    assert ids["code"].startswith("code-")
    assert corpus_id(parse_spec("dataset:code")) != ids["code"]
