"""A model as sentence-transformers loads it: what runs on torch, and what the fast runtime is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search_core.encoder.config import ModelConfig
from search_core.encoder.tokens import TokenRules
from search_core.types import StudioError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

LONGEST_TEXT = 8_192
"""Tokens read of a text by a model that names no maximum of its own."""


def load_modules(config: ModelConfig, device: str, dtype: torch.dtype, attention: str) -> SentenceTransformer:
    """The module chain, pooling and normalisation included, ready to run.

    attention: transformers' attn_implementation. Raises StudioError where the files are
    damaged, or the model needs code of its own or a library that is not here.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(config.folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"dtype": dtype, "attn_implementation": attention, "use_safetensors": True},
        )
    except Exception as error:  # whatever transformers makes of a stranger's files
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise StudioError(f"The model in {config.folder} cannot be loaded: {reason}") from error
    return model.eval()


def token_rules(model: SentenceTransformer) -> TokenRules:
    """Raises StudioError for a model without a fast tokeniser."""
    tokenizer = model.tokenizer
    if not getattr(tokenizer, "is_fast", False):
        raise StudioError(f"{type(tokenizer).__name__} has no fast version: this model cannot be used here.")
    max_length = min(tokenizer.model_max_length, LONGEST_TEXT)
    return TokenRules(tokenizer.backend_tokenizer.to_str(), max_length, tokenizer.pad_token_id or 0)
