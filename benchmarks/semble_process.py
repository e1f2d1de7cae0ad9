"""semble, the strongest peer, in a throw-away environment and a process of its own.

Its own embedding model is not in any package: it gets a static model distilled from `minilm`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from search_core.encoder import model_folder
from search_core.settings import Settings

VERSION = "0.7.0"
REQUIREMENTS = (f"semble=={VERSION}", "model2vec[distill]==0.10.0")
WORKER = Path(__file__).with_name("semble_worker.py")


class Built(NamedTuple):
    """files: paths that have a chunk, relative to the folder."""

    seconds: float
    chunks: int
    files: list[str]


class Searched(NamedTuple):
    """Per query: the paths of its best chunks, best first, and its median latency."""

    paths: list[list[str]]
    query_ms: list[float]


class Semble:
    """A context manager, as its process must end."""

    def __init__(self, python: Path | None, settings: Settings) -> None:
        """python: one that has semble and model2vec[distill]; None makes an environment, once."""
        folder = settings.workspace / "semble"
        folder.mkdir(parents=True, exist_ok=True)
        self._cache = tempfile.TemporaryDirectory()
        model = folder / "static-minilm"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEMBLE_")}
        environment |= {
            "PYTHONHASHSEED": "0",  # chunks with equal scores come in hash order
            "HF_HUB_OFFLINE": "1",
            "TQDM_DISABLE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "SEMBLE_MODEL_NAME": str(model),
            "SEMBLE_CACHE_LOCATION": self._cache.name,
        }
        self._process = subprocess.Popen(
            [python or made_environment(folder / f"environment-{VERSION}"), "-P", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        if not model.exists():
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                made = Path(scratch, "model")
                self._ask(distill=str(model_folder("minilm", settings)), into=str(made))
                made.rename(model)

    def __enter__(self) -> Semble:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()  # its loop ends with its input
        self._process.wait()
        self._process.stdout.close()
        self._cache.cleanup()

    def index(self, folder: Path) -> Built:
        return Built(**self._ask(index=str(folder)))

    def search(self, queries: Sequence[str], k: int) -> Searched:
        """In the folder that was indexed last."""
        return Searched(**self._ask(search=list(queries), k=k))

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"semble ended with {self._process.wait()} at {next(iter(request))}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def made_environment(folder: Path) -> Path:
    """Its Python. Sees our packages, too, so that torch (for the distilling) is not installed twice."""
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        print(f"making {folder} with {' and '.join(REQUIREMENTS)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        ours = folder / "lib" / version / "site-packages" / "ours.pth"
        ours.write_text(sysconfig.get_path("purelib"), "utf-8")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        complete.touch()
    return python
