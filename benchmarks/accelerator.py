"""For benchmarks on a GPU: a model of e5-base's shape, and arithmetic as a share of the chip's peak."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from search_core.encoder import model_folder
from search_core.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

E5_BASE = {"vocab_size": 30_522, "hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3_072}
PEAK_BF16_TFLOPS = {"H200": 989, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "RTX 4090": 165}
"""Dense matrix products, from NVIDIA's data sheets; H100 stands for the SXM part."""


def has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def random_bert(folder: Path) -> SentenceTransformer:
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


def encoding_flops(model: SentenceTransformer, texts: Sequence[str]) -> float:
    """Arithmetic that encoding must do, without padding: matrix products of the layers, and attention.

    Of an encoder layer: 2·(4·h² + 2·h·f) for each token and 4·h·n for each of a text's n tokens.
    """
    config = model[0].model.config
    hidden, inner, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    ids = model.tokenizer(list(texts), truncation=True, max_length=model.max_seq_length)["input_ids"]
    lengths = np.array([len(tokens) for tokens in ids], np.float64)
    return float(
        layers * (lengths * 2 * (4 * hidden**2 + 2 * hidden * inner) + 4 * hidden * lengths**2).sum()
    )


def shown_rate(flops_per_s: float) -> str:
    """A rate of one device, and how much of its bf16 peak that is, where the chip is known."""
    import torch

    name = torch.cuda.get_device_name(0)
    peak = next((tflops for part, tflops in PEAK_BF16_TFLOPS.items() if part in name), None)
    share = f", {flops_per_s / peak / 1e12:.0%} of its {peak} TFLOPS" if peak else ""
    return f"{flops_per_s / 1e12:.0f} TFLOPS a device ({name}){share}"
