"""The app as a host runs it: it listens for others, says who may do what, and loses nothing at its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from search_core.bucket import Bucket

ROOT = Path(__file__).parents[1]
NOT_LOCALHOST = "127.0.0.2"
"""An address of this machine that answers only where it listens on all of them."""
MARK = '{"verdict": "none"}\n'


@contextmanager
def served(tmp_path: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The app over one function, once others reach it, and the two lines that it printed."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "area.py").write_text("def area(radius):\n    return 3.14 * radius**2\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = ["--corpus", str(code), "--model", "minilm", "--port", port]
    process = subprocess.Popen(
        [sys.executable, "app.py", *options, "--workspace", str(tmp_path / "workspace")],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
        with urlopen(f"http://{NOT_LOCALHOST}:{port}/healthz", timeout=60) as answer:
            assert answer.status == 200
        yield process, lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_space_listens_for_others_and_what_is_marked_there_outlives_it(tmp_path: Path) -> None:
    """Without login and token nobody is its owner, which it says."""
    bucket, earlier, workspace = tmp_path / "bucket", tmp_path / "earlier", tmp_path / "workspace"
    bucket.mkdir()
    (earlier / "reports").mkdir(parents=True)
    (earlier / "reports" / "a.json").write_text("{}")
    Bucket(bucket, earlier).keep()
    space = {"SYSTEM": "spaces", "SPACE_ID": "alice/code-search", "CODESEARCH_ARCHIVE": str(bucket)}
    with served(tmp_path, **space) as (process, lines):
        assert lines[1] == (
            "Nobody is its owner here, so nothing can be added or trained. "
            "It has none until it is started with CODESEARCH_ADMIN_TOKEN set.\n"
        )
        assert (workspace / "reports" / "a.json").read_text() == "{}"
        (workspace / "judgments.jsonl").write_text(MARK)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    Bucket(bucket, tmp_path / "next").restore()
    assert (tmp_path / "next" / "judgments.jsonl").read_text() == MARK
