"""`python app.py`: when it refuses, and what it must not load before the page is up."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import app

ROOT = Path(__file__).parents[1]
HEAVY = "bm25s datasets faiss openvino scipy sentence_transformers torch transformers"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where nothing has been imported yet, and nothing of the server stays."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


def test_nothing_heavy_is_loaded_before_the_page_is_up() -> None:
    program = f"""
import sys, app
from ui.offering.services import Services
def start(self):
    print(*sorted(set({HEAVY!r}.split()) & set(sys.modules)))
    raise KeyboardInterrupt
Services.start = start
sys.exit(app.main([]))
"""
    done = python("-c", program)
    assert done.returncode == 130, done.stderr
    address, heavy = done.stdout.splitlines()
    assert address.startswith("Code Search Studio is at http://127.0.0.1:")
    assert heavy == ""


def test_an_unknown_corpus_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--corpus", "no-such-corpus"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Unknown corpus 'no-such-corpus'")


@pytest.mark.parametrize(
    ("option", "spec", "sentence"),
    [
        ("--corpus", "package:no-such-package", "No installed distribution is called 'no-such-package'"),
        ("--corpus", f"{Path(__file__).parent} + package:no-such-package", "No installed distribution"),
        ("--model", "./no-such-model", "There is no model folder './no-such-model'"),
    ],
)
def test_what_is_not_here_is_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str], option: str, spec: str, sentence: str
) -> None:
    assert app.main([option, spec]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and sentence in line


@pytest.mark.parametrize(
    "bad", [["--port", "x"], ["--port", "0"], ["--port", "65536"], ["--nonsense"], ["stray"]]
)
def test_bad_usage_is_one_line(capsys: pytest.CaptureFixture[str], bad: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        app.main(bad)
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = python("app.py", "--port", str(port), "--workspace", str(tmp_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: Cannot listen on 127.0.0.1:{port}: ")
    assert "Choose another with --port, or leave it out to take a free one" in line


def test_a_host_that_is_not_this_machine_is_named(tmp_path: Path) -> None:
    documentations_own = "203.0.113.1"
    done = python("app.py", "--host", documentations_own, "--workspace", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: Cannot listen on {documentations_own}:")
