"""What a folder asks to leave out: .codesearchignore, .gitignore and .git/info/exclude."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from search_core.corpus.path_glob import path_pattern
from search_core.types import StudioError

OWN, GIT = ".codesearchignore", ".gitignore"
IGNORE_FILES = frozenset({OWN, GIT})
MAX_BYTES = 1_000_000
MAX_LINES = 1_000
"""Every path is held against all of them."""

logger = logging.getLogger(__name__)


class _Pattern(NamedTuple):
    """path: matches, as a whole, what the pattern itself speaks of; folders end in /."""

    path: re.Pattern[str]
    ignored: bool


class _IgnoreFile:
    """One file's patterns. folder: where it lies, empty or ending in /."""

    def __init__(self, folder: str, lines: Iterable[str]) -> None:
        self._start = len(folder)
        self._patterns = [*_patterns(lines)]
        # One expression instead of dozens tells of nearly all paths that no pattern speaks of them.
        self._any = re.compile("|".join(pattern.path.pattern for pattern in self._patterns) or r"(?!)")

    def verdict(self, path: str) -> bool | None:
        """Where no pattern speaks of the path itself, what holds for the folder that it lies in."""
        inside = path[self._start :]
        if not self._any.match(inside):
            return None
        while inside:
            for pattern in reversed(self._patterns):
                if pattern.path.fullmatch(inside):
                    return pattern.ignored
            inside = inside[: inside.rstrip("/").rfind("/") + 1]
        return None


_Rules = tuple[_IgnoreFile, ...]
"""The ignore files above a path, outermost first."""


@dataclass(frozen=True)
class IgnoreRules:
    """The patterns that hold inside one folder. Those of our own files win over all of git's."""

    own: _Rules = ()
    git: _Rules = ()

    @classmethod
    def of(cls, root: Path) -> IgnoreRules:
        """Those of the repository whose top folder this is."""
        return cls(git=_read(root / ".git" / "info", "exclude", ""))

    def inside(self, folder: str, relative: str) -> IgnoreRules:
        """With the ignore files that lie in a folder. relative: empty, or ending in /."""
        own, git = _read(folder, OWN, relative), _read(folder, GIT, relative)
        return IgnoreRules((*self.own, *own), (*self.git, *git)) if own or git else self

    def verdict(self, path: str) -> bool | None:
        """True: left out; False: asked for by a pattern that starts with `!`; None: no pattern speaks of it.

        Git's rule: the last matching pattern of the innermost file decides.
        """
        verdicts = (file.verdict(path) for file in (*reversed(self.own), *reversed(self.git)))
        return next((verdict for verdict in verdicts if verdict is not None), None)

    def asks_for(self, path: str) -> bool:
        """Whether one of our own files wants this path although it looks like nobody's own code."""
        return bool(self.own) and IgnoreRules(self.own).verdict(path) is False


def _read(folder: str | Path, name: str, relative: str) -> _Rules:
    path = os.path.join(folder, name)  # noqa: PTH118 — the name may be no Unicode
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # a link may lead out of the folder, a pipe never ends
            return ()
        with open(path, "rb") as file:  # noqa: PTH123
            lines = os.fsdecode(file.read(MAX_BYTES).removeprefix(b"\xef\xbb\xbf")).splitlines()
    except OSError:
        return ()
    if len(lines) > MAX_LINES:
        logger.warning("%s has %d lines: only the first %d are read", path, len(lines), MAX_LINES)
    return (_IgnoreFile(relative, lines[:MAX_LINES]),)


def _patterns(lines: Iterable[str]) -> Iterator[_Pattern]:
    """Like git, pass over a pattern that means nothing (a lone `!`, `[z-a]`)."""
    for line in lines:
        pattern = line if line.endswith("\\ ") else line.rstrip()
        glob = pattern.removeprefix("!")
        if glob and not pattern.startswith("#"):
            with suppress(StudioError):
                yield _Pattern(re.compile(_expression(glob)), ignored=glob == pattern)


def _expression(glob: str) -> str:
    """Of what is above the last `**`, the first place found will do (an atomic group), as in path_pattern.

    Raises StudioError for what is no glob.
    """
    if "/" not in glob[:-1]:  # a name alone holds at any depth
        glob = f"**/{glob}"
    names = glob.removeprefix("/").removesuffix("/").split("/")
    if names[-1] == "**":
        names.append("*")
    runs = [""]
    for name in names:
        if name == "**":
            runs.append("(?:[^/]+/)*?")
        else:
            runs[-1] += f"(?=[^/]){path_pattern(f'/{name}').pattern}/"
    *above, last = runs
    expression = "".join(f"(?>{run})" for run in above) + last
    return expression if glob.endswith("/") else f"{expression}?"
