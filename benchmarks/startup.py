"""From starting `python app.py` on the standard library to its answers, on a new workspace and again.

    python -m benchmarks.startup

Prints seconds to the page, to the first lexical and the first dense answer, and peak memory,
of a first and a second start. Targets: lexical 10 s, all vectors 120 s, dense on the second
start 15 s, 2.5 GB.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 900


def main() -> None:
    with tempfile.TemporaryDirectory() as workspace:
        for start in ("first", "second"):
            figures = measure(Path(workspace))
            print(
                f"{start} start: " + ", ".join(f"{name} {value}" for name, value in figures.items()),
                flush=True,
            )


def measure(workspace: Path) -> dict[str, str]:
    port = free_port()
    started = time.perf_counter()
    command = [sys.executable, "app.py", "--port", str(port), "--workspace", str(workspace)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seconds: dict[str, float] = {}
    peak_bytes = 0
    try:
        while "dense" not in seconds:
            elapsed = time.perf_counter() - started
            if process.poll() is not None or elapsed > TIMEOUT_S:
                raise SystemExit(f"app.py ended with {process.returncode} after {elapsed:.0f} s: {seconds}")
            peak_bytes = max(peak_bytes, psutil.Process(process.pid).memory_info().rss)
            health = read_health(port)
            if health is not None:
                seconds.setdefault("page", elapsed)
                for mode in {mode for corpus in health["corpora"] for mode in corpus["modes"]} & {
                    "lexical",
                    "dense",
                }:
                    seconds.setdefault(mode, elapsed)
            time.sleep(0.05)
        return {f"{name}": f"{value:.1f} s" for name, value in seconds.items()} | {
            "peak memory": f"{peak_bytes / 1e9:.2f} GB"
        }
    finally:
        process.terminate()
        process.wait(10)


def read_health(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            health: dict[str, Any] = json.load(answer)
            return health
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
