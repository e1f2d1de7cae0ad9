"""What an encoder is, and what it runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search_core.encoder.batches import Batching
from search_core.encoder.tokens import BulkTokenizer
from search_core.types import Progress, silent

Vectors = NDArray[np.float32]

Forward = Callable[[NDArray[np.int64], NDArray[np.int64]], Vectors]
"""(input ids, attention mask), both (n, length) → (n, dim). Used by one thread at a time."""


class Encoder(Protocol):
    """Text to vectors; safe to use from many threads.

    spec: the model spec as it was given.
    fingerprint: 64 hex digits that change whenever the vectors would.
    backend: for people, say "openvino f32, 2 threads".
    """

    spec: str
    fingerprint: str
    dim: int
    backend: str

    def encode_queries(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """(len(texts), dim) float32 rows of length 1; empty text is refused upstream."""

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> Vectors:
        """(len(texts), dim) float32 rows of length 1; empty text is refused upstream."""


class Runtime(Protocol):
    """A loaded model.

    description: for people, say "openvino f32, 2 threads".
    batching: how many texts of what lengths should share a forward pass.
    """

    description: str
    dim: int
    tokenizer: BulkTokenizer
    batching: Batching

    def forward_one(self) -> Sequence[Forward]:
        """The lanes for a single batch that somebody waits for."""

    def forward_many(self) -> Sequence[Forward]:
        """The lanes for many batches: each runs in a thread of its own."""
