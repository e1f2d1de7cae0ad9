"""The command lines in processes of their own, for what a process does: signals, exit codes, streams."""

from __future__ import annotations

import subprocess
import sys


def begin(module: str, *argv: object) -> subprocess.Popen[str]:
    """`python -m MODULE ARGV...`, which goes on while the test does."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
