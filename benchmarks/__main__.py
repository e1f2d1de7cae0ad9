"""`make bench`: every benchmark in turn, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "encoding",
    "throughput",
    "quality",
    "fusion",
    "lexical_rules",
    "index_scale",
    "startup",
    "page",
    "load",
)


def main() -> int:
    failed = []
    for name in BENCHMARKS:
        print(f"\n== python -m benchmarks.{name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
