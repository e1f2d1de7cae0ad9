"""A tiny random model, saved by sentence-transformers itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from search_core.encoder import model_folder
from search_core.settings import Settings

BuildModel = Callable[..., Path]
HIDDEN = 32


@cache
def minilm() -> Path:
    """The bundled model's folder; finding it checks 90 MB."""
    return model_folder("minilm", Settings())


def build_tiny_model(
    folder: Path,
    name: str = "tiny",
    pooling: str = "mean",
    dense: int | None = None,
    normalize: bool = False,
    max_length: int = 64,
    prompts: Mapping[str, str] | None = None,
) -> Path:
    """A two-layer BERT with random weights and minilm's tokeniser, saved as folder/name."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import AutoTokenizer, BertConfig, BertModel

    torch.manual_seed(0)
    shape = {"hidden_size": HIDDEN, "intermediate_size": 64, "num_hidden_layers": 2}
    config = BertConfig(**shape, num_attention_heads=4, initializer_range=0.5)
    backbone = str(folder / "backbone")
    BertModel(config).save_pretrained(backbone)
    AutoTokenizer.from_pretrained(minilm()).save_pretrained(backbone)
    parts = [
        Transformer(backbone, max_seq_length=max_length),
        Pooling(HIDDEN, pooling_mode=pooling),
        *([Dense(HIDDEN, dense)] if dense else []),
        *([Normalize()] if normalize else []),
    ]
    model = SentenceTransformer(modules=parts, prompts=dict(prompts or {}), device="cpu")
    model.save(str(folder / name), create_model_card=False)
    return folder / name
