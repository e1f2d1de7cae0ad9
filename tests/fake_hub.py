"""A small Hugging Face Hub on this machine: serves repositories from a folder, read-only.

    FOLDER/models/OWNER/NAME/...      FOLDER/datasets/OWNER/NAME/...

It speaks the part of the Hub's API that `snapshot_download`, `hf_hub_download` and
`load_dataset` use. The client reads HF_ENDPOINT when it is imported, so tests run it
in a subprocess with `FakeHub.environment`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

API = re.compile(
    r"/api/(?P<kind>models|datasets)/(?P<id>[^/]+/[^/]+)"
    r"(/(?P<what>revision|tree)/(?P<revision>[^/]+)(/(?P<under>.+))?)?"
)
RESOLVE = re.compile(r"/(?P<kind>datasets/)?(?P<id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


class FakeHub:
    """Context manager around a threaded server on a free port of the loopback interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []

    def __enter__(self) -> FakeHub:
        hub = self

        class Handler(_Handler):
            folder = hub.folder
            log = hub.requests

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def environment(self, cache: Path) -> dict[str, str]:
        """Variables for a client process that talks to this hub and caches in a folder of its own."""
        return hub_environment(self.url, cache)


def hub_environment(url: str, cache: Path) -> dict[str, str]:
    """This process's variables, but with the Hub at `url` and an own cache folder."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return ours | {
        "HF_ENDPOINT": url,
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "NO_PROXY": "127.0.0.1",
    }


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    log: list[str]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.log.append(f"{self.command} {self.path}")
        url = urlsplit(self.path)
        path = unquote(url.path)
        if match := API.fullmatch(path):
            self._answer_api(match, parse_qs(url.query))
        elif match := RESOLVE.fullmatch(path):
            self._answer_file(match)
        else:
            self._send_json({"error": "no such route"}, 404)

    do_HEAD = do_GET

    def _answer_api(self, match: re.Match[str], query: dict[str, list[str]]) -> None:
        files = self._files(match["kind"], match["id"], match["revision"])
        if files is None:
            return
        if match["what"] == "tree":
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            self._send_json(_tree(files, match["under"] or "", recursive))
        else:
            siblings = [{"rfilename": name} for name in files]
            self._send_json({"id": match["id"], "sha": _commit(files), "siblings": siblings, "tags": []})

    def _answer_file(self, match: re.Match[str]) -> None:
        files = self._files((match["kind"] or "models").rstrip("/"), match["id"], match["revision"])
        if files is None:
            return
        if match["path"] not in files:
            self._send_error(404, "EntryNotFound", "Entry not found")
            return
        content = files[match["path"]]
        self._send(200, content, {"X-Repo-Commit": _commit(files), "ETag": f'"{_blob(content)}"'})

    def _files(self, kind: str, name: str, revision: str | None) -> dict[str, bytes] | None:
        """The repository's files, or None after an error was sent."""
        root = self.folder / kind / name
        if not root.is_dir():
            self._send_error(404, "RepoNotFound", "Repository not found")
            return None
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
        if revision not in (None, "main", _commit(files)):
            self._send_error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return files

    def _send_error(self, status: int, code: str, message: str) -> None:
        self._send_json({"error": message}, status, {"X-Error-Code": code, "X-Error-Message": message})

    def _send_json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: tests read `FakeHub.requests` instead."""


def _tree(files: dict[str, bytes], under: str, recursive: bool) -> list[dict[str, Any]]:
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
            entries[path] = {"type": "file", "oid": _blob(content), "size": len(content), "path": path}
    return list(entries.values())


def _blob(content: bytes) -> str:
    """Git's name for a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _commit(files: dict[str, bytes]) -> str:
    listing = "".join(f"{path} {_blob(content)}\n" for path, content in files.items())
    return hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest()
