"""Low-rank adapters: trained as such, or squeezed out of a full fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn

from search_core.encoder import model_folder
from search_core.encoder.adapter import Adapter, Factors, weights_sha256
from search_core.encoder.models import HUB_IDS
from search_core.settings import Settings
from search_core.types import StudioError

DEFAULT_RANK = 56
"""The largest whose adapter of minilm stays below 5 MB."""


def add_lora(model: SentenceTransformer, rank: int) -> None:
    """Freeze the model and give each linear module of its transformer a trainable low-rank difference.

    Differences start at zero (Hu et al., ICLR 2022), and are not scaled. Draws from torch's generator.
    """
    from peft import LoraConfig

    names = list(_linear_modules(model))
    model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, lora_dropout=0.0, target_modules=names))


def trained_factors(model: SentenceTransformer, share: float = 1.0) -> dict[str, Factors]:
    """What `add_lora` and training made, scaled by a share: averaging with the base, weight by weight."""
    return {
        name: Factors(
            module.lora_A["default"].weight.detach().cpu(),
            module.lora_B["default"].weight.detach().cpu() * module.scaling["default"] * share,
        )
        for name, module in model.transformers_model.named_modules()
        if hasattr(module, "lora_A")
    }


def squeezed_factors(base: SentenceTransformer, tuned: SentenceTransformer, rank: int) -> dict[str, Factors]:
    """The best low-rank factors of each linear weight's difference: its truncated singular value
    decomposition (Eckart and Young, 1936), on the processor wherever the models are. Embeddings, biases
    and layer norms keep the base's values.

    Raises StudioError where the models are not of one kind, or do not differ.
    """
    before, after = _linear_modules(base), _linear_modules(tuned)
    if {name: weight.shape for name, weight in before.items()} != {
        name: weight.shape for name, weight in after.items()
    }:
        raise StudioError(
            "The fine-tuned model and its base are not of one kind: name the base it was made from."
        )
    differences = {name: after[name] - before[name] for name in before}
    if not any(difference.any() for difference in differences.values()):
        raise StudioError("The fine-tuned model is equal to its base: there is nothing to squeeze.")
    return {name: _truncated(difference, rank) for name, difference in differences.items()}


def adapter_for(base_spec: str, factors: Mapping[str, Factors], settings: Settings) -> Adapter:
    """Factors, with their base named so that others find it, and by its weights' checksum."""
    checksum = weights_sha256(model_folder(base_spec, settings))
    return Adapter(HUB_IDS.get(base_spec, base_spec), checksum, factors)


def _linear_modules(model: SentenceTransformer) -> dict[str, Tensor]:
    """Name in the transformer → weight (outputs, inputs), of all that sentence vectors depend on."""
    return {
        name: module.weight.detach()
        for name, module in model.transformers_model.named_modules()
        if isinstance(module, nn.Linear) and not name.startswith("pooler.")
    }


def _truncated(difference: Tensor, rank: int) -> Factors:
    left, values, right = torch.linalg.svd(difference.float(), full_matrices=False)
    root = values[:rank].sqrt()
    return Factors(down=(root[:, None] * right[:rank]).cpu(), up=(left[:, :rank] * root).cpu())
