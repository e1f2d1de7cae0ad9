"""A small Hugging Face Hub on this machine: serves repositories from a folder.

    FOLDER/models/OWNER/NAME/...      FOLDER/datasets/OWNER/NAME/...      FOLDER/spaces/OWNER/NAME/...

It speaks the part of the Hub's API that `snapshot_download`, `hf_hub_download` and `load_dataset`
use, and for models and Spaces what `create_repo`, `create_branch` and `create_commit` use: what is committed
to main is then in the folder. The client reads HF_ENDPOINT when it is imported, so tests run it
in a subprocess with `FakeHub.environment`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.repository_files import (
    blob_name,
    commit_name,
    store_files,
    stored_files,
    tree_entries,
    upload_mode,
)

API = re.compile(
    r"/api/(?P<kind>models|datasets|spaces)/(?P<id>[^/]+/[^/]+)"
    r"(/(?P<what>revision|tree)/(?P<revision>[^/]+)(/(?P<under>.+))?)?"
)
RESOLVE = re.compile(
    r"/(?P<kind>(datasets|spaces)/)?(?P<id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
)
WRITE = re.compile(
    r"/api/(?P<kind>models|spaces)/(?P<id>[^/]+/[^/]+)/(?P<what>preupload|commit|branch)/(?P<revision>[^/]+)"
)
LARGE_FILES = re.compile(r"(/spaces)?/[^/]+/[^/]+\.git/info/lfs/objects/batch")
LARGE_FILE = re.compile(r"/lfs/(?P<oid>[0-9a-f]{64})")


@dataclass(frozen=True)
class Account:
    name: str
    may_write: bool = True


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that begin like this, say "PUT /lfs/".

    status: what they are answered; None cuts the connection in the middle of the body.
    """

    request: str
    status: int | None = None
    times: int = 1


class FakeHub:
    """Context manager around a threaded server on a free port of the loopback interface.

    accounts: by token. private: ids of models that only their owner sees. branches: the files of
    a model's branch other than main, by (id, branch); refs/pr/N is a pull request. large: contents
    by SHA-256, as uploaded. requests: those that came, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.private: set[str] = set()
        self.branches: dict[tuple[str, str], dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.faults: list[Fault] = []

    def files(self, repo_id: str, kind: str = "models") -> dict[str, bytes]:
        """What main of a repository holds. kind: models, datasets or spaces."""
        return stored_files(self.folder / kind / repo_id)

    def __enter__(self) -> FakeHub:
        class Handler(_Handler):
            hub = self

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
    hub: FakeHub
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # what follows the headers would wait 40 ms, as it does on no real server

    def do_GET(self) -> None:
        if not self._received():
            return
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path == "/api/whoami-v2":
            if account := self._account():
                self._send_json({"type": "user", "name": account.name, "orgs": []})
        elif match := API.fullmatch(path):
            self._answer_api(match, parse_qs(url.query))
        elif match := RESOLVE.fullmatch(path):
            self._answer_file(match)
        else:
            self._send_json({"error": "no such route"}, 404)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        if not self._received():
            return
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path == "/api/repos/create":
            self._create(json.loads(self.body))
        elif path == "/api/validate-yaml":
            self._send_json({"errors": [], "warnings": []})
        elif match := WRITE.fullmatch(path):
            self._answer_write(match, wants_pull_request="create_pr=1" in url.query)
        elif LARGE_FILES.fullmatch(path):
            objects = [self._upload_instructions(one) for one in json.loads(self.body)["objects"]]
            self._send_json({"transfer": "basic", "objects": objects})
        else:
            self._send_json({"error": "no such route"}, 404)

    def do_PUT(self) -> None:
        if not self._received():
            return
        match = LARGE_FILE.fullmatch(self.path)
        if match is None or hashlib.sha256(self.body).hexdigest() != match["oid"]:
            self._send_json({"error": "not what was announced"}, 400)
            return
        self.hub.large[match["oid"]] = self.body
        self._send(200, b"", {})

    def _received(self) -> bool:
        """Log and read the request; False where it ran into a fault."""
        request = f"{self.command} {self.path}"
        self.hub.requests.append(request)
        length = int(self.headers.get("Content-Length") or 0)
        faults = [one for one in self.hub.faults if one.times > 0 and request.startswith(one.request)]
        if not faults:
            self.body = self.rfile.read(length)
            return True
        faults[0].times -= 1
        status = faults[0].status
        self.rfile.read(length // 2 if status is None else length)
        if status is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self._send_error(status, "Refused", f"the test wants {status}")
        return False

    def _account(self) -> Account | None:
        """Who asks, or None after an error was sent."""
        account = self._who()
        if account is None:
            self._send_error(401, "Unauthorized", "Invalid credentials in Authorization header")
        return account

    def _who(self) -> Account | None:
        return self.hub.accounts.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def _create(self, wanted: dict[str, Any]) -> None:
        account = self._account()
        if account is None:
            return
        repo_id = f"{wanted.get('organization') or account.name}/{wanted['name']}"
        kind = wanted.get("type") or "model"
        folder = self.hub.folder / f"{kind}s" / repo_id
        if not _owns(account, repo_id):
            self._send_error(403, "Forbidden", f"You don't have the rights to create a {kind} here")
            return
        if folder.exists():
            self._send_json(
                {"error": f"You already created this {kind} repo", "url": f"{self.hub.url}/{repo_id}"}, 409
            )
            return
        store_files(folder, {".gitattributes": b"*.safetensors filter=lfs\n"})
        if wanted.get("visibility") == "private":
            self.hub.private.add(repo_id)
        self._send_json({"url": f"{self.hub.url}/{repo_id}", "name": repo_id})

    def _answer_write(self, match: re.Match[str], wants_pull_request: bool) -> None:
        account = self._account()
        if account is None:
            return
        repo_id, revision = match["id"], match["revision"]
        is_branch = match["what"] == "branch"
        files = self._files(match["kind"], repo_id, "main" if is_branch else revision)
        if files is None:
            return
        if not wants_pull_request and not _owns(account, repo_id):
            self._send_error(403, "Forbidden", "You need a token that may write to this repository")
        elif is_branch:
            exists = (repo_id, revision) in self.hub.branches
            self.hub.branches.setdefault((repo_id, revision), files)
            self._send_json({}, 409 if exists else 200)
        elif match["what"] == "preupload":
            self._send_json({"files": [upload_mode(one, files) for one in json.loads(self.body)["files"]]})
        else:
            self._commit(match["kind"], repo_id, revision, files, wants_pull_request)

    def _upload_instructions(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Where to send a large file; nowhere if it is here already."""
        upload = {"href": f"{self.hub.url}/lfs/{wanted['oid']}"}
        return wanted if wanted["oid"] in self.hub.large else wanted | {"actions": {"upload": upload}}

    def _commit(
        self, kind: str, repo_id: str, revision: str, files: dict[str, bytes], wants_pull_request: bool
    ) -> None:
        changed = dict(files)
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                changed[value["path"]] = self.hub.large[value["oid"]]
            elif entry["key"] == "deletedFile":
                del changed[value["path"]]
        answer = {
            "commitOid": commit_name(changed),
            "commitUrl": f"{self.hub.url}/{repo_id}/commit/{commit_name(changed)}",
        }
        if wants_pull_request:
            number = 1 + sum(
                name == repo_id and branch.startswith("refs/pr/") for name, branch in self.hub.branches
            )
            self.hub.branches[repo_id, f"refs/pr/{number}"] = changed
            answer["pullRequestUrl"] = f"{self.hub.url}/{repo_id}/discussions/{number}"
        elif revision == "main":
            store_files(self.hub.folder / kind / repo_id, changed)
        else:
            self.hub.branches[repo_id, revision] = changed
        self._send_json(answer)

    def _answer_api(self, match: re.Match[str], query: dict[str, list[str]]) -> None:
        files = self._files(match["kind"], match["id"], match["revision"])
        if files is None:
            return
        if match["what"] == "tree":
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            self._send_json(tree_entries(files, match["under"] or "", recursive))
        else:
            state = {"sha": commit_name(files), "private": match["id"] in self.hub.private}
            siblings = [{"rfilename": name} for name in files]
            self._send_json({"id": match["id"], "siblings": siblings, "tags": [], **state})

    def _answer_file(self, match: re.Match[str]) -> None:
        files = self._files((match["kind"] or "models").rstrip("/"), match["id"], match["revision"])
        if files is None:
            return
        if match["path"] not in files:
            self._send_error(404, "EntryNotFound", "Entry not found")
            return
        content = files[match["path"]]
        self._send(200, content, {"X-Repo-Commit": commit_name(files), "ETag": f'"{blob_name(content)}"'})

    def _files(self, kind: str, name: str, revision: str | None) -> dict[str, bytes] | None:
        """The repository's files, or None after an error was sent."""
        root = self.hub.folder / kind / name
        account = self._who()
        if not root.is_dir() or (name in self.hub.private and not (account and _owns(account, name))):
            self._send_error(404, "RepoNotFound", "Repository not found")
            return None
        files = stored_files(root)
        if revision in (None, "main", commit_name(files)):
            return files
        for (model, branch), branch_files in self.hub.branches.items():
            if model == name and revision in (branch, commit_name(branch_files)):
                return branch_files
        self._send_error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

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


def _owns(account: Account, repo_id: str) -> bool:
    return account.may_write and repo_id.startswith(f"{account.name}/")
