"""Path filters mean what they mean in .gitignore, and answer at once, whatever the glob."""

from __future__ import annotations

import time

import pathspec
import pytest

from search_core.corpus.path_glob import MAX_GLOB_CHARACTERS, path_pattern
from search_core.types import StudioError

PATHS = (
    "a.py",
    "src/a.py",
    "src/net/a.py",
    "src/net/deep/ab.py",
    "lib/src/a.py",
    "lib/src.py/x[1].c",
    "docs/src",
    "b-c/d e/f!.txt",
    "b^c/*/f",
)


def found(glob: str) -> list[str]:
    pattern = path_pattern(glob)
    return [path for path in PATHS if pattern.match(path)]


@pytest.mark.parametrize(
    "globs",
    [
        "a.py /a.py src /src src/ /src/ src/a.py net/a.py a.p no.py src.py/ src//a.py //a",
        "* *.py s*c s?c *** src/* src/*/ */ /*/ *.[cp]* src/**/**/a?.py a**y",
        "** **/ /** **/src **/src/ **/src/a.py src/** src/**/*.py **/net/**/*b* **/*.py/** src/**/net/**",
        r"[a-s]*.py [!a]*.py [^a]*.py []x]* *[1]* b[-^]c [*]/f /*/[*]/f \*/ f\!.txt f[!.]",
    ],
)
def test_a_glob_finds_what_pathspec_finds(globs: str) -> None:
    for glob in (*globs.split(), "a.py  ", "d e", "d e/ ", "d\\ e"):
        spec = pathspec.GitIgnoreSpec.from_lines([glob])
        assert found(glob) == [path for path in PATHS if spec.match_file(path)], glob


def test_as_in_git_a_bracket_stands_for_no_slash() -> None:
    assert found("src[!x]a.py") == []


@pytest.mark.parametrize(
    "glob",
    [
        "*?" * 8 + "*~",  # one name, taken apart in every way
        "/".join(["*?*?*"] * 20) + "~",  # every name of a path in every way
        "**/a*/" * 20 + "~",
        "*a" * 90 + "~",
    ],
)
def test_no_glob_takes_long(glob: str) -> None:
    pattern, started = path_pattern(glob), time.perf_counter()
    for number in range(100):
        assert not pattern.match("/".join(["a" * 60 + str(number)] * 25))
    assert time.perf_counter() - started < 5  # takes hundredths; the same with pathspec would take years


@pytest.mark.parametrize("glob", ["", " ", "/", "#a", "!a", "src/[a", "[", "[z-a]", "a\\", "[a/b]"])
def test_what_picks_no_files_is_refused(glob: str) -> None:
    with pytest.raises(StudioError, match=r"is not a gitignore-style glob that picks files, like src/\*\*"):
        path_pattern(glob)


def test_a_glob_has_a_greatest_length() -> None:
    path_pattern("*" * MAX_GLOB_CHARACTERS)
    with pytest.raises(StudioError, match="A path filter has at most 200 characters, got 1,000,000"):
        path_pattern("a" * 1_000_000)
