"""A repository's files as the Hub counts them: git's names for contents, commits and folders."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

LARGE_BYTES = 10_000_000


def stored_files(root: Path) -> dict[str, bytes]:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): _read(path, path.stat().st_mtime_ns) for path in paths}


@lru_cache(maxsize=256)
def _read(path: Path, mtime_ns: int) -> bytes:
    return path.read_bytes()


def store_files(root: Path, files: dict[str, bytes]) -> None:
    """These files and no others."""
    for name in stored_files(root).keys() - files.keys():
        (root / name).unlink()
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def upload_mode(wanted: dict[str, Any], files: dict[str, bytes]) -> dict[str, Any]:
    """How to send a file, and the name of the content that the repository has under its path."""
    path = wanted["path"]
    large = wanted["size"] > LARGE_BYTES or path.endswith(".safetensors")
    held = files.get(path)
    name = None if held is None else hashlib.sha256(held).hexdigest() if large else blob_name(held)
    mode = "lfs" if large else "regular"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": name}


def tree_entries(files: dict[str, bytes], under: str, recursive: bool) -> list[dict[str, Any]]:
    prefix = f"{under}/" if under else ""
    entries: dict[str, dict[str, Any]] = {}
    for path, content in files.items():
        if not path.startswith(prefix):
            continue
        folders = path.removeprefix(prefix).split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = prefix + "/".join(folders[:depth])
            if recursive or depth == 1:
                entries[folder] = {"type": "directory", "oid": "0" * 40, "size": 0, "path": folder}
        if recursive or not folders:
            entries[path] = {"type": "file", "oid": blob_name(content), "size": len(content), "path": path}
    return list(entries.values())


@lru_cache(maxsize=256)
def blob_name(content: bytes) -> str:
    """Git's name for a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def commit_name(files: dict[str, bytes]) -> str:
    listing = "".join(f"{path} {blob_name(content)}\n" for path, content in sorted(files.items()))
    return hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest()
