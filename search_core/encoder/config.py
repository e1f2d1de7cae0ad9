"""A model folder's own configuration, read without importing torch."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from search_core.types import StudioError

logger = logging.getLogger(__name__)

WEIGHTS_INDEX = "model.safetensors.index.json"
FILES = (
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_*_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "model*.safetensors",
    WEIGHTS_INDEX,
    "[0-9]*_*/config.json",
    "[0-9]*_*/*.safetensors",
)
"""What loading reads of a model folder, itself and its modules' folders: never a pickle, never code."""
PICKLES = ("pytorch_model*.bin", "[0-9]*_*/pytorch_model*.bin")

E5 = re.compile(r"(^|/)(multilingual-)?e5-(small|base|large)(-v2)?$")
"""Models that were trained with prefixes but published before models could carry prompts."""
E5_PROMPTS = {"query": "query: ", "document": "passage: "}


@dataclass(frozen=True)
class ModelConfig:
    """fingerprint: 64 hex digits over everything that decides the vectors: weights, tokeniser,
    pooling, maximum length, normalisation and prompts."""

    folder: Path
    query_prompt: str
    document_prompt: str
    fingerprint: str


def check_weights(spec: str, names: Collection[str]) -> None:
    """Raise StudioError unless every part of a model that has weights has them as safetensors.

    names: POSIX paths of the files within the model's folder.
    """
    safe = {_parent(name) for name in _matching(names, FILES) if name.endswith(".safetensors")}
    if {_parent(name) for name in _matching(names, PICKLES)} - safe:
        raise StudioError(
            f"Model {spec!r} has weights only as pickle files, which can run code when they are loaded: "
            "save it as safetensors, or pick another model."
        )
    if "" not in safe:
        if "adapter_config.json" in names:
            raise StudioError(
                f"Model {spec!r} is an adapter, and those are read from folders alone: download it and give "
                "its folder."
            )
        raise StudioError(f"Model {spec!r} has no weights: a model.safetensors file is expected.")


def read_config(spec: str, folder: Path) -> ModelConfig:
    """Read and check a model folder. Raises StudioError where it is no text encoder that can be loaded."""
    names = _file_names(folder)
    if "config.json" not in names:
        adapter = "adapter_config.json" in names
        raise StudioError(
            f"{spec!r} holds a LoRA adapter, not a whole model: merge it into its base and give that folder."
            if adapter
            else f"{spec!r} is no model: it has no config.json."
        )
    check_weights(spec, names)
    _check_modules(spec, folder, names)
    prompts = _prompts(spec, folder)
    digest = hashlib.sha256(json.dumps(prompts).encode())
    for name in sorted(_matching(names, FILES)):
        with folder.joinpath(name).open("rb") as file:
            digest.update(f"{name}\0".encode() + hashlib.file_digest(file, "sha256").digest())
    return ModelConfig(folder, *prompts, digest.hexdigest())


def _check_modules(spec: str, folder: Path, names: set[str]) -> None:
    if "modules.json" not in names:
        logger.warning(
            "model %s has no sentence-transformers configuration: its token vectors are averaged", spec
        )
        return
    modules = _read_json(folder / "modules.json")
    if not isinstance(modules, list) or not modules or not all(isinstance(part, dict) for part in modules):
        raise StudioError(f"The modules.json of model {spec!r} does not list its modules.")
    if not str(modules[0].get("type", "")).endswith(".Transformer"):
        raise StudioError(f"Model {spec!r} is no transformer: this version cannot encode with it.")
    for part in modules:
        path = folder / str(part.get("path", "")) / "config.json"
        if (
            str(part.get("type", "")).endswith(".Pooling")
            and _read_table(path).get("include_prompt") is False
        ):
            raise StudioError(
                f"Model {spec!r} leaves prompts out of its pooling: this version cannot do that."
            )


def _prompts(spec: str, folder: Path) -> tuple[str, str]:
    """The prompts for queries and documents, as sentence-transformers 6.2 picks them.

    encode_query takes "query"; encode_document the first of "document", "passage" and
    "corpus" that is not empty; the default prompt name counts for neither. (6.2 itself stops at its own
    empty "document" prompt and never sees a model's "passage".)
    """
    path = folder / "config_sentence_transformers.json"
    prompts = _read_table(path).get("prompts") or {} if path.is_file() else {}
    if not isinstance(prompts, Mapping):
        raise StudioError(f"The prompts of model {spec!r} are not a table of names and texts.")
    if not any(prompts.values()) and _is_e5(spec, folder):
        prompts = E5_PROMPTS
    documents = (prompts.get(name) for name in ("document", "passage", "corpus"))
    return str(prompts.get("query") or ""), str(next(filter(None, documents), ""))


def _is_e5(spec: str, folder: Path) -> bool:
    origin = _read_table(folder / "config.json").get("_name_or_path", "")
    return any(E5.search(str(name)) for name in (spec, folder.name, origin))


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise StudioError(f"{path} cannot be read as JSON: {error}.") from error


def _read_table(path: Path) -> Mapping[str, Any]:
    table = _read_json(path)
    if not isinstance(table, dict):
        raise StudioError(f"{path} holds no table of names and values.")
    return table


def _matching(names: Collection[str], patterns: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if any(fnmatch(name, pattern) for pattern in patterns))


def _file_names(folder: Path) -> set[str]:
    """POSIX paths of the files at the top of a model folder and in its modules' folders."""
    paths = [*folder.glob("*"), *folder.glob("*_*/*")]
    return {path.relative_to(folder).as_posix() for path in paths if path.is_file()}


def _parent(name: str) -> str:
    return name.rpartition("/")[0]
