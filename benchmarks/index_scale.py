"""How indexes grow: build time, latency, memory and recall from 10,000 to 1,000,000 vectors.

    python -m benchmarks.index_scale                                # about half an hour
    python -m benchmarks.index_scale --size 10000 --rows exact ivf  # about a minute, once encoded
    python -m benchmarks.index_scale --size 1000000 --rows exact ivf --output scale.json

Vectors: `minilm` of the functions of the standard library and of installed packages, docstrings
removed; beyond their number, mixtures of two near neighbours with a little noise. Queries: the first
sentences of those docstrings, from the test split of modules; the product tunes itself on other ones,
from the train split. Each index is loaded in a fresh process, which reports its whole resident memory
after it has answered every query, and answers them one by one on one thread. Recall is of the ten
nearest by exact search. `exact` and `ivf` are the product's kinds; the others are what it does not
use, by default up to 100,000 vectors.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import faiss
import numpy as np
import psutil
from numpy.typing import NDArray

from search_core.index import build_index, load_index
from search_core.index.ivf import IvfIndex
from search_core.index.kinds import lists_for
from search_core.settings import IndexKind, Settings

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Value = TypeVar("Value")

SPECS = (
    "stdlib",
    *(f"package:{name}" for name in ("transformers", "sympy", "scipy", "scikit-learn", "networkx", "gradio")),
)
QUERIES, TIMED_QUERIES = 500, 200
SIZES = (10_000, 100_000, 1_000_000)
ALTERNATIVES_UP_TO = 100_000
DEPTH = 10
REFINED_PER_RESULT = 10
NOISE_LENGTH = 0.2
CHUNK = 50_000
PRODUCT: tuple[IndexKind, ...] = ("exact", "ivf")


class Alternative(NamedTuple):
    """An index that the product does not use. factory: its FAISS description, given the number of vectors."""

    factory: Callable[[int], str]
    knob: str
    efforts: tuple[int, ...]


def constant(description: str) -> Callable[[int], str]:
    return lambda _: description


ALTERNATIVES = {
    "hnsw": Alternative(constant("HNSW32,SQ8"), "efSearch", (64, 256, 1024)),
    "pq": Alternative(lambda size: f"IVF{lists_for(size)},PQ96x4fs,Refine(SQ8)", "nprobe", (16, 64, 256)),
    "rabitq": Alternative(
        lambda size: f"RR384,IVF{lists_for(size)},RaBitQfs,Refine(SQ8)", "nprobe", (16, 64, 256)
    ),
} | {
    f"ivf{lists}": Alternative(constant(f"IVF{lists},Flat"), "nprobe", (1, 4, 16, 64))
    for lists in (64, 256, 1024)
}
"""The last three sweep nlist and nprobe."""


class Sample(NamedTuple):
    """documents: real vectors, distinct. tuning, held_out: real queries from different modules."""

    documents: Vectors
    tuning: Vectors
    held_out: Vectors


@dataclass(frozen=True)
class Speed:
    """median_ms, p95_ms: one query alone on one thread. rss_mb: the whole process, after all queries."""

    effort: str
    recall: float
    median_ms: float
    p95_ms: float
    rss_mb: float


@dataclass(frozen=True)
class Measurement:
    """build_s: training, adding and, in the product's `ivf`, tuning, on all threads."""

    index: str
    size: int
    build_s: float
    speed: Speed


def main(arguments: Sequence[str] | None = None) -> None:
    options = parsed(arguments)
    settings = Settings.from_environment()
    sample = real_vectors(options.functions, settings)
    print(f"{len(sample.documents):,} real functions, {len(sample.held_out):,} held-out queries")
    print(HEADER)
    measurements: list[Measurement] = []
    for size in options.size:
        for measurement in measured(size, options.rows, sample, settings):
            print(line(measurement), flush=True)
            measurements.append(measurement)
    if options.output:
        record = {"real_functions": len(sample.documents), "rows": [asdict(one) for one in measurements]}
        options.output.write_text(json.dumps(record, indent=1), "utf-8")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How indexes grow with the number of vectors.")
    parser.add_argument("--size", type=int, nargs="+", default=SIZES, help="numbers of vectors")
    parser.add_argument("--rows", nargs="+", choices=[*PRODUCT, *ALTERNATIVES], help="indexes to measure")
    parser.add_argument("--functions", type=int, default=40_000, help="real functions to encode at most")
    parser.add_argument("--output", type=Path, help="write the figures there, as JSON")
    return parser.parse_args(arguments)


def measured(
    size: int, rows: Sequence[str] | None, sample: Sample, settings: Settings
) -> Iterator[Measurement]:
    vectors = widened(sample.documents, size)
    _, truth = faiss.knn(sample.held_out, vectors, DEPTH, metric=faiss.METRIC_INNER_PRODUCT)
    wanted = rows or (*PRODUCT, *(ALTERNATIVES if size <= ALTERNATIVES_UP_TO else ()))
    for kind in PRODUCT:
        if kind in wanted:
            yield measured_product(kind, vectors, sample, truth, settings)
    for name, alternative in ALTERNATIVES.items():
        if name in wanted:
            yield from measured_alternative(alternative, vectors, sample, truth)


def real_vectors(most: int, settings: Settings) -> Sample:
    """Encoded once, then read from the workspace."""
    from search_core.corpus import load_judged
    from search_core.encoder import encode_corpus, load_encoder
    from search_core.store import Workspace
    from search_core.types import Corpus

    encoder = load_encoder("minilm", settings)
    judged = {
        split: [load_judged(spec, split, "content", settings) for spec in SPECS]
        for split in ("train", "test")
    }
    documents = {
        document.content_key: document for one in judged["test"] for document in one.corpus.documents
    }
    chosen = shuffled(documents.values())[:most]
    encoded = encode_corpus(encoder, Corpus("benchmark", tuple(chosen)), Workspace(settings.workspace))
    tuning, held_out = (
        encoder.encode_queries(shuffled(text for one in part for text in one.queries.values())[:QUERIES])
        for part in judged.values()
    )
    return Sample(encoded.vectors, tuning, held_out)


def shuffled(values: Iterable[Value]) -> list[Value]:
    shuffled = list(values)
    random.Random(0).shuffle(shuffled)  # noqa: S311 - reproducible, not secret
    return shuffled


def widened(real: Vectors, size: int) -> Vectors:
    """(size, dim) unit rows: the real ones, then mixtures of one with one of its ten nearest, and noise."""
    if size <= len(real):
        return real[:size]
    generator = np.random.default_rng(0)
    _, nearest = faiss.knn(real, real, DEPTH + 1, metric=faiss.METRIC_INNER_PRODUCT)
    parts = [real]
    for start in range(len(real), size, CHUNK):
        count = min(CHUNK, size - start)
        first = generator.integers(len(real), size=count)
        second = nearest[first, generator.integers(1, DEPTH + 1, size=count)]
        share = generator.random((count, 1), dtype=np.float32)
        noise = generator.standard_normal((count, real.shape[1]), dtype=np.float32)
        noise *= NOISE_LENGTH / math.sqrt(real.shape[1])
        mixed = share * real[first] + (1 - share) * real[second] + noise
        parts.append(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))
    return np.concatenate(parts)


def measured_product(
    kind: IndexKind, vectors: Vectors, sample: Sample, truth: Rows, settings: Settings
) -> Measurement:
    """Build and store an index here; load and question it in a fresh process."""
    of_kind = replace(settings, index_kind=kind)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        index = build_index([f"{row:064x}" for row in range(len(vectors))], vectors, of_kind, sample.tuning)
        build_s = time.perf_counter() - started
        index.save(Path(folder), {"source": ""})
        one_thread = replace(of_kind, threads=1)
        speed = in_fresh_process(product_speed, Path(folder), one_thread, sample.held_out, truth)
        return Measurement(kind, len(vectors), build_s, speed)


def product_speed(folder: Path, settings: Settings, queries: Vectors, truth: Rows) -> Speed:
    index = load_index(folder, settings, source="")
    assert index is not None

    def search(batch: Vectors) -> list[list[int]]:
        return [[int(id, 16) for id in found.ids[:DEPTH]] for found in index.search(batch, DEPTH)]

    effort = f"nprobe {index.tuning.nprobe}" if isinstance(index, IvfIndex) else ""
    return speed_of(search, effort, queries, truth)


def measured_alternative(
    alternative: Alternative, vectors: Vectors, sample: Sample, truth: Rows
) -> Iterator[Measurement]:
    """Likewise, at every effort."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        description = alternative.factory(len(vectors))
        built = faiss.index_factory(vectors.shape[1], description, faiss.METRIC_INNER_PRODUCT)
        built.train(vectors)
        built.add(vectors)
        build_s = time.perf_counter() - started
        path = Path(folder, "index.faiss")
        faiss.write_index(built, str(path))
        for effort in alternative.efforts:
            speed = in_fresh_process(
                alternative_speed, path, alternative.knob, effort, sample.held_out, truth
            )
            yield Measurement(description, len(vectors), build_s, speed)


def alternative_speed(path: Path, knob: str, effort: int, queries: Vectors, truth: Rows) -> Speed:
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    faiss.omp_set_num_threads(1)
    space = faiss.ParameterSpace()
    space.set_index_parameter(index, knob, effort)
    if isinstance(index, faiss.IndexRefine):
        space.set_index_parameter(index, "k_factor_rf", REFINED_PER_RESULT)
    return speed_of(lambda batch: index.search(batch, DEPTH)[1].tolist(), f"{knob} {effort}", queries, truth)


def speed_of(
    search: Callable[[Vectors], list[list[int]]], effort: str, queries: Vectors, truth: Rows
) -> Speed:
    found = search(queries)
    hits = [len(set(rows) & set(nearest)) for rows, nearest in zip(found, truth.tolist(), strict=True)]
    times_ms = []
    for query in queries[:TIMED_QUERIES]:
        started = time.perf_counter()
        search(query[None])
        times_ms.append(1_000 * (time.perf_counter() - started))
    rss_mb = psutil.Process().memory_info().rss / 1e6
    p95_ms = float(np.percentile(times_ms, 95))
    return Speed(effort, sum(hits) / truth.size, statistics.median(times_ms), p95_ms, rss_mb)


def in_fresh_process(function: Callable[..., Speed], *arguments: object) -> Speed:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


HEADER = (
    f"{'vectors':>9}  {'index':34}  {'effort':13}  {'build s':>8}  {'median ms':>9}"
    f"  {'p95 ms':>7}  {'RSS MB':>7}  recall@10"
)


def line(one: Measurement) -> str:
    speed = one.speed
    return (
        f"{one.size:9,}  {one.index:34}  {speed.effort:13}  {one.build_s:8.1f}  {speed.median_ms:9.2f}"
        f"  {speed.p95_ms:7.2f}  {speed.rss_mb:7.0f}  {speed.recall:9.3f}"
    )


if __name__ == "__main__":
    main()
