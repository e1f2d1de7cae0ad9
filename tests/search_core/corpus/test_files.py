"""Which files a code corpus is made of. Nothing that is wrong with one file stops the others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from search_core.corpus import load_corpus
from search_core.corpus.chunker import LeftOut
from search_core.corpus.code import load_code
from search_core.corpus.files import SourceFile, list_distribution, list_folder, read_file
from search_core.corpus.spec import CodeSource
from search_core.settings import Settings
from search_core.types import StudioError, silent

CODE = "def f():\n    return 1\n"


def write(root: Path, *paths: str, content: str = CODE) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def listed(root: Path) -> list[str]:
    return [file.path for file in list_folder(root, [".py"]).files]


def test_files_are_listed_in_the_order_of_their_paths(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "a/z.py", "a.py", "a/b/c.py", "notes.txt")
    assert listed(tmp_path) == ["a.py", "a/b/c.py", "a/z.py", "b.py"]


@pytest.mark.parametrize(
    "left_out",
    [
        ".git/hook.py",
        ".hidden.py",
        ".venv/lib/x.py",
        "node_modules/gyp/x.py",
        "pkg/__pycache__/x.py",
        "env/lib/python3.11/site-packages/x.py",
    ],
)
def test_hidden_and_installed_files_are_left_out(tmp_path: Path, left_out: str) -> None:
    write(tmp_path, "kept.py", left_out)
    assert listed(tmp_path) == ["kept.py"]


def test_a_virtual_environment_is_known_by_its_configuration(tmp_path: Path) -> None:
    write(tmp_path, "kept.py", "myenv/pyvenv.cfg", "myenv/bin/activate_this.py")
    assert listed(tmp_path) == ["kept.py"]


def test_gitignore_is_respected_as_git_does(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", content="build/\n*_pb2.py\n/top.py\n!\n# comment\n")
    write(tmp_path, "sub/.gitignore", content="!kept_pb2.py\nlocal.py\n")
    write(tmp_path, "build/a.py", "x_pb2.py", "top.py", "sub/top.py", "sub/x_pb2.py", "sub/kept_pb2.py")
    write(tmp_path, "sub/local.py", "local.py", "sub/build/b.py", "sub/deep/local.py")
    assert listed(tmp_path) == ["local.py", "sub/kept_pb2.py", "sub/top.py"]


def test_the_standard_librarys_own_tests_are_left_out(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path, "json/decoder.py", "json/tests/test_it.py", "test/support.py", "idlelib/idle_test/x.py")
    source = CodeSource("stdlib", "stdlib", tmp_path, "stdlib")
    corpus = load_code(source, settings, silent)
    assert [document.id for document in corpus.documents] == ["json/decoder.py::f"]


def test_symbolic_links_are_reported_and_never_followed(tmp_path: Path) -> None:
    write(tmp_path, "real.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.py").symlink_to(tmp_path / "self.py")
    (tmp_path / "alias.py").symlink_to(tmp_path / "real.py")
    listing = list_folder(tmp_path, [".py"])
    assert [file.path for file in listing.files] == ["real.py"]
    assert [file.path for file in listing.skipped] == ["alias.py", "loop", "self.py"]
    assert {file.reason for file in listing.skipped} == {"symbolic link, not followed"}


def test_a_file_that_cannot_be_used_is_reported_with_its_reason(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path, "good.py", "huge.py")
    (tmp_path / "binary.py").write_bytes(b"x = 1\0")
    with (tmp_path / "huge.py").open("r+") as file:
        file.truncate(2_000_001)
    (tmp_path / "latin.py").write_bytes("s = 'é'\n".encode("latin-1"))
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "escape.py").write_text("# coding: unicode_escape\ns = '\\ud800'\n")
    (tmp_path / "codec.py").write_text("# coding: rot13\n")
    os.mkfifo(tmp_path / "pipe.py")
    corpus = load_corpus(str(tmp_path), settings)
    assert [document.id for document in corpus.documents] == ["good.py::f"]
    assert corpus.files == 1
    reasons = {file.path: file.reason for file in corpus.skipped}
    assert list(reasons) == sorted(reasons)
    assert reasons.pop("binary.py") == "binary file"
    assert reasons.pop("huge.py") == "larger than 2 MB"
    assert reasons.pop("pipe.py") == "not a regular file"
    assert reasons.pop("broken.py").startswith("syntax error in line 1: ")
    assert reasons.pop("latin.py").startswith("cannot be decoded: ")
    assert reasons.pop("codec.py").startswith("cannot be decoded: ")
    assert reasons.pop("escape.py").startswith("cannot be ")
    assert not reasons


def test_a_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(LeftOut, match="cannot be read: No such file"):
        read_file(SourceFile("gone.py", str(tmp_path / "gone.py"), 1, 1))


def test_a_name_that_is_no_unicode_is_shown_escaped(tmp_path: Path, settings: Settings) -> None:
    for name in (b"caf\xe9.py", rb"caf\xe9.py"):
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_text(CODE)  # noqa: PTH118
    for _ in ("read", "stored"):
        corpus = load_corpus(str(tmp_path), settings)
        assert [document.path for document in corpus.documents] == [r"caf\\xe9.py", r"caf\xe9.py"]
        assert json.dumps([document.id for document in corpus.documents]).isascii()


def test_a_folder_without_code_says_what_was_found(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "data.py").write_bytes(b"\0")
    with pytest.raises(
        StudioError, match=r"0 \.py files were read, 1 left out \(first: data.py, binary file\)"
    ):
        load_corpus(str(tmp_path), settings)


def test_a_package_is_its_distributions_files(settings: Settings) -> None:
    corpus = load_corpus("package:pathspec", settings)
    assert {document.path.split("/")[0] for document in corpus.documents if document.path} == {"pathspec"}
    assert "pathspec/gitignore.py::GitIgnoreSpec.from_lines" in corpus.by_id


@pytest.mark.parametrize("name", ["no-such-distribution", ""])
def test_a_package_that_is_not_installed_is_named(name: str, settings: Settings) -> None:
    with pytest.raises(StudioError, match=f"No installed distribution is called {name!r}"):
        load_corpus(f"package:{name}", settings)


def installed(site: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        write(site, f"thing-1.0.dist-info/{name}", content=content)
    write(site, "thing-1.0.dist-info/METADATA", content="Name: thing\nVersion: 1.0\n")


def test_an_editable_package_points_to_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = {"url": "file:///home/me/my%20code", "dir_info": {"editable": True}}
    installed(tmp_path, {"direct_url.json": json.dumps(origin)})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StudioError, match="give its folder instead, /home/me/my code"):
        list_distribution("thing", [".py"])


def test_a_package_without_a_list_of_files_points_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, {})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StudioError, match="does not list its files"):
        list_distribution("thing", [".py"])


def test_a_package_has_no_files_outside_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, {"RECORD": "thing.py,,\nmissing.py,,\n../../bin/x.py,,\n/etc/y.py,,\nthing.txt,,\n"})
    write(tmp_path, "thing.py")
    monkeypatch.syspath_prepend(tmp_path)
    listing = list_distribution("thing", [".py"])
    assert [file.path for file in listing.files] == ["thing.py"]
    assert [file.path for file in listing.skipped] == ["missing.py"]
