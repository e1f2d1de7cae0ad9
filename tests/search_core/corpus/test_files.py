"""Which files a code corpus is made of. Nothing that is wrong with one file stops the others."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from search_core.corpus import load_corpus
from search_core.corpus.chunker import LeftOut
from search_core.corpus.code import load_code
from search_core.corpus.files import SourceFile, list_distribution, list_folder, read_file, summary_of_skipped
from search_core.corpus.spec import CodeSource
from search_core.settings import Settings
from search_core.types import SkippedFile, StudioError, silent

CODE = "def f():\n    return 1\n"


def write(root: Path, *paths: str, content: str = CODE) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def is_python(path: str) -> bool:
    return path.endswith(".py")


def listed(root: Path) -> list[str]:
    return [file.path for file in list_folder(root, is_python).files]


def left_out(root: Path) -> dict[str, str]:
    return {file.path: file.reason for file in list_folder(root, is_python).skipped}


def test_files_are_listed_in_the_order_of_their_paths(tmp_path: Path) -> None:
    write(tmp_path, "b.py", "a/z.py", "a.py", "a/b/c.py", "notes.txt")
    assert listed(tmp_path) == ["a.py", "a/b/c.py", "a/z.py", "b.py"]


@pytest.mark.parametrize(
    "passed_over",
    [
        ".git/hook.py",
        ".hidden.py",
        ".venv/lib/x.py",
        "pkg/__pycache__/x.py",
        "env/lib/python3.11/site-packages/x.py",
    ],
)
def test_hidden_and_installed_files_are_passed_over(tmp_path: Path, passed_over: str) -> None:
    write(tmp_path, "kept.py", passed_over)
    assert listed(tmp_path) == ["kept.py"]


def test_virtual_environments_and_caches_are_known_by_a_file_in_them(tmp_path: Path) -> None:
    write(tmp_path, "kept.py", "myenv/pyvenv.cfg", "myenv/bin/activate_this.py")
    write(tmp_path, "target/CACHEDIR.TAG", "target/build.py")
    assert listed(tmp_path) == ["kept.py"]


def test_gitignore_is_respected_as_git_does(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", content="build/\n*_tmp.py\n/top.py\n!\n# comment\n")
    write(tmp_path, "sub/.gitignore", content="!kept_tmp.py\nlocal.py\n")
    write(tmp_path, "build/a.py", "x_tmp.py", "top.py", "sub/top.py", "sub/x_tmp.py", "sub/kept_tmp.py")
    write(tmp_path, "sub/local.py", "local.py", "sub/build/b.py", "sub/deep/local.py")
    assert listed(tmp_path) == ["local.py", "sub/kept_tmp.py", "sub/top.py"]


@pytest.mark.parametrize(
    "patterns",
    [
        ["*", "!*/", "!*b.py"],
        ["*b.py", "!deep"],  # what is in a folder that is asked for is still left out by its own name
        ["a/*", "!a/deep"],
        ["a/**", "!a/**/", "!a/**/b.py"],
        ["**/deep/**/x*", "!a/**/xb.py"],
        ["deep", "!/deep"],
        ["a/**/b.py", "/*/b.py", "[!a]b.py"],
    ],
)
def test_of_two_patterns_that_contradict_git_s_choice_is_taken(tmp_path: Path, patterns: list[str]) -> None:
    folders = ("", "a/", "deep/", "a/deep/", "a/deep/deep/", "b/a/deep/")
    write(tmp_path, *(f"{folder}{name}.py" for folder in folders for name in ("a", "b", "ab", "xb")))
    write(tmp_path, ".gitignore", content="\n".join(patterns))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    told = ["git", "ls-files", "--others", "--exclude-standard", "*.py"]
    expected = subprocess.run(told, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert listed(tmp_path) == sorted(expected.split())


def test_a_hostile_ignore_file_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hostile = ["*a" * 8 + "*b", "**/a*/" * 20 + "~", "[z-a]", "[", "!", "a\\", "#", "", "x" * 10_000]
    write(tmp_path, ".gitignore", content="\n".join([*hostile, "gone.py", *["#"] * 990, "*.py"]))
    write(tmp_path, "a" * 60 + ".py", "gone.py", "/".join(["a" * 60] * 10) + "/a.py")
    started = time.perf_counter()
    assert listed(tmp_path) == ["a" * 60 + ".py", "/".join(["a" * 60] * 10) + "/a.py"]
    assert time.perf_counter() - started < 10  # takes tenths; trying every way would take years
    assert ".gitignore has 1001 lines: only the first 1000 are read" in caplog.text


def test_the_repositorys_own_list_of_excluded_files_counts_least(tmp_path: Path) -> None:
    write(tmp_path, ".git/info/exclude", content="local.py\nscratch.py\n")
    write(tmp_path, ".gitignore", content="!scratch.py\n")
    write(tmp_path, "local.py", "pkg/local.py", "scratch.py")
    assert listed(tmp_path) == ["scratch.py"]


def test_our_own_ignore_file_wins_over_those_of_git(tmp_path: Path) -> None:
    write(tmp_path, ".codesearchignore", content="!wanted.py\nlegacy/\n")
    write(tmp_path, ".gitignore", content="wanted.py\n")
    write(tmp_path, "sub/.gitignore", content="wanted.py\n!legacy/\n")
    write(tmp_path, "wanted.py", "sub/wanted.py", "sub/legacy/a.py", "legacy/b.py", "c.py")
    assert listed(tmp_path) == ["c.py", "sub/wanted.py", "wanted.py"]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_an_ignore_file_that_is_no_file_is_not_read(tmp_path: Path, kind: str) -> None:
    write(tmp_path, "code/a.py")
    write(tmp_path, "outside", content="*.py\n")
    place = tmp_path / "code" / ".gitignore"
    {
        "link": lambda: place.symlink_to(tmp_path / "outside"),
        "pipe": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }[kind]()
    assert listed(tmp_path / "code") == ["a.py"]


VENDORED = "vendored: other people's code"


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        (["node_modules/left/pad.py"], "node_modules/"),
        (["web/bower_components/x.py"], "web/bower_components/"),
        (["third_party/abseil/x.py"], "third_party/"),
        (["pkg/_vendor/x.py"], "pkg/_vendor/"),
        (["go.mod", "vendor/x.py"], "vendor/"),
        (["sub/composer.json", "sub/vendor/x.py"], "sub/vendor/"),
        (["pkg/vendor/vendor.txt", "pkg/vendor/x.py"], "pkg/vendor/"),
        (["package.json", "src/index.js", "dist/x.py"], "dist/"),
    ],
)
def test_other_peoples_code_is_one_row_with_its_reason(tmp_path: Path, files: list[str], folder: str) -> None:
    write(tmp_path, "kept.py", *files)
    assert listed(tmp_path) == ["kept.py"]
    assert left_out(tmp_path) == {folder: VENDORED}


@pytest.mark.parametrize(
    "path",
    [
        "shop/vendor/models.py",  # who sells
        "src/main/java/com/acme/vendor/Vendor.py",
        "dist/x.py",  # nothing that it could have been built from
        "vendor.py",
        "tests/test_it.py",
        "examples/x.py",
    ],
)
def test_folders_that_only_look_like_it_are_kept(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert listed(tmp_path) == [path]
    assert left_out(tmp_path) == {}


def test_our_own_ignore_file_asks_for_what_would_be_left_out(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path, "third_party/a.py", "user_pb2.py")
    write(tmp_path, "made.py", content="# Code generated by us. DO NOT EDIT.\n" + CODE)
    assert left_out(tmp_path) == {
        "third_party/": VENDORED,
        "user_pb2.py": "generated, by its name",
    }
    write(tmp_path, ".codesearchignore", content="!third_party/\n!*_pb2.py\n!made.py\n")
    corpus = load_corpus(str(tmp_path), settings)
    assert {document.path for document in corpus.documents} == {"made.py", "third_party/a.py", "user_pb2.py"}


def test_what_is_asked_for_is_seen_the_next_time(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path, "a.py")
    write(tmp_path, "made.py", content="# Code generated by us. DO NOT EDIT.\n" + CODE)
    for path in ("a.py", "made.py"):
        os.utime(tmp_path / path, (1_000_000_000, 1_000_000_000))
    before = load_corpus(str(tmp_path), settings)
    assert [(file.path, file.reason) for file in before.skipped] == [
        ("made.py", "generated, by a comment in its first lines")
    ]
    write(tmp_path, ".codesearchignore", content="!made.py\n")
    assert load_corpus(str(tmp_path), settings).files == 2


def test_many_files_that_are_left_out_are_counted_by_folder_and_reason(tmp_path: Path) -> None:
    skipped = [SkippedFile(f"gen/{number}_pb2.py", "generated, by its name") for number in range(150)]
    skipped += [SkippedFile(f"src/{number}.py", f"syntax error: {number}") for number in range(100)]
    skipped += [SkippedFile("a.py", "binary file")]
    assert summary_of_skipped(skipped[:200]) == tuple(sorted(skipped[:200], key=lambda file: file.path))
    assert summary_of_skipped(skipped) == (
        SkippedFile("a.py", "binary file"),
        SkippedFile("gen/", "150 files: generated, by its name"),
        SkippedFile("src/", "100 files: syntax error"),
    )


def test_more_files_than_the_limit_are_an_error_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, *(f"{number % 7}/{number}.py" for number in range(30)))
    assert len(list_folder(tmp_path, is_python, max_files=30).files) == 30
    with pytest.raises(StudioError, match=r"more than 29 source files.*\.codesearchignore, or raise"):
        list_folder(tmp_path, is_python, max_files=29)


def test_files_that_are_no_code_are_limited_too(tmp_path: Path) -> None:
    write(tmp_path, "a.py", *(f"{number}.txt" for number in range(40)))
    assert list_folder(tmp_path, is_python, max_files=3).others == {".txt": 40}
    with pytest.raises(StudioError, match="or 40 of any kind"):
        list_folder(tmp_path, is_python, max_files=2)


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
    listing = list_folder(tmp_path, is_python)
    assert [file.path for file in listing.files] == ["real.py"]
    assert [file.path for file in listing.skipped] == ["alias.py", "loop", "self.py"]
    assert {file.reason for file in listing.skipped} == {"symbolic link, not followed"}


def test_a_file_that_cannot_be_used_is_reported_with_its_reason(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path, "good.py", "huge.py")
    (tmp_path / "binary.py").write_bytes(b"x = 1\0")
    with (tmp_path / "huge.py").open("r+") as file:
        file.truncate(200_000_000)
    os.mkfifo(tmp_path / "pipe.py")
    corpus = load_corpus(str(tmp_path), settings)
    assert [document.id for document in corpus.documents] == ["good.py::f"]
    assert corpus.files == 1
    assert [(file.path, file.reason) for file in corpus.skipped] == [
        ("binary.py", "binary file"),
        ("huge.py", "larger than 2 MB"),
        ("pipe.py", "not a regular file"),
    ]


def test_a_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(LeftOut, match="cannot be read: No such file"):
        read_file(SourceFile("gone.py", str(tmp_path / "gone.py"), 1, 1))


def test_a_file_in_utf_16_is_read_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("s = 'é'\n", encoding="utf-16")
    (tmp_path / "cut.py").write_bytes("s = 'é'\n".encode("utf-16")[:-1])
    [whole, cut] = list_folder(tmp_path, is_python).files
    assert read_file(whole).decode() == "s = 'é'\n"
    with pytest.raises(LeftOut, match="cannot be decoded"):
        read_file(cut)


def test_a_file_that_becomes_a_link_or_a_pipe_is_not_opened(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py", "secret")
    [link, pipe] = list_folder(tmp_path, is_python).files
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").symlink_to(tmp_path / "secret")
    (tmp_path / "b.py").unlink()
    os.mkfifo(tmp_path / "b.py")
    with pytest.raises(LeftOut, match="cannot be read"):
        read_file(link)
    assert read_file(pipe) == b""  # without waiting for a writer


def test_a_name_that_is_no_unicode_is_shown_escaped(tmp_path: Path, settings: Settings) -> None:
    for name in (b"caf\xe9.py", rb"caf\xe9.py"):
        Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name))).write_text(CODE)  # noqa: PTH118
    for _ in ("read", "stored"):
        corpus = load_corpus(str(tmp_path), settings)
        assert [document.path for document in corpus.documents] == [r"caf\\xe9.py", r"caf\xe9.py"]
        assert json.dumps([document.id for document in corpus.documents]).isascii()


def test_a_folder_without_code_says_what_was_found(tmp_path: Path, settings: Settings) -> None:
    write(tmp_path, "a.png", "b/c.png", "LICENSES")
    (tmp_path / "data.py").write_bytes(b"\0")
    with pytest.raises(
        StudioError,
        match=r"no code to search: 0 source files were read; 1 left out \(first: data.py, binary file\); "
        r"other files: 2 \.png, 1 without suffix",
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
        list_distribution("thing", is_python)


def test_a_package_without_a_list_of_files_points_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, {})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StudioError, match="does not list its files"):
        list_distribution("thing", is_python)


def test_a_package_leaves_out_what_it_brings_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, {"RECORD": "thing/a.py,,\nthing/_vendor/b.py,,\nthing/_vendor/c/d.py,,\n"})
    write(tmp_path, "thing/a.py", "thing/_vendor/b.py", "thing/_vendor/c/d.py")
    monkeypatch.syspath_prepend(tmp_path)
    listing = list_distribution("thing", is_python)
    assert [file.path for file in listing.files] == ["thing/a.py"]
    assert listing.skipped == [SkippedFile("thing/_vendor/", VENDORED)]


def test_a_package_has_no_files_outside_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, {"RECORD": "thing.py,,\nmissing.py,,\n../../bin/x.py,,\n/etc/y.py,,\nthing.txt,,\n"})
    write(tmp_path, "thing.py")
    monkeypatch.syspath_prepend(tmp_path)
    listing = list_distribution("thing", is_python)
    assert [file.path for file in listing.files] == ["thing.py"]
    assert [file.path for file in listing.skipped] == ["missing.py"]
