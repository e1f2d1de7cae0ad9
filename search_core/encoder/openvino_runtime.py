"""The fast runtime for processors: the model converted to OpenVINO once, kept in the workspace.

A second start needs neither torch nor transformers.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_core.encoder.batches import Batching
from search_core.encoder.config import ModelConfig
from search_core.encoder.conversion import VERSION, convert, import_openvino
from search_core.encoder.protocol import Forward, Vectors
from search_core.encoder.tokens import BulkTokenizer, TokenRules
from search_core.settings import Settings
from search_core.store import Artifact, Workspace, read_artifact

_FIRST_TENSOR = threading.Lock()
"""Two threads that make the process's first tensor at once never end: one holds the GIL and waits for the
other in a C++ static's initialisation, which waits for the GIL. So it is made before there are threads."""


class OpenVinoRuntime:
    """A converted model on this processor: bf16 where it computes in bf16, else f32."""

    batching = Batching(tokens=2_048)

    def __init__(self, artifact: Artifact, threads: int) -> None:
        openvino = import_openvino()
        self._core = openvino.Core()
        self._model = self._core.read_model(artifact.files["model.xml"], artifact.files["model.bin"])
        self._threads = threads
        self._precision = (
            "bf16" if "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        )
        self.dim = int(artifact.metadata["dim"])
        definition = artifact.files["tokenizer.json"].read_text("utf-8")
        rules = TokenRules(definition, artifact.metadata["max_length"], artifact.metadata["pad_id"])
        self.tokenizer = BulkTokenizer(rules)
        self.description = f"openvino {self._precision}, {threads} threads"

    def forward_one(self) -> Sequence[Forward]:
        """One lane that uses every thread."""
        return self._lanes("LATENCY")

    def forward_many(self) -> Sequence[Forward]:
        """A lane for each stream OpenVINO sees fit, on few cores one a thread."""
        return self._lanes("THROUGHPUT")

    def _lanes(self, hint: str) -> Sequence[Forward]:
        with _FIRST_TENSOR:
            import_openvino().Tensor(np.zeros((1, 1), np.int64), shared_memory=True)
        compiled = self._core.compile_model(
            self._model,
            "CPU",
            {
                "PERFORMANCE_HINT": hint,
                "INFERENCE_PRECISION_HINT": self._precision,
                "INFERENCE_NUM_THREADS": self._threads,
            },
        )
        lanes = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        return [partial(_infer, compiled.create_infer_request()) for _ in range(lanes)]


def _infer(request: Any, input_ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Vectors:
    request.infer({"input_ids": input_ids, "attention_mask": mask}, share_inputs=True)
    vectors: Vectors = request.get_output_tensor(0).data.copy()
    return vectors


def openvino_runtime(config: ModelConfig, settings: Settings) -> OpenVinoRuntime:
    """Load the workspace's conversion of a model, making it where there is none.

    Raises ConversionError where OpenVINO cannot run the model, StudioError where the model
    cannot be loaded or the workspace cannot be written.
    """
    workspace = Workspace(settings.workspace)
    folder = workspace.folder("runtimes", config.fingerprint[:16])
    artifact = _stored(folder)
    if artifact is None:
        with workspace.writing(folder):
            artifact = _stored(folder) or convert(config, folder)
    return OpenVinoRuntime(artifact, settings.thread_count)


def _stored(folder: Path) -> Artifact | None:
    artifact = read_artifact(folder)
    return artifact if artifact and artifact.metadata.get("version") == VERSION else None
