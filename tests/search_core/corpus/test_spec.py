"""One string names a corpus."""

from __future__ import annotations

import re
import sysconfig
from pathlib import Path

import pytest

from search_core.corpus.spec import (
    ACCEPTED,
    ArchiveSource,
    CodeSource,
    DatasetSource,
    GitSource,
    UnionSource,
    corpus_id,
    lasting_spec,
    parse_spec,
)
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
    ("spec", "url", "revision"),
    [
        ("https://github.com/acme/tools", "https://github.com/acme/tools", None),
        ("https://GitHub.com/acme/tools/", "https://github.com/acme/tools", None),
        ("https://github.com/acme/tools.git@v1.0", "https://github.com/acme/tools.git", "v1.0"),
        ("https://gitlab.com/a/b/c@feature/x", "https://gitlab.com/a/b/c", "feature/x"),
        ("https://git.example.org:8443/~me/my.tools", "https://git.example.org:8443/~me/my.tools", None),
        ("http://127.0.0.1/a/b", "http://127.0.0.1/a/b", None),
        ("https://[::1]/a/b@" + "c0" * 20, "https://[::1]/a/b", "c0" * 20),
    ],
)
def test_a_repository_is_an_address_and_a_revision(spec: str, url: str, revision: str | None) -> None:
    source = parse_spec(spec)
    assert isinstance(source, GitSource)
    assert (source.url, source.revision) == (url, revision)


def test_the_same_repository_has_one_place_however_it_is_spelt() -> None:
    same = (
        "https://github.com/acme/tools",
        "https://github.com/acme/tools.git/",
        "https://GITHUB.com/acme/tools",
    )
    assert len({corpus_id(parse_spec(spec)) for spec in same}) == 1
    others = (same[0], "https://github.com/acme/tools@v1", "https://gitlab.com/acme/tools")
    assert len({corpus_id(parse_spec(spec)) for spec in others}) == 3


@pytest.mark.parametrize(
    ("host", "link"),
    [
        ("github.com", "/blob/c0ffee/a%20b.py#L3-L9"),
        ("gitlab.com", "/-/blob/c0ffee/a%20b.py#L3-9"),
        ("gitlab.gnome.org", "/-/blob/c0ffee/a%20b.py#L3-9"),
        ("codeberg.org", "/src/commit/c0ffee/a%20b.py#L3-L9"),
        ("bitbucket.org", "/src/c0ffee/a%20b.py#lines-3:9"),
    ],
)
def test_links_are_those_of_the_kind_of_server(host: str, link: str) -> None:
    source = parse_spec(f"https://{host}/acme/tools.git@main")
    assert isinstance(source, GitSource)
    assert source.permalink("c0ffee", "a b.py", 3, 9) == f"https://{host}/acme/tools{link}"


@pytest.mark.parametrize(
    "spec",
    ["git@github.com:acme/tools.git", "ssh://git@host/a/b", "git://host/a/b", "file:///etc", "ext::sh://x"],
)
def test_other_protocols_say_what_to_give_instead(spec: str) -> None:
    with pytest.raises(StudioError, match=r"https://HOST/OWNER/REPO\[@REV\]"):
        parse_spec(spec)


def test_an_address_with_a_password_is_refused_and_not_repeated() -> None:
    for spec in ("https://me:secret@github.com/a/b", "https://secret@github.com/a/b"):
        with pytest.raises(StudioError, match="a user or a password is refused") as caught:
            parse_spec(spec)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "https://github.com",
        "https://github.com/acme",
        "https://github.com/acme/tools?x=1",
        "https://github.com/acme/tools#readme",
        "https://github.com/../tools",
        "https://github.com/acme/./tools",
        "https://github.com/acme/tools@",
        "https://github.com/acme/tools@--upload-pack=x",
        "https://github.com/acme/tools@a..b",
        "https://github.com\\@host/acme/tools",
        "https://github.com/acme/tools\n",
        "https://gıthub.com/acme/tools",
        "https:///acme/tools",
    ],
)
def test_anything_else_is_no_address(spec: str) -> None:
    with pytest.raises(StudioError, match="give https://HOST/OWNER/REPO"):
        parse_spec(spec)


def test_the_address_of_a_page_is_translated() -> None:
    for page in ("https://github.com/a/b/tree/v1", "https://gitlab.com/a/b/-/blob/v1/x.py"):
        with pytest.raises(StudioError, match=r"is a page about a repository: give https://\w+\.com/a/b@v1"):
            parse_spec(page)


def test_an_archive_is_known_by_its_name(tmp_path: Path) -> None:
    for name in ("tools.zip", "tools.tar", "tools.tar.gz", "tools.TGZ"):
        (tmp_path / name).touch()
        source = parse_spec(str(tmp_path / name))
        assert source == ArchiveSource(str(tmp_path / name), tmp_path / name, "tools")
    with pytest.raises(StudioError, match="no archive of that name exists"):
        parse_spec("nowhere.tar.gz")
    (tmp_path / "tools.rar").touch()
    with pytest.raises(StudioError, match=r"neither a folder nor one of \.zip, "):
        parse_spec(str(tmp_path / "tools.rar"))


def test_a_union_gives_each_part_a_name_of_its_own(tmp_path: Path) -> None:
    for folder in ("a/src", "b/src", "c"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "c" / "src-2.zip").touch()
    parts = ["a/src", "b/src", "c/src-2.zip"]
    source = parse_spec(
        " + ".join(["stdlib", "https://h.org/o/r@v", *(str(tmp_path / part) for part in parts)])
    )
    assert isinstance(source, UnionSource)
    assert source.names == ("stdlib", "r", "src", "src-2", "src-2-2")


def test_a_folder_whose_name_looks_like_a_union_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "salt + pepper").mkdir()
    assert isinstance(parse_spec(str(tmp_path / "salt + pepper")), CodeSource)


def test_a_lasting_spec_names_the_same_folders_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("live", "old"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert lasting_spec(parse_spec("./live")) == f"{tmp_path}/live"
    assert lasting_spec(parse_spec("./live + stdlib + old")) == f"{tmp_path}/live + stdlib + {tmp_path}/old"


def test_what_cannot_be_joined_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="a data set cannot be joined"):
        parse_spec("stdlib + dataset:acme/pairs")
    with pytest.raises(StudioError, match="names 'stdlib' twice"):
        parse_spec("stdlib + stdlib")
    with pytest.raises(StudioError, match="Unknown corpus ''"):
        parse_spec("stdlib + ")


@pytest.mark.parametrize(
    "spec", ["", " ", "nowhere/at/all", "git:thing", "STDLIB", "a\0b", "~nobody-of-that-name/x", "x" * 5000]
)
def test_what_names_nothing_is_told_the_accepted_forms(spec: str) -> None:
    with pytest.raises(StudioError, match=f"Give {re.escape(ACCEPTED)}"):
        parse_spec(spec)


@pytest.mark.parametrize("name", ["", "/no/such/folder", "json", "a/b/c", "a b/c", "../x"])
def test_a_data_set_is_a_folder_or_owner_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
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
