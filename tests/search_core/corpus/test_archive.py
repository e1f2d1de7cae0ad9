"""Archives: what is in a zip or tar, and nothing that a hostile one may want."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from search_core.corpus import archive, load_corpus
from search_core.settings import Settings
from search_core.types import Corpus, StudioError

CODE = "def f():\n    return 1\n"
Pack = Callable[[Path, Mapping[str, str]], None]


def pack_zip(file: Path, members: Mapping[str, str]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in members.items():
            opened.writestr(name, text)


def pack_tar(file: Path, members: Mapping[str, str]) -> None:
    with tarfile.open(file, "w" if file.suffix == ".tar" else "w:gz") as opened:
        for name, text in members.items():
            add(opened, name, text)


def add(opened: tarfile.TarFile, name: str, text: str = "", **fields: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(text.encode())
    for field, value in fields.items():
        setattr(member, field, value)
    opened.addfile(member, io.BytesIO(text.encode()))


EVERY_KIND = pytest.mark.parametrize(
    ("name", "pack"),
    [("code.zip", pack_zip), ("code.tar", pack_tar), ("code.tar.gz", pack_tar), ("code.tgz", pack_tar)],
)


def functions(corpus: Corpus) -> list[str]:
    return [document.id for document in corpus.documents if document.kind == "function"]


def reasons(corpus: Corpus) -> dict[str, str]:
    return {file.path: file.reason for file in corpus.skipped}


def written(settings: Settings) -> set[str]:
    """Paths of every file that lies in a snapshot."""
    places = (settings.workspace / "sources").glob("*/files-*")
    return {
        path.relative_to(place).as_posix() for place in places for path in place.rglob("*") if path.is_file()
    }


@EVERY_KIND
def test_an_archive_is_its_source_files(name: str, pack: Pack, tmp_path: Path, settings: Settings) -> None:
    pack(tmp_path / name, {"a.py": CODE, "pkg/b.py": CODE, "picture.png": "no code"})
    corpus = load_corpus(str(tmp_path / name), settings)
    assert functions(corpus) == ["a.py::f", "pkg/b.py::f"]
    assert (corpus.files, corpus.skipped) == (2, ())
    assert written(settings) == {"a.py", "pkg/b.py"}


@EVERY_KIND
def test_the_only_folder_at_the_top_is_no_part_of_paths(
    name: str, pack: Pack, tmp_path: Path, settings: Settings
) -> None:
    pack(tmp_path / name, {"thing-1.0/a.py": CODE, "thing-1.0/b/c.py": CODE, "__MACOSX/x": ""})
    assert functions(load_corpus(str(tmp_path / name), settings)) == ["a.py::f", "b/c.py::f"]


def test_a_file_beside_a_folder_keeps_the_folder(tmp_path: Path, settings: Settings) -> None:
    pack_zip(tmp_path / "code.zip", {"src/a.py": CODE, "LICENSE": ""})
    assert functions(load_corpus(str(tmp_path / "code.zip"), settings)) == ["src/a.py::f"]


def test_ignore_files_inside_an_archive_are_respected(tmp_path: Path, settings: Settings) -> None:
    pack_zip(tmp_path / "code.zip", {"top/.gitignore": "gen/\n", "top/a.py": CODE, "top/gen/b.py": CODE})
    assert functions(load_corpus(str(tmp_path / "code.zip"), settings)) == ["a.py::f"]


@EVERY_KIND
def test_no_name_leads_out_of_the_snapshot(name: str, pack: Pack, tmp_path: Path, settings: Settings) -> None:
    hostile = ["/abs.py", "../up.py", "a/../../up.py", "a\\..\\up.py", "C:/drive.py", "a/../inside.py"]
    pack(tmp_path / name, {"good.py": CODE} | dict.fromkeys(hostile, CODE))
    before = {path for path in tmp_path.rglob("*") if settings.workspace not in path.parents}
    corpus = load_corpus(str(tmp_path / name), settings)
    after = {path for path in tmp_path.rglob("*") if settings.workspace not in path.parents}
    assert functions(corpus) == ["good.py::f"]
    assert set(reasons(corpus).values()) == {"unsafe path"}
    assert len(corpus.skipped) == len(hostile)
    assert after - before == {settings.workspace}
    assert written(settings) == {"good.py"}


def test_links_and_devices_in_a_tar_are_counted(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "secret.py").write_text(CODE)
    with tarfile.open(tmp_path / "code.tar", "w") as opened:
        add(opened, "good.py", CODE)
        add(opened, "soft.py", type=tarfile.SYMTYPE, linkname=str(tmp_path / "secret.py"))
        add(opened, "hard.py", type=tarfile.LNKTYPE, linkname="../secret.py")
        add(opened, "pipe.py", type=tarfile.FIFOTYPE)
        add(opened, "disk.py", type=tarfile.BLKTYPE)
        add(opened, "folder", type=tarfile.SYMTYPE, linkname=str(tmp_path))
        add(opened, "folder/secret.py", "def through_the_link(): pass\n")
    corpus = load_corpus(str(tmp_path / "code.tar"), settings)
    assert functions(corpus) == ["folder/secret.py::through_the_link", "good.py::f"]
    assert (tmp_path / "secret.py").read_text() == CODE
    assert reasons(corpus) == {
        "soft.py": "symbolic link, not followed",
        "hard.py": "hard link, not followed",
        "pipe.py": "not a regular file",
        "disk.py": "not a regular file",
    }


def test_links_in_a_zip_are_counted(tmp_path: Path, settings: Settings) -> None:
    link = zipfile.ZipInfo("link.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as opened:
        opened.writestr("good.py", CODE)
        opened.writestr(link, "/etc/passwd")
    corpus = load_corpus(str(tmp_path / "code.zip"), settings)
    assert (functions(corpus), reasons(corpus)) == (
        ["good.py::f"],
        {"link.py": "symbolic link, not followed"},
    )


def test_an_encrypted_member_is_counted(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "code.zip"
    pack_zip(file, {"good.py": CODE, "secret.py": CODE})
    content = bytearray(file.read_bytes())
    at = content.rindex(b"PK\x01\x02")  # the last entry of the list of members; its flags are 8 bytes on
    content[at + 8] |= 1
    file.write_bytes(content)
    corpus = load_corpus(str(file), settings)
    assert (functions(corpus), reasons(corpus)) == (["good.py::f"], {"secret.py": "encrypted"})


@EVERY_KIND
def test_a_file_that_is_too_large_is_counted(
    name: str, pack: Pack, tmp_path: Path, settings: Settings
) -> None:
    pack(tmp_path / name, {"good.py": CODE, "huge.py": os.urandom(1_000_001).hex()})
    corpus = load_corpus(str(tmp_path / name), settings)
    assert (functions(corpus), reasons(corpus)) == (["good.py::f"], {"huge.py": "larger than 2 MB"})


@EVERY_KIND
def test_names_that_clash_are_counted_and_a_name_given_twice_is_read_last(
    name: str, pack: Pack, tmp_path: Path, settings: Settings
) -> None:
    members = {"a.py/b.py": CODE, "a.py": CODE, "A.py": CODE, "x" * 300 + ".py": CODE, "good.py": CODE}
    pack(tmp_path / name, members)
    corpus = load_corpus(str(tmp_path / name), settings)
    assert functions(corpus) == ["A.py::f", "a.py/b.py::f", "good.py::f"]
    assert reasons(corpus) == {
        "a.py": "its name is a file's and a folder's",
        "x" * 300 + ".py": "its name cannot be written: File name too long",
    }


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.gz"])
def test_a_bomb_is_not_read(name: str, tmp_path: Path, settings: Settings) -> None:
    zeros = {f"{number}.py": "\0" * 1_900_000 for number in range(20)}
    (pack_zip if name.endswith(".zip") else pack_tar)(tmp_path / name, zeros)
    with pytest.raises(StudioError, match="unpacks to more than 200 times its size"):
        load_corpus(str(tmp_path / name), settings)
    assert written(settings) == set()


def test_a_header_that_asks_for_much_memory_is_not_believed(tmp_path: Path, settings: Settings) -> None:
    with tarfile.open(tmp_path / "code.tar", "w") as opened:
        add(opened, "x", "9" * 2_000_000, type=tarfile.GNUTYPE_LONGNAME)
        add(opened, "good.py", CODE)
    with pytest.raises(StudioError, match=r"damaged .*a header of 2,000,000 bytes"):
        load_corpus(str(tmp_path / "code.tar"), settings)


@EVERY_KIND
def test_more_than_the_settings_allow_is_an_error_with_the_way_out(
    name: str, pack: Pack, tmp_path: Path, settings: Settings
) -> None:
    pack(tmp_path / name, {f"{number}.py": os.urandom(300_000).hex() for number in range(4)})
    with pytest.raises(StudioError, match=r"more than 3 source files.*CODESEARCH_MAX_FILES"):
        load_corpus(str(tmp_path / name), replace(settings, max_files=3))
    with pytest.raises(StudioError, match="larger than 1 MB: raise CODESEARCH_MAX_SOURCE_MB"):
        load_corpus(str(tmp_path / name), replace(settings, max_source_mb=1))


@EVERY_KIND
def test_members_that_are_no_code_are_limited_too(
    name: str, pack: Pack, tmp_path: Path, settings: Settings
) -> None:
    pack(tmp_path / name, {f"{number}.png": "" for number in range(41)})
    with pytest.raises(StudioError, match="or 40 of any kind"):
        load_corpus(str(tmp_path / name), replace(settings, max_files=2))


@EVERY_KIND
def test_an_archive_without_code_says_what_is_in_it(
    name: str, pack: Pack, tmp_path: Path, settings: Settings
) -> None:
    pack(tmp_path / name, {"a.png": "", "b.png": "", "c.pdf": ""})
    with pytest.raises(StudioError, match=r"no code to search: .*other files: 2 \.png, 1 \.pdf"):
        load_corpus(str(tmp_path / name), settings)


@EVERY_KIND
@pytest.mark.parametrize("damage", ["empty", "truncated", "something else"])
def test_a_damaged_archive_is_named(
    name: str, pack: Pack, damage: str, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / name
    pack(file, {f"{number}.py": os.urandom(20_000).hex() for number in range(3)})
    content = {"empty": b"", "truncated": file.read_bytes()[:50_000], "something else": b"x" * 4_000}
    file.write_bytes(content[damage])
    with pytest.raises(StudioError, match=f"{name}.* is damaged or not what its name says"):
        load_corpus(str(file), settings)


def test_a_damaged_member_of_a_zip_is_counted(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "code.zip"
    pack_zip(file, {"bad.py": os.urandom(5_000).hex(), "good.py": CODE})
    content = bytearray(file.read_bytes())
    content[1_000:1_100] = bytes(100)
    file.write_bytes(content)
    corpus = load_corpus(str(file), settings)
    assert functions(corpus) == ["good.py::f"]
    assert reasons(corpus)["bad.py"].startswith("damaged: ")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_however_a_member_is_packed_its_damage_is_counted(
    method: int, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / "code.zip"
    with zipfile.ZipFile(file, "w", method) as opened:
        opened.writestr("bad.py", os.urandom(5_000).hex())
        opened.writestr("good.py", CODE)
    content = bytearray(file.read_bytes())
    content[60:160] = b"\xff" * 100
    file.write_bytes(content)
    corpus = load_corpus(str(file), settings)
    assert functions(corpus) == ["good.py::f"]
    assert reasons(corpus)["bad.py"].startswith("damaged: ")


def test_a_member_without_a_name_is_counted(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "code.zip"
    pack_zip(file, {"good.py": CODE, "Nameless": CODE})
    file.write_bytes(file.read_bytes().replace(b"Nameless", b"\0ameless"))  # a name ends at a NUL byte
    corpus = load_corpus(str(file), settings)
    assert (functions(corpus), reasons(corpus)) == (["good.py::f"], {"": "unsafe path"})


def test_a_zip_of_a_version_yet_to_come_is_named(tmp_path: Path, settings: Settings) -> None:
    file = tmp_path / "code.zip"
    pack_zip(file, {"a.py": CODE})
    content = bytearray(file.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 99  # the version that is needed to extract
    file.write_bytes(content)
    with pytest.raises(
        StudioError, match=r"code\.zip.* is damaged or not what its name says \(zip file version"
    ):
        load_corpus(str(file), settings)


def test_an_archive_is_read_again_only_where_its_content_changed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "code.zip"
    read: list[str] = []
    plain = archive._read_zip
    monkeypatch.setattr(
        archive, "_read_zip", lambda source, *rest: (read.append("zip"), plain(source, *rest))[1]
    )
    pack_zip(file, {"a.py": CODE})
    first = load_corpus(str(file), settings)
    assert load_corpus(str(file), settings) == first
    os.utime(file, (1, 1))  # another time, the same content
    assert load_corpus(str(file), settings) == first
    assert read == ["zip"]
    pack_zip(file, {"a.py": CODE, "b.py": CODE})
    assert functions(load_corpus(str(file), settings)) == ["a.py::f", "b.py::f"]
    assert read == ["zip", "zip"]
    assert written(settings) == {"a.py", "b.py"}  # the files of before are gone
