"""From a model's torch modules to OpenVINO, once for each model."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from search_core.encoder.batches import padded
from search_core.encoder.config import ModelConfig
from search_core.encoder.modules import load_modules, token_rules
from search_core.encoder.tokens import BulkTokenizer, TokenRules
from search_core.store import SCRATCH, Artifact, WriteFile, write_artifact
from search_core.types import StudioError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

VERSION = 1
"""Raise it when what is stored changes: older conversions are then made anew."""
LEAST_COSINE = 0.999
"""A conversion whose vectors differ more from the model's own is not used."""
PROBES = ("def read(path):\n    return open(path).read()", "x", "parse a date from a string " * 40)
"""Texts of different length in one batch: they show what a trace took for a constant."""

logger = logging.getLogger(__name__)


class ConversionError(Exception):
    """OpenVINO cannot run this model faithfully."""


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which reports every import to an analytics service."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # importing it now fails
    import openvino

    return openvino


def convert(config: ModelConfig, folder: Path) -> Artifact:
    """Store a model's conversion; the caller holds the folder's lock.

    Raises ConversionError where OpenVINO cannot run the model faithfully, StudioError where
    the model cannot be loaded or the conversion not be written.
    """
    import torch

    logger.info("converting %s for the fast runtime: once for each model", config.folder)
    # Eager attention: the others look at the mask's values, which a trace makes constants.
    model = load_modules(config, "cpu", torch.float32, "eager")
    rules = token_rules(model)
    converted = _traced(model)
    _check(converted, model, rules)
    metadata = {
        "version": VERSION,
        "dim": model.get_embedding_dimension(),
        "max_length": rules.max_length,
        "pad_id": rules.pad_id,
    }
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as scratch:
        files = _save(converted, Path(scratch))
        files["tokenizer.json"] = partial(_write_text, rules.definition)
        return write_artifact(folder, files, metadata)


def _traced(model: SentenceTransformer) -> Any:
    """The module chain as an OpenVINO model: (input_ids, attention_mask) → sentence_embedding."""
    import torch

    class Chain(torch.nn.Module):  # type: ignore[misc]  # torch is untyped here
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleList(model)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            for part in self.parts:
                features = part(features)
            return features["sentence_embedding"]

    example = torch.ones(2, 7, dtype=torch.int64)
    try:
        with _tracing_unwatched(), torch.inference_mode():
            return import_openvino().convert_model(
                Chain().eval(), example_input={"input_ids": example, "attention_mask": example}
            )
    except Exception as error:  # whatever tracing a stranger's architecture runs into
        raise ConversionError(f"it cannot be converted ({type(error).__name__})") from error


@contextmanager
def _tracing_unwatched() -> Iterator[None]:
    """Without the warnings of a trace: _check looks at what came of it."""
    transformers = logging.getLogger("transformers")
    level = transformers.level
    transformers.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.setLevel(level)


def _check(converted: Any, model: SentenceTransformer, rules: TokenRules) -> None:
    """Raise ConversionError unless the conversion gives the model's own vectors."""
    import torch

    input_ids, mask = padded(BulkTokenizer(rules)(PROBES), rules.pad_id)
    with torch.inference_mode():
        features = {"input_ids": torch.from_numpy(input_ids), "attention_mask": torch.from_numpy(mask)}
        own = model(features)["sentence_embedding"].numpy()
    compiled = import_openvino().compile_model(converted, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ours = compiled({"input_ids": input_ids, "attention_mask": mask})[0]
    cosine = (own * ours).sum(1) / (np.linalg.norm(own, axis=1) * np.linalg.norm(ours, axis=1))
    if not cosine.min() >= LEAST_COSINE:
        raise ConversionError(f"its converted vectors differ from its own (cosine {cosine.min():.4f})")


def _save(converted: Any, scratch: Path) -> dict[str, WriteFile]:
    """Serialize beside the artifact: OpenVINO writes two files at once, the store one at a time."""
    try:
        import_openvino().save_model(converted, scratch / "model.xml", compress_to_fp16=False)
    except RuntimeError as error:
        raise StudioError(f"Cannot write the converted model into {scratch.parent}: {error}") from error
    return {name: partial(_move, scratch / name) for name in ("model.xml", "model.bin")}


def _move(source: Path, target: Path) -> None:
    shutil.move(source, target)


def _write_text(text: str, target: Path) -> None:
    target.write_text(text, "utf-8")
