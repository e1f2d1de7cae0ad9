"""sentence-transformers' own modules on torch: accelerators, and models the fast runtime cannot run."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search_core.encoder.batches import Batching
from search_core.encoder.config import ModelConfig
from search_core.encoder.modules import load_modules, token_rules
from search_core.encoder.protocol import Forward, Vectors
from search_core.encoder.tokens import BulkTokenizer
from search_core.settings import Settings

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

ON_AN_ACCELERATOR = Batching(tokens=65_536, padding=1 / 4, sorted_together=8_192)
LANES_PER_GPU = 2
"""One prepares and launches its batch while the other's is computed."""


class TorchRuntime:
    """The modules on one processor, one accelerator or several CUDA devices, bf16 where they have it."""

    def __init__(self, config: ModelConfig, device: str, settings: Settings) -> None:
        """device: cpu, mps, cuda:N, or cuda for every CUDA device. Raises as load_modules does."""
        import torch

        devices = [f"cuda:{n}" for n in range(torch.cuda.device_count())] if device == "cuda" else [device]
        dtype = working_dtype(devices)
        if device == "cpu":
            torch.set_num_threads(settings.thread_count)
        first = load_modules(config, devices[0], dtype, "sdpa")
        self._replicas = [first, *(deepcopy(first).to(other) for other in devices[1:])]
        self.dim = int(first.get_embedding_dimension() or 0)
        self.tokenizer = BulkTokenizer(token_rules(first))
        self.batching = Batching(tokens=4_096) if device == "cpu" else ON_AN_ACCELERATOR
        where = f"{settings.thread_count} threads" if device == "cpu" else ", ".join(devices)
        self.description = f"torch {str(dtype).removeprefix('torch.')}, {where}"

    def forward_one(self) -> Sequence[Forward]:
        return [partial(_forward, self._replicas[0])]

    def forward_many(self) -> Sequence[Forward]:
        lanes = LANES_PER_GPU if self._replicas[0].device.type == "cuda" else 1
        return [partial(_forward, replica) for replica in self._replicas for _ in range(lanes)]


def working_dtype(devices: Sequence[str]) -> torch.dtype:
    """bf16 where every device computes in it: elsewhere it is emulated, up to a hundred times slower."""
    import torch

    if devices == ["cpu"]:
        capabilities = torch.cpu.get_capabilities()
        native = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
    elif devices[0].startswith("cuda"):
        native = all(torch.cuda.get_device_capability(device) >= (8, 0) for device in devices)
    else:
        native = False
    return torch.bfloat16 if native else torch.float32


def _forward(model: SentenceTransformer, input_ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Vectors:
    import torch

    with torch.inference_mode():
        features = {"input_ids": torch.from_numpy(input_ids), "attention_mask": torch.from_numpy(mask)}
        features = {name: tensor.to(model.device) for name, tensor in features.items()}
        vectors: Vectors = model(features)["sentence_embedding"].float().cpu().numpy()
    return vectors
