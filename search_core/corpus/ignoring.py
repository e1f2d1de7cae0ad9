"""What a folder asks to leave out: .codesearchignore, .gitignore and .git/info/exclude."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

OWN, GIT = ".codesearchignore", ".gitignore"
IGNORE_FILES = frozenset({OWN, GIT})
MAX_BYTES = 1_000_000
GROUP_NAME = re.compile(r"\(\?P<\w+>")


class _IgnoreFile:
    """One file's patterns. folder: where it lies, empty or ending in /."""

    def __init__(self, folder: str, lines: list[str]) -> None:
        self._start = len(folder)
        self._spec = GitIgnoreSpec.from_lines(_valid_patterns(lines))
        patterns = [pattern.regex.pattern for pattern in self._spec.patterns if pattern.regex]
        # One expression instead of dozens tells of nearly all paths that no pattern speaks of them.
        self._any = re.compile("|".join(GROUP_NAME.sub("(?:", pattern) for pattern in patterns))
        self._empty = not patterns

    def verdict(self, path: str) -> bool | None:
        inside = path[self._start :]
        if self._empty or not self._any.match(inside):
            return None
        return self._spec.check_file(inside).include


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
    return (_IgnoreFile(relative, lines),)


def _valid_patterns(lines: list[str]) -> Iterator[str]:
    """Like git, pass over a pattern that means nothing (a lone `!`)."""
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        yield line
