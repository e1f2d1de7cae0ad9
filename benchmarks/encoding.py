"""Encoding speed against SentenceTransformer.encode with its defaults, in the same process.

python -m benchmarks.encoding          documents, queries in bulk and one query, minilm
python -m benchmarks.encoding --gpu    an e5-base-sized model in bf16, as a share of the chip's peak
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import alternating_medians
from search_core.encoder import load_encoder, model_folder
from search_core.settings import Settings

DOCUMENTS = 1_000
LATENCY_QUERIES = 50

E5_BASE = {"vocab_size": 30_522, "hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3_072}
GPU_DOCUMENTS = 20_000
PEAK_BF16_TFLOPS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "RTX 4090": 165}
"""Dense matrix products, from NVIDIA's data sheets; H100 stands for the SXM part."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gpu", action="store_true", help="measure a GPU instead of the processor")
    on_gpu = parser.parse_args().gpu
    if on_gpu and not has_gpu():
        print("skipped: there is no CUDA device")
        return
    folder = os.environ.get("CODESEARCH_DATASETS")
    if not folder:
        print("skipped: CODESEARCH_DATASETS names no folder with the development data")
        return
    documents, queries = (_texts(Path(folder, "cosqa", name)) for name in ("corpus.jsonl", "queries.jsonl"))
    with tempfile.TemporaryDirectory() as workspace:
        settings = Settings.from_environment(workspace=Path(workspace))
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
        share = flops(reference, texts) / seconds["ours"] / peak
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

    name = torch.cuda.get_device_name(0)
    with tempfile.TemporaryDirectory() as folder:
        reference = random_bert(Path(folder))
        encoder = load_encoder(folder, settings)
        texts = [f"# {n}\n{documents[n % len(documents)]}" for n in range(GPU_DOCUMENTS)]
        encoder.encode_documents(texts[:2_000])
        started = time.perf_counter()
        encoder.encode_documents(texts)
        seconds = time.perf_counter() - started
        achieved = flops(reference, texts) / seconds / torch.cuda.device_count()
    peak = next((tflops for part, tflops in PEAK_BF16_TFLOPS.items() if part in name), None)
    share = f", {achieved / peak / 1e12:.0%} of its {peak} TFLOPS" if peak else ""
    print(f"e5-base-sized model on {encoder.backend} ({name})")
    print(f"{len(texts) / seconds:,.0f} documents/s, {achieved / 1e12:.0f} TFLOPS a device{share}")


def has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def random_bert(folder: Path):
    """Save a model of e5-base's shape with random weights and minilm's tokeniser; returns it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel

    donor = SentenceTransformer(str(model_folder("minilm", Settings())), device="cpu")
    donor.max_seq_length = 512
    donor[0].model = BertModel(BertConfig(**E5_BASE, num_attention_heads=12))
    model = SentenceTransformer(modules=[donor[0], Pooling(E5_BASE["hidden_size"])], device="cpu")
    model.save(str(folder))
    return model


def flops(reference, texts: list[str]) -> float:
    """Arithmetic that encoding must do, without padding: matrix products of the layers, and attention.

    Of an encoder layer: 2·(4·h² + 2·h·f) for each token and 4·h·n for each of a text's n tokens.
    """
    config = reference[0].model.config
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    ids = reference.tokenizer(texts, truncation=True, max_length=reference.max_seq_length)["input_ids"]
    lengths = np.array([len(tokens) for tokens in ids], np.float64)
    return float(
        layers * (lengths * 2 * (4 * hidden**2 + 2 * hidden * inner) + 4 * hidden * lengths**2).sum()
    )


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


def _texts(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


if __name__ == "__main__":
    main()
