"""The encoder: one order of work, whatever runtime does the arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from search_core.encoder.batches import plan_batches
from search_core.encoder.config import ModelConfig
from search_core.encoder.lanes import Job, Lanes
from search_core.encoder.protocol import Runtime, Vectors
from search_core.encoder.shared_pass import SharedPass
from search_core.types import Progress, silent


class TransformerEncoder:
    """Encoder over a transformer: prompt, tokenise in bulk, batch by length, run, scale to length 1."""

    def __init__(self, spec: str, config: ModelConfig, runtime: Runtime) -> None:
        self.spec = spec
        self.fingerprint = config.fingerprint
        self.dim = runtime.dim
        self.backend = runtime.description
        self._config = config
        self._runtime = runtime
        self._shared = SharedPass(lambda queries: self._encode(config.query_prompt, queries, silent))

    def encode_queries(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        if len(texts) == 1:  # as searches bring them, from many threads at once
            vector = self._shared.encode(texts[0])
            progress(1, 1)
            return vector[np.newaxis]
        return self._encode(self._config.query_prompt, texts, progress)

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        return self._encode(self._config.document_prompt, texts, progress)

    @cached_property
    def _one(self) -> Lanes:
        return Lanes(self._runtime.forward_one(), self._runtime.tokenizer.pad_id)

    @cached_property
    def _many(self) -> Lanes:
        return Lanes(self._runtime.forward_many(), self._runtime.tokenizer.pad_id)

    def _encode(self, prompt: str, texts: Sequence[str], progress: Progress) -> Vectors:
        row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = np.empty((len(row_of), self.dim), np.float32)
        done = 0
        for rows, part in self._forward([prompt + text for text in row_of]):
            vectors[rows] = part
            done += len(rows)
            progress(done, len(row_of))
        # Tiny, not zero: a row of zeros stays one instead of becoming NaN.
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return vectors if len(row_of) == len(texts) else vectors[[row_of[text] for text in texts]]

    def _forward(self, texts: list[str]) -> Iterator[tuple[list[int], Vectors]]:
        if len(texts) == 1:
            job = Job([0], self._runtime.tokenizer(texts))
            return iter([(job.rows, self._one.run_here(job))])
        return self._many.run(self._jobs(texts))

    def _jobs(self, texts: list[str]) -> Iterator[Job]:
        batching = self._runtime.batching
        for start in range(0, len(texts), batching.sorted_together):
            ids = self._runtime.tokenizer(texts[start : start + batching.sorted_together])
            for batch in plan_batches([len(tokens) for tokens in ids], batching):
                yield Job([start + row for row in batch], [ids[row] for row in batch])
