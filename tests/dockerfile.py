"""A Dockerfile as instructions, and what `COPY . .` would bring."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pathspec


@dataclass(frozen=True)
class Instruction:
    """name: in capitals. text: what follows, on one line. user: whom a step of this place runs as."""

    name: str
    text: str
    user: str

    @property
    def words(self) -> list[str]:
        """Without options."""
        return [word for word in shlex.split(self.text) if not word.startswith("--")]


def read_dockerfile(path: Path) -> list[Instruction]:
    return list(_instructions(path.read_text("utf-8")))


def _instructions(text: str) -> Iterator[Instruction]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    user = "root"
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "USER":
            user = rest.strip()
        if name:
            yield Instruction(name.upper(), rest.strip(), user)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """ENV as Docker reads it: `$NAME` stands for what was set before."""
    return re.sub(r"\$(\w+)", lambda match: variables.get(match[1], ""), text)


def build_context(root: Path) -> list[str]:
    """The POSIX paths that Docker would get, of those that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    left_out = pathspec.GitIgnoreSpec.from_lines((root / ".dockerignore").read_text().splitlines())
    paths = (path for path in listed.stdout.split("\0") if path and (root / path).is_file())
    return [path for path in paths if not left_out.match_file(path)]
