"""Files that nobody wrote here: generated, minified, vendored, or data in the form of code."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

INSTALLED = frozenset({"__pycache__", "site-packages", "dist-packages"})
"""Folders of what was installed or compiled: passed over without a word."""
VENDORED = frozenset(
    {"node_modules", "bower_components", "third_party", "third-party", "thirdparty", "_vendor", "vendored"}
)
"""Folders of other people's code, wherever they are."""
PACKAGE_LISTS = ("go.mod", "composer.json", "Gemfile", "package.json", "Cargo.toml")
"""Beside one of these, `vendor` holds other people's code."""

GENERATED_NAME = re.compile(
    r".*(?:_pb2(?:_grpc)?\.pyi?|\.pb\.(?:go|cc|h|swift|validate\.go|gw\.go)|[._]generated\.\w+"
    r"|\.g\.(?:cs|dart)|\.freezed\.dart|\.designer\.cs|[._-]bundle\.[cm]?js)|zz_generated\..*",
    re.IGNORECASE | re.DOTALL,
)
MINIFIED_NAME = re.compile(r".*[.-]min\.(?:[cm]?js|css)", re.IGNORECASE | re.DOTALL)

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
HEAD_BYTES = 4_000
COMMENT = re.compile(
    rb"^[ \t]*(?:(?:#|//|--|;|%).*|/\*[\s\S]*?(?:\*/|\Z)|<!--[\s\S]*?(?:-->|\Z))", re.MULTILINE
)
GENERATED_MARK = re.compile(
    rb"(?<![\w.`'\"])@generated\b(?!\()|\bcode generated\b.{0,200}\bdo not edit\b", re.I
)
MADE_BY = re.compile(rb"\bauto(?:matically)?[- ]?generated\b|\bgenerated (?:by|from|with|using)\b", re.I)
HANDS_OFF = re.compile(rb"\bdo(?: not|n't) (?:edit|modify|change)\b", re.I)

LONG_LINE_BYTES = 1_000
"""A file that is for the most part in lines longer than this was not written by hand."""
MIN_MINIFIED_BYTES = 2_000
MIN_DATA_BYTES = 50_000
DATA_SHARE = 0.97
LITERAL_LINE = re.compile(rb"^\s*(?:[\[\](){}\d\"',+.-]|[bru]{1,2}[\"']).*[,\[\](){}\"']\s*(?:(?:#|//).*)?$")
"""A line of a table: starts as a literal, ends as a piece of one."""


def vendored_folder(folder: str, name: str) -> bool:
    """Whether folder/name holds other people's code.

    `vendor` alone may be a word of the project's own: it counts only beside a list of packages,
    or with a list of what was vendored in it.
    """
    if name in VENDORED:
        return True
    if name == "vendor":
        inside = os.path.join(folder, name)  # noqa: PTH118 — the name may be no Unicode
        lists = ("modules.txt", "vendor.txt", "autoload.php")
        return _has(folder, PACKAGE_LISTS) or _has(inside, lists)
    return name == "dist" and _has(folder, ("src",)) and _has(folder, ("package.json",))


def generated_name(name: str) -> str | None:
    """Why a file of this name is left out unopened."""
    if MINIFIED_NAME.fullmatch(name):
        return "minified, by its name"
    return "generated, by its name" if GENERATED_NAME.fullmatch(name) else None


def not_written_by_hand(data: bytes) -> str | None:
    """Why a file of this content is left out."""
    if data.startswith(LFS_POINTER):
        return "Git LFS pointer, the file itself is elsewhere"
    comments = b"\n".join(COMMENT.findall(data[:HEAD_BYTES]))
    if GENERATED_MARK.search(comments) or (MADE_BY.search(comments) and HANDS_OFF.search(comments)):
        return "generated, by a comment in its first lines"
    if len(data) < MIN_MINIFIED_BYTES:
        return None
    lines = data.splitlines()
    if sum(len(line) for line in lines if len(line) > LONG_LINE_BYTES) > len(data) / 2:
        return f"minified or data: most of it is in lines of more than {LONG_LINE_BYTES:,} characters"
    if len(data) >= MIN_DATA_BYTES and _share_of_literals(lines) >= DATA_SHARE:
        return f"data: {DATA_SHARE:.0%} of its lines or more are literals"
    return None


def _share_of_literals(lines: Sequence[bytes]) -> float:
    filled = [line for line in lines if line.strip()]
    return sum(1 for line in filled if LITERAL_LINE.match(line)) / max(1, len(filled))


def _has(folder: str, names: Sequence[str]) -> bool:
    return any(os.path.lexists(os.path.join(folder, name)) for name in names)  # noqa: PTH118
