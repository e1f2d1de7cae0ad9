"""Published packages, one for each language: what the chunkers are tested on.

python -m tests.search_core.corpus.packages fetches them below $CODESEARCH_SOURCES, each with its registry's
own client; what cannot be fetched is printed, and its tests are skipped.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.queries import REGISTRIES, Package, Source
from benchmarks.sources import fetch_all

LISTED = Path(__file__).with_suffix(".json")


def load() -> list[Package]:
    """As they are listed. name: of the language, or of what a grammar reads (tsx)."""
    return [
        Package(
            name=name,
            language=written.get("language", name),
            part="",
            source=Source(written["registry"], written["name"], written["version"]),
            folder=written["folder"],
            sha256=written["sha256"],
            queries=(),
        )
        for name, written in json.loads(LISTED.read_text("utf-8")).items()
    ]


def fetch_from(registry: str) -> None:
    for package, _ in fetch_all([package for package in load() if package.source.registry == registry]):
        print(f"{package.name}: {package.source.name} {package.source.version}", flush=True)  # noqa: T201


if __name__ == "__main__":
    with ThreadPoolExecutor(len(REGISTRIES)) as pool:
        list(pool.map(fetch_from, REGISTRIES))
