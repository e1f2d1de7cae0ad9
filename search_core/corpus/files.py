"""Which files a code corpus is made of, and reading them.

A file that cannot be used is never fatal: it is counted with its reason.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pathspec import GitIgnoreSpec

from search_core.corpus.chunker import LeftOut
from search_core.types import SkippedFile, StudioError

MAX_FILE_BYTES = 2_000_000
INSTALLED = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})
"""Folders of things that were installed or generated, not written here."""
TESTS = frozenset({"test", "tests", "idle_test"})
"""Folders of the standard library that hold its own tests."""


class SourceFile(NamedTuple):
    """path: POSIX, relative, printable; location: where it is opened; mtime_ns: time of its last change."""

    path: str
    location: str
    size: int
    mtime_ns: int


@dataclass
class Listing:
    """The files of a corpus by path, and those left out before they were opened."""

    files: list[SourceFile] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)

    def add(self, relative: str, location: str) -> None:
        """List one file, or why it is left out."""
        path = printable(relative)
        try:
            status = os.lstat(location)
        except OSError as error:
            self.skipped.append(SkippedFile(path, _cannot_read(error)))
            return
        if stat.S_ISLNK(status.st_mode):
            self.skipped.append(SkippedFile(path, "symbolic link, not followed"))
        elif not stat.S_ISREG(status.st_mode):
            self.skipped.append(SkippedFile(path, "not a regular file"))
        elif status.st_size > MAX_FILE_BYTES:
            self.skipped.append(SkippedFile(path, f"larger than {MAX_FILE_BYTES / 1e6:g} MB"))
        else:
            self.files.append(SourceFile(path, location, status.st_size, status.st_mtime_ns))

    def sorted(self) -> Listing:
        return Listing(sorted(self.files), sorted(self.skipped, key=lambda file: file.path))


def list_folder(root: Path, suffixes: Collection[str], left_out: Collection[str] = ()) -> Listing:
    """Files below root with one of the suffixes, by path.

    Left out: what a .gitignore in the folder names, hidden files and folders, virtual
    environments, installed packages, folders named in left_out, and symbolic links.
    """
    listing = Listing()
    left_out = INSTALLED.union(left_out)
    pending: list[tuple[str, str, _IgnoreRules]] = [(str(root), "", ())]
    while pending:
        folder, relative, rules = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            listing.skipped.append(SkippedFile(printable(relative), _cannot_read(error)))
            continue
        names = {entry.name for entry in entries}
        if relative and "pyvenv.cfg" in names:
            continue
        if ".gitignore" in names:
            rules = (*rules, (relative, _read_gitignore(os.path.join(folder, ".gitignore"))))  # noqa: PTH118
        for entry in entries:
            path = relative + entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in left_out and not _ignored(path + "/", rules):
                    pending.append((entry.path, path + "/", rules))
            elif (entry.is_symlink() or entry.name.endswith(tuple(suffixes))) and not _ignored(path, rules):
                listing.add(path, entry.path)
    return listing.sorted()


def list_distribution(name: str, suffixes: Collection[str]) -> Listing:
    """Files of one installed distribution with one of the suffixes, relative to site-packages.

    Raises StudioError where it is not installed, or installed without a list of its files.
    """
    try:
        distribution = importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        raise StudioError(
            f"No installed distribution is called {name!r}. "
            "Install it beside Code Search Studio, or give the folder of its source."
        ) from None
    if folder := _editable_folder(distribution):
        raise StudioError(
            f"Package {name!r} is installed in editable mode: give its folder instead, {folder}"
        )
    if distribution.files is None:
        raise StudioError(f"Package {name!r} does not list its files: give the folder of its source instead.")
    listing = Listing()
    for file in sorted(set(distribution.files)):
        if file.suffix in suffixes and ".." not in file.parts and not file.is_absolute():
            listing.add(str(file), str(distribution.locate_file(file)))
    return listing.sorted()


def read_file(file: SourceFile) -> bytes:
    """The file's bytes. Raises LeftOut where it cannot be read, is binary or has grown too large."""
    try:
        with open(file.location, "rb") as opened:  # noqa: PTH123 — the name may be no Unicode
            data = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise LeftOut(_cannot_read(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise LeftOut(f"larger than {MAX_FILE_BYTES / 1e6:g} MB")
    if b"\0" in data:
        raise LeftOut("binary file")
    return data


def printable(path: str) -> str:
    r"""A path that any encoder accepts; different paths stay different.

    File names are bytes: those that are no UTF-8 reach Python as lone surrogates, which
    neither JSON nor Parquet can hold.

    >>> print(printable("caf\udce9.py"))
    caf\xe9.py
    """
    return os.fsencode(path.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")


_IgnoreRules = tuple[tuple[str, GitIgnoreSpec], ...]
"""Each .gitignore above a file, outermost first: its folder (empty, or ending in /) and its patterns."""


def _ignored(path: str, rules: _IgnoreRules) -> bool:
    """Git's rule: the last matching pattern of the innermost .gitignore decides."""
    for folder, spec in reversed(rules):
        verdict = spec.check_file(path[len(folder) :]).include
        if verdict is not None:
            return verdict
    return False


def _read_gitignore(path: str) -> GitIgnoreSpec:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            lines = os.fsdecode(file.read().removeprefix(b"\xef\xbb\xbf")).splitlines()
    except OSError:
        lines = []
    return GitIgnoreSpec.from_lines(_valid_patterns(lines))


def _valid_patterns(lines: list[str]) -> Iterator[str]:
    """Like git, pass over a pattern that means nothing (a lone `!`)."""
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        yield line


def _editable_folder(distribution: importlib.metadata.Distribution) -> str | None:
    """Where an editable install has its source (PEP 610), else None."""
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return url2pathname(urlsplit(origin["url"]).path)


def _cannot_read(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
