"""Scripts in processes of their own that start warm: forks of one that has imported what they all need.

The Hub's client reads its address when it is imported, so each of its tests needs a process; what is
imported before is numpy, matplotlib and our own modules, which read nothing there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

ADDRESS_READERS = ("huggingface_hub", "datasets", "transformers")
"""Must not be imported before a script has its environment."""
TIMEOUT_S = 120


class WarmPython(AbstractContextManager["WarmPython"]):
    """`python -c` for scripts, one after the other."""

    def __init__(self, *modules: str) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_python", *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )

    def run(
        self, script: str, *arguments: str, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Like `subprocess.run([sys.executable, "-c", script, *arguments], env=environment)`."""
        assert self._parent.stdin and self._parent.stdout
        wanted = {"script": script, "arguments": arguments, "environment": dict(environment)}
        self._parent.stdin.write(json.dumps(wanted) + "\n")
        self._parent.stdin.flush()
        return subprocess.CompletedProcess(args=arguments, **json.loads(self._parent.stdout.readline()))

    def __exit__(self, *_: object) -> None:
        self._parent.communicate()  # the end of its input is the end of it


def serve(modules: Sequence[str]) -> dict[str, Any]:
    """Fork for each request; returns it in the fork, to be run there, and in the parent ends the process."""
    for module in modules:
        import_module(module)
    assert not set(ADDRESS_READERS) & sys.modules.keys()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            fork = os.fork()
            if not fork:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                return dict(json.loads(line))
            code = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
            streams = {"stdout": content(out), "stderr": content(err)}
        sys.stdout.write(json.dumps({"returncode": code} | streams) + "\n")
        sys.stdout.flush()
    raise SystemExit


def content(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode())


if __name__ == "__main__":
    request = serve(sys.argv[1:])
    signal.alarm(TIMEOUT_S)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["-c", *request["arguments"]]
    exec(compile(request["script"], "<script>", "exec"), {"__name__": "__main__"})  # noqa: S102
