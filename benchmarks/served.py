"""The app as visitors meet it: a process of its own over CoSQA's functions, ready in every mode."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.startup import ROOT, free_port, read_health
from search_core.corpus import load_judged
from search_core.settings import Settings

MODELS = ("minilm", "studio")
READY_S = 600
"""Patience for the vectors, which take minutes on a new workspace."""


def questions(spec: str, settings: Settings) -> list[str]:
    """CoSQA's 779 train and valid queries."""
    splits = (load_judged(spec, split, "content", settings) for split in ("train", "valid"))
    return [query for judged in splits for query in judged.queries.values()]


@contextmanager
def serving(spec: str, settings: Settings) -> Iterator[str]:
    """Serves a corpus while the block lasts, from when each model is ready over it. Yields the address."""
    port = free_port()
    options = ("--corpus", spec, "--port", str(port), "--workspace", str(settings.workspace))
    command = [sys.executable, "app.py", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + READY_S
    try:
        while set(MODELS) - set((read_health(port) or {"models": ()})["models"]):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"app.py is not ready over {spec}; its exit code: {process.returncode}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(20)


def read_config(url: str) -> dict[str, Any]:
    """What Gradio tells browsers of a page: its components and listeners."""
    with urllib.request.urlopen(f"{url}config", timeout=10) as answer:  # noqa: S310 -- our own server
        config: dict[str, Any] = json.load(answer)
        return config
