"""Encoding speed against SentenceTransformer.encode with its defaults, in the same process.

python -m benchmarks.encoding          documents, queries in bulk and one query, minilm
python -m benchmarks.encoding --gpu    an e5-base-sized model in bf16, as a share of the chip's peak
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.accelerator import encoding_flops, has_gpu, random_bert, shown_rate
from benchmarks.development_data import cosqa_folder, new_workspace
from benchmarks.timing import alternating_medians
from search_core.encoder import load_encoder, model_folder
from search_core.settings import Settings

DOCUMENTS = 1_000
LATENCY_QUERIES = 50
GPU_DOCUMENTS = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gpu", action="store_true", help="measure a GPU instead of the processor")
    on_gpu = parser.parse_args().gpu
    if on_gpu and not has_gpu():
        print("skipped: there is no CUDA device")
        return
    documents, queries = (read_texts(cosqa_folder() / name) for name in ("corpus.jsonl", "queries.jsonl"))
    with new_workspace() as settings:
        if on_gpu:
            gpu(documents, settings)
        else:
            processor(documents[:DOCUMENTS], queries, settings)


def processor(documents: list[str], queries: list[str], settings: Settings) -> None:
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(model_folder("minilm", settings)), device="cpu")
    encoder = load_encoder("minilm", settings)
    peak = matrix_product_flops()
    print(f"minilm on {encoder.backend}; peak of f32 matrix products {peak / 1e9:,.0f} GFLOPS")
    few = queries[:LATENCY_QUERIES]

    def compare(name: str, texts: list[str], ours, theirs) -> None:
        seconds = alternating_medians({"ours": ours, "theirs": theirs})
        share = encoding_flops(reference, texts) / seconds["ours"] / peak
        print(
            f"{name:22} {len(texts) / seconds['ours']:8.1f}/s, sentence-transformers "
            f"{len(texts) / seconds['theirs']:8.1f}/s: {seconds['theirs'] / seconds['ours']:.2f} ×, "
            f"{share:.0%} of the peak"
        )

    compare(
        f"{len(documents):,} documents",
        documents,
        lambda: encoder.encode_documents(documents),
        lambda: reference.encode(documents),
    )
    compare(
        f"{len(queries):,} queries in bulk",
        queries,
        lambda: encoder.encode_queries(queries),
        lambda: reference.encode(queries),
    )
    compare(
        "one query at a time",
        few,
        lambda: [encoder.encode_queries([query]) for query in few],
        lambda: [reference.encode(query) for query in few],
    )
    cosines = (encoder.encode_documents(documents) * reference.encode(documents)).sum(axis=1)
    print(f"cosine to sentence-transformers: least {cosines.min():.6f}, mean {cosines.mean():.6f}")


def gpu(documents: list[str], settings: Settings) -> None:
    import torch

    with tempfile.TemporaryDirectory() as folder:
        reference = random_bert(Path(folder))
        encoder = load_encoder(folder, settings)
        texts = [f"# {n}\n{documents[n % len(documents)]}" for n in range(GPU_DOCUMENTS)]
        encoder.encode_documents(texts[:2_000])
        started = time.perf_counter()
        encoder.encode_documents(texts)
        seconds = time.perf_counter() - started
        rate = encoding_flops(reference, texts) / seconds / torch.cuda.device_count()
    print(f"e5-base-sized model on {encoder.backend}")
    print(f"{len(texts) / seconds:,.0f} documents/s, {shown_rate(rate)}")


def matrix_product_flops(size: int = 2_048, rounds: int = 30) -> float:
    """Operations a second of torch's best f32 matrix product on all cores: the practical peak."""
    import torch

    matrix = torch.rand(size, size)
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def read_texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


if __name__ == "__main__":
    main()
