"""LoRA adapters: the low-rank difference between two models, as a small folder in PEFT's layout."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from search_core.encoder.config import FILES, WEIGHTS_INDEX
from search_core.store import SCRATCH, write_bytes, write_text
from search_core.types import StudioError

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
"""PEFT names a module of the base model like this."""


class Factors(NamedTuple):
    """A weight's difference is `up @ down`. down: (rank, inputs); up: (outputs, rank). lora_A and lora_B."""

    down: Tensor
    up: Tensor

    def difference(self) -> Tensor:
        """(outputs, inputs) float32."""
        return self.up.float() @ self.down.float()


@dataclass(frozen=True)
class Adapter:
    """base_model: Hub id or folder. base_sha256: of the base's weights.

    factors: name of a linear module in the transformer → its factors.
    """

    base_model: str
    base_sha256: str
    factors: Mapping[str, Factors]


def write_adapter(adapter: Adapter, folder: Path) -> None:
    """Write it as PEFT would, in float16. Raises StudioError where it cannot be written."""
    import torch
    from safetensors.torch import save

    ranks = {factors.down.shape[0] for factors in adapter.factors.values()}
    if len(ranks) != 1:
        raise ValueError(f"an adapter has one rank, got {sorted(ranks)}")
    config = {
        "peft_type": "LORA",
        "task_type": "FEATURE_EXTRACTION",
        "base_model_name_or_path": adapter.base_model,
        "base_model_sha256": adapter.base_sha256,
        "r": max(ranks),
        "lora_alpha": max(ranks),  # no factor on the difference
        "target_modules": sorted(adapter.factors),
        "inference_mode": True,
        "bias": "none",
    }
    tensors = {
        f"{PREFIX}{module}.{name}.weight": tensor.to(torch.float16).contiguous()
        for module, factors in adapter.factors.items()
        for name, tensor in (("lora_A", factors.down), ("lora_B", factors.up))
    }
    write_bytes(folder / WEIGHTS, save(tensors, metadata={"format": "pt"}))
    write_text(folder / CONFIG, json.dumps(config, indent=1) + "\n")  # last: it makes the folder an adapter


def weights_of(base: Path) -> list[Path]:
    """Of a whole model: one file, or the parts of a large one. Raises StudioError where there are none."""
    weights = base / "model.safetensors"
    parts = [weights] if weights.exists() else sorted(base.glob("model-*-of-*.safetensors"))
    if not parts:
        raise StudioError(f"The model in {base} has no weights: a model.safetensors file is expected.")
    return parts


def weights_sha256(base: Path) -> str:
    """Of model.safetensors, or of its parts one after another. Raises StudioError where there are none."""
    digest = hashlib.sha256()
    for path in weights_of(base):
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def base_of(folder: Path) -> str:
    """The base model that an adapter names, read without torch. Raises StudioError where there is none."""
    return str(_read_config(folder)["base_model_name_or_path"])


def read_adapter(folder: Path) -> Adapter:
    """Raises StudioError where the folder holds no plain LoRA adapter."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = _read_config(folder)
    try:
        tensors = load_file(folder / WEIGHTS)
        scale = config["lora_alpha"] / (config["r"] ** (0.5 if config.get("use_rslora") else 1))
        modules = {name.removeprefix(PREFIX).rsplit(".lora_", 1)[0] for name in tensors}
        factors = {
            module: Factors(
                tensors[f"{PREFIX}{module}.lora_A.weight"], tensors[f"{PREFIX}{module}.lora_B.weight"] * scale
            )
            for module in sorted(modules)
        }
        return Adapter(config["base_model_name_or_path"], config.get("base_model_sha256", ""), factors)
    except (OSError, KeyError, TypeError, SafetensorError) as error:
        raise StudioError(f"The weights of the adapter in {folder} cannot be read: {error}.") from error


def _read_config(folder: Path) -> Mapping[str, Any]:
    try:
        config = dict(json.loads(folder.joinpath(CONFIG).read_text("utf-8")))
        missing = {"base_model_name_or_path", "peft_type", "r", "lora_alpha"} - set(config)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise StudioError(f"There is no adapter in {folder}: {error}.") from error
    if missing:
        raise StudioError(f"{folder / CONFIG} lacks {', '.join(sorted(missing))}.")
    kinds = ("use_dora", "rank_pattern", "alpha_pattern", "modules_to_save")
    special = [name for name in kinds if config.get(name)]
    if config.get("peft_type") != "LORA" or special or config.get("bias", "none") != "none":
        raise StudioError(
            f"{folder} is an adapter of another kind ({', '.join(special) or config.get('peft_type')}): "
            "merge it into its base with peft, and give that folder."
        )
    if type(config["r"]) is not int or config["r"] < 1:
        raise StudioError(
            f"{folder / CONFIG} has no usable rank: 'r' must be at least 1, got {config['r']!r}."
        )
    if not folder.joinpath(WEIGHTS).is_file():
        raise StudioError(f"The adapter in {folder} has no weights: it lacks {WEIGHTS}.")
    return config


def merge_adapter(adapter: Adapter, base: Path, target: Path) -> None:
    """Make a whole model: the base's files, and its weights with the differences added.

    base: a model folder. target: must not exist; it is there only when it is complete.
    Raises StudioError where the adapter was made for other weights.
    """
    from safetensors.torch import load_file, save_file

    if adapter.base_sha256 and weights_sha256(base) != adapter.base_sha256:
        raise StudioError(
            f"The adapter was made for other weights of {adapter.base_model} than those in {base}: "
            "take the base model that its adapter_config.json names."
        )
    weights = weights_of(base)
    state = {name: tensor for path in weights for name, tensor in load_file(path).items()}
    for module, factors in adapter.factors.items():
        name = f"{module}.weight"
        if name not in state or state[name].shape != (factors.up.shape[0], factors.down.shape[1]):
            raise StudioError(f"The adapter does not fit the model in {base}: it has no such {name!r}.")
        state[name] = (state[name].float() + factors.difference()).to(state[name].dtype)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=target.parent) as scratch:
        merged = Path(scratch, "merged")
        for path in sorted(
            {path for pattern in FILES for path in base.glob(pattern)} - {*weights, base / WEIGHTS_INDEX}
        ):
            (merged / path.relative_to(base)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, merged / path.relative_to(base))
        save_file(state, merged / "model.safetensors", metadata={"format": "pt"})
        merged.rename(target)
