"""Git repositories: one revision, fetched shallowly by git and read into a snapshot.

Nothing is checked out. Git talks to one checked address with hooks, prompts, credentials, local
configuration and every other protocol off; blobs are read one by one from what it fetched.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

from search_core.corpus.files import MAX_FILE_BYTES, NOT_FOLLOWED, TOO_LARGE
from search_core.corpus.hosts import UnreachableHost, checked_addresses
from search_core.corpus.snapshot import Snapshot, SnapshotWriter, kept_snapshot, take_snapshot, too_large
from search_core.corpus.spec import GitSource, parse_repository
from search_core.settings import Settings
from search_core.store import SCRATCH
from search_core.types import Progress, StudioError

MIN_VERSION = (2, 37)
"""The first git that connects to a given address (http.curloptResolve)."""
COMMIT = re.compile(r"[0-9a-f]{40}")
LOOKUP_S = 30.0
"""Seconds to wait for the list of branches and tags; git_timeout_s where that is less."""
POLL_S = 0.05
MAX_REDIRECTS = 3
PASSED_ON = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO")
"""Of our environment, what git needs to run and to know whom to trust."""
SERVICE = "/info/refs?service=git-upload-pack"

LOCATION = re.compile(r"<= Recv header: location: (\S+)", re.IGNORECASE)
REDIRECTED = re.compile(r"returned error: 30[1278]")
RECEIVED = re.compile(r"Receiving objects:\s+\d+% \((\d+)/(\d+)\)")
NOT_PUBLIC = re.compile(r"Authentication failed|could not read Username|returned error: 40[134]|not found")
UNKNOWN_COMMIT = re.compile(r"not our ref|find remote ref|unadvertised object")
TREE_ENTRY = re.compile(rb"(?P<mode>\d+) \w+ (?P<object>[0-9a-f]+)\t(?P<path>[^\0]+)\0")
LINK, SUBMODULE = b"120000", b"160000"

logger = logging.getLogger(__name__)


def repository_snapshot(source: GitSource, folder: Path, settings: Settings, progress: Progress) -> Snapshot:
    """The repository's files at the revision as it is now; fetched only where that has another commit.

    The snapshot's version has the commit. folder: its place in the workspace, whose lock the caller
    holds. What was loaded before serves, with a log line, while the host cannot be reached.
    Raises StudioError for an address that is refused, an unknown revision, a repository that is not
    public or larger than the settings allow, and where git is missing.
    """
    kept = kept_snapshot(folder)
    if kept and source.revision == kept.version["commit"]:
        return kept
    _require_git()
    try:
        with _scratch(folder) as scratch:
            git = _Git(scratch, source, settings, progress)
            found, commit = git.look_up()
            if kept and kept.version["commit"] == commit:
                return kept
            git.fetch(found, commit)
            return take_snapshot(
                folder,
                {"commit": commit},
                lambda root: SnapshotWriter(root, source.spec, settings),
                lambda writer: git.read(commit, writer),
            )
    except UnreachableHost as error:
        if kept is None:
            raise
        logger.warning("%s Using what was loaded before, commit %s.", error, kept.version["commit"])
        return kept


class _Git:
    """One bare repository, thrown away after it has been read."""

    def __init__(self, scratch: Path, source: GitSource, settings: Settings, progress: Progress) -> None:
        self._source = source
        self._settings = settings
        self._progress = progress
        self._scratch = scratch
        self._output, self._messages, self._trace = (
            scratch / name for name in ("output", "messages", "trace")
        )
        self._repository = scratch / "repository.git"
        for folder in ("objects", "refs"):
            (self._repository / folder).mkdir(parents=True)
        (self._repository / "HEAD").write_text("ref: refs/heads/none\n")
        self._forget_remotes()

    def look_up(self) -> tuple[GitSource, str]:
        """Where the repository is after redirects, each checked as the first address was; its commit."""
        at = self._source
        limit_s = min(LOOKUP_S, self._settings.git_timeout_s)
        names = _names_of(at.revision)
        for _ in range(MAX_REDIRECTS + 1):
            failure = self._run([*self._pinned(at), "ls-remote", "--", at.url, *names], limit_s)
            if failure is None:
                return at, self._commit(names)
            if not REDIRECTED.search(failure):
                raise _explained(self._source, failure)
            at = _redirected(at, self._trace.read_text("utf-8", "replace"))
        raise StudioError(f"Corpus {self._source.spec!r} redirects more than {MAX_REDIRECTS} times.")

    def fetch(self, at: GitSource, commit: str) -> None:
        """The commit without its history, and without the files that are too large anyway."""
        arguments = [
            *("fetch", "--depth=1", f"--filter=blob:limit={MAX_FILE_BYTES + 1}", "--progress", "--no-tags"),
            *("--no-recurse-submodules", "--no-write-fetch-head", "--", at.url, commit),
        ]
        failure = self._run([*self._pinned(at), *arguments], self._settings.git_timeout_s)
        if failure is not None:
            raise _explained(self._source, failure)
        self._forget_remotes()  # or git would fetch what was left out as soon as it is looked at

    def read(self, commit: str, writer: SnapshotWriter) -> Path:
        """Give every blob of the commit to the writer."""
        failure = self._run(["ls-tree", "-r", "-z", "--full-tree", commit], self._settings.git_timeout_s)
        if failure is not None:
            raise _explained(self._source, failure)
        with self._started(["cat-file", "--batch-command"], subprocess.PIPE, subprocess.PIPE) as process:
            for entry in TREE_ENTRY.finditer(self._output.read_bytes()):
                path = os.fsdecode(entry["path"])
                if entry["mode"] == SUBMODULE:
                    writer.leave_out(path, "submodule, not fetched")
                elif writer.wants(path, 0, NOT_FOLLOWED if entry["mode"] == LINK else None):
                    data = _blob(process, entry["object"])
                    if data is None:
                        writer.leave_out(path, TOO_LARGE)
                    else:
                        writer.write(path, data)
        return writer.root

    def _commit(self, names: list[str]) -> str:
        """Of the names that the server knows, the last one counts: what an annotated tag points to."""
        revision = self._source.revision
        if revision and COMMIT.fullmatch(revision):
            return revision
        lines = self._output.read_text("utf-8", "replace").splitlines()
        known = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
        found = [known[name] for name in names if name in known]
        if not found or not COMMIT.fullmatch(found[-1]):
            what = (
                f"no branch or tag {revision!r} (a commit needs its full hash)"
                if revision
                else "no commit yet"
            )
            raise StudioError(f"Corpus {self._source.spec!r}: the repository has {what}.")
        return found[-1]

    def _run(self, arguments: list[str], limit_s: float) -> str | None:
        """What git says of its failure, None for success; its output is left in a file.

        Raises UnreachableHost after limit_s, StudioError where more arrives than the settings allow.
        """
        ends = time.monotonic() + limit_s
        with (
            self._output.open("wb") as output,
            self._started(arguments, subprocess.DEVNULL, output) as process,
        ):
            while process.poll() is None:
                if time.monotonic() > ends:
                    raise UnreachableHost(
                        f"Corpus {self._source.spec!r}: the repository did not arrive within {limit_s:g} s "
                        "(CODESEARCH_GIT_TIMEOUT)."
                    )
                if _bytes_below(self._scratch) > self._settings.max_source_mb * 1_000_000:
                    raise too_large(self._source.spec, self._settings.max_source_mb)
                if received := RECEIVED.findall(_tail(self._messages)):
                    self._progress(*map(int, received[-1]))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
        return _tail(self._messages) if process.returncode else None

    @contextmanager
    def _started(
        self, arguments: list[str], input: int, output: IO[bytes] | int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Git in a process group of its own, which does not outlive the block."""
        command = ["git", f"--git-dir={self._repository}", *_options(self._settings), *arguments]
        with (
            self._messages.open("wb") as messages,
            subprocess.Popen(
                command,
                stdin=input,
                stdout=output,
                stderr=messages,
                cwd=self._scratch,
                env=self._environment(),
                start_new_session=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def _pinned(self, at: GitSource) -> list[str]:
        """Connect to the addresses that were checked: the name may lead elsewhere a moment later."""
        addresses = checked_addresses(at, self._settings.allow_private_hosts)
        if at.host in (*addresses, *(f"[{address}]" for address in addresses)):
            return []
        listed = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        return ["-c", f"http.curloptResolve={at.host}:{at.port}:{listed}"]

    def _environment(self) -> dict[str, str]:
        self._trace.unlink(missing_ok=True)
        return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
            "HOME": str(self._scratch),
            "LC_ALL": "C",
            "GIT_ASKPASS": "true",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_TRACE_CURL": str(self._trace),
            "GIT_TRACE_CURL_NO_DATA": "1",
        }

    def _forget_remotes(self) -> None:
        (self._repository / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")


def _options(settings: Settings) -> list[str]:
    allowed = ("https", "http") if settings.allow_private_hosts else ("https",)
    options = {
        "core.hooksPath": os.devnull,
        "core.symlinks": "false",
        "credential.helper": "",
        "fetch.unpackLimit": "1",
        "gc.auto": "0",
        "http.followRedirects": "false",
        "maintenance.auto": "false",
        "protocol.allow": "never",
        **{f"protocol.{name}.allow": "always" for name in allowed},
        "protocol.version": "2",
        "transfer.fsckObjects": "true",
    }
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def _names_of(revision: str | None) -> list[str]:
    """What the revision may be on the server; a name that comes later wins, as in git."""
    if revision is None or COMMIT.fullmatch(revision):
        return ["HEAD"]
    return [f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/tags/{revision}^{{}}"]


def _redirected(at: GitSource, trace: str) -> GitSource:
    locations = LOCATION.findall(trace)
    address = urljoin(at.url + SERVICE, locations[-1]) if locations else ""
    if not address.endswith(SERVICE):
        raise StudioError(f"Corpus {at.spec!r} redirects to a page that is no repository.")
    target = parse_repository(address.removesuffix(SERVICE))
    return replace(target, spec=f"{at.spec} → {target.url}", revision=at.revision)


def _explained(source: GitSource, failure: str) -> StudioError:
    said = [
        line for line in failure.splitlines() if line.startswith(("fatal: ", "error: "))
    ] or failure.splitlines()
    last = "".join(filter(str.isprintable, said[-1] if said else "git failed"))[:200]
    if UNKNOWN_COMMIT.search(failure):
        return StudioError(f"Corpus {source.spec!r}: the repository has no commit {source.revision}.")
    if NOT_PUBLIC.search(failure):
        return StudioError(
            f"Corpus {source.spec!r}: there is no public repository, or it asks for a password ({last}). "
            "Clone it yourself and give the folder."
        )
    return UnreachableHost(f"Corpus {source.spec!r} cannot be fetched: {last}.")


def _blob(process: subprocess.Popen[bytes], name: bytes) -> bytes | None:
    """The blob's content, None where it was not fetched or is too large."""
    said = _asked(process, b"info " + name)
    if said.endswith(b" missing") or int(said.rpartition(b" ")[2]) > MAX_FILE_BYTES:
        return None
    size = int(_asked(process, b"contents " + name).rpartition(b" ")[2])
    assert process.stdout is not None  # noqa: S101 — a pipe
    data = process.stdout.read(size + 1)
    if len(data) <= size:
        raise StudioError("Git ended while the repository was read: try again.")
    return data[:size]


def _asked(process: subprocess.Popen[bytes], question: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 — pipes
    process.stdin.write(question + b"\n")
    process.stdin.flush()
    if not (answer := process.stdout.readline()):
        raise StudioError("Git ended while the repository was read: try again.")
    return answer.rstrip()


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # git renames what is complete
            total += path.lstat().st_size
    return total


def _tail(file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - 4_096))
        return opened.read().decode("utf-8", "replace").replace("\r", "\n")


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@cache
def _require_git() -> None:
    try:
        said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise StudioError(f"Git repositories need git, which cannot be started here: {error}") from error
    version = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if version < MIN_VERSION:
        raise StudioError(f"Git repositories need git 2.37 or newer, here is {said.strip()}.")
