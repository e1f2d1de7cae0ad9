"""Search throughput, text to ranked ids, and the latency of one query, over CoSQA's 6,267 functions.

    python -m benchmarks.throughput

Named references: sentence-transformers' own encode plus a NumPy product, in the same process;
and the figure of the reference notebook (e5-base-v2 on a GPU, FAISS): 1,028 queries/s. Ours is
`minilm` on a processor: another model, so the two figures are not a ratio of engines.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from benchmarks.development_data import cosqa, new_workspace
from benchmarks.timing import alternating_medians
from search_core.corpus import load_corpus, load_judged
from search_core.engine import SearchEngine
from search_core.settings import Settings

REFERENCE_QUERIES_PER_S = 1_028


def main() -> None:
    spec = cosqa()
    with new_workspace() as settings:
        corpus = load_corpus(spec, settings)
        queries = [
            query
            for split in ("train", "valid")
            for query in load_judged(spec, split, "content", settings).queries.values()
        ]
        engine = SearchEngine(corpus, settings)
        engine.add_model("minilm")
        bulk(engine, corpus.documents, queries)
        single(engine, queries[:200])


def bulk(engine, documents, queries) -> None:
    from sentence_transformers import SentenceTransformer

    from search_core.encoder import model_folder

    reference = SentenceTransformer(str(model_folder("minilm", Settings())), device="cpu")
    matrix = engine.model("minilm").encoder.encode_documents(
        [document.encoded for document in documents[:6_267]]
    )

    def with_sentence_transformers() -> None:
        vectors = reference.encode(queries, normalize_embeddings=True, show_progress_bar=False)
        scores = np.asarray(vectors) @ matrix.T
        np.argsort(-scores, axis=1)[:, :10]

    seconds = alternating_medians(
        {
            "sentence-transformers": with_sentence_transformers,
            "dense": lambda: engine.rank(queries, 10, model="minilm", mode="dense"),
            "hybrid": lambda: engine.rank(queries, 10, model="minilm", mode="hybrid"),
            "lexical": lambda: engine.rank(queries, 10, mode="lexical"),
        }
    )
    baseline = seconds["sentence-transformers"]
    print(f"{len(queries)} queries over {len(documents):,} documents, text to the 10 best ids, median of 5")
    for name, value in seconds.items():
        rate = len(queries) / value
        print(f"  {name:22} {rate:8,.0f} queries/s  {baseline / value:6.2f} × sentence-transformers")
    print(
        f"  reference notebook     {REFERENCE_QUERIES_PER_S:8,} queries/s  "
        "(e5-base-v2 on a GPU; ours: minilm on this processor)"
    )


def single(engine, queries) -> None:
    print("one query at a time, median and 95th percentile")
    for mode in ("dense", "hybrid", "lexical"):
        latencies = []
        for query in queries:
            started = time.perf_counter()
            engine.search(query, 10, model="minilm", mode=mode)
            latencies.append(1_000 * (time.perf_counter() - started))
        print(f"  {mode:8} {statistics.median(latencies):7.2f} ms {np.percentile(latencies, 95):7.2f} ms")


if __name__ == "__main__":
    main()
