"""semble's side of benchmarks/semble_process.py: run by the Python that has semble, which ours has not.

Reads one JSON request a line and answers with one; imports nothing of ours. Measures as semble's own
benchmark does: `from_path` with the model loaded and no stored index, each query's median of five.

    {"distill": FOLDER_OF_MODEL, "into": FOLDER}  → {}
    {"index": FOLDER}                             → {"seconds", "chunks", "files"}
    {"search": [QUERY, ...], "k": 10}             → {"paths": [[PATH, ...], ...], "query_ms": [MS, ...]}
"""

import json
import statistics
import sys
import time
from typing import Any

REPEATS = 5


class Worker:
    def __init__(self) -> None:
        self.index: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "distill" in request:
            return distill(request["distill"], request["into"])
        if "index" in request:
            return self.build(request["index"])
        return self.search(request["search"], request["k"])

    def build(self, folder: str) -> dict[str, Any]:
        from semble import SembleIndex  # type: ignore[import-not-found]
        from semble.index.dense import load_model  # type: ignore[import-not-found]

        load_model()
        started = time.perf_counter()
        self.index = SembleIndex.from_path(folder)
        seconds = time.perf_counter() - started
        files = sorted({chunk.file_path for chunk in self.index.chunks})
        return {"seconds": seconds, "chunks": len(self.index.chunks), "files": files}

    def search(self, queries: list[str], k: int) -> dict[str, Any]:
        paths, query_ms = [], []
        for query in queries:
            runs_ms = []
            for _ in range(REPEATS):
                started = time.perf_counter()
                results = self.index.search(query, top_k=k)
                runs_ms.append(1_000 * (time.perf_counter() - started))
            query_ms.append(statistics.median(runs_ms))
            paths.append([result.chunk.file_path for result in results])
        return {"paths": paths, "query_ms": query_ms}


def distill(model: str, into: str) -> dict[str, Any]:
    """A static model of the sentence transformer in a folder, by model2vec's defaults."""
    from model2vec.distill import distill as distilled  # type: ignore[import-not-found]

    distilled(model, device="cpu").save_pretrained(into)
    return {}


def main() -> None:
    worker = Worker()
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
