"""How texts share forward passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batching:
    """What suits a runtime.

    tokens: of a forward pass, padding included, at most.
    padding: a text joins a batch if it needs at most this share of the batch's length as padding. A
        processor pays for every token: a sixteenth batches short queries with their equals only. A
        GPU waits for its next pass longer than it computes padding.
    sorted_together: texts tokenised in one call and sorted by length; the next lot is tokenised
        while this one runs.
    """

    tokens: int
    padding: float = 1 / 16
    sorted_together: int = 2_048


def plan_batches(lengths: Sequence[int], batching: Batching) -> list[list[int]]:
    """Group rows into batches of similar length, longest first.

    lengths: tokens of each row. Every row is in exactly one batch; a batch has at least
    one row and, padding included, at most `batching.tokens` if it has more than one.

    >>> plan_batches([3, 9, 3, 3], Batching(tokens=6))
    [[1], [0, 2], [3]]
    """
    batches: list[list[int]] = []
    longest = capacity = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        fits = batches and len(batches[-1]) < capacity
        if fits and longest - lengths[row] <= longest * batching.padding:
            batches[-1].append(row)
        else:
            batches.append([row])
            longest = lengths[row]
            capacity = batching.tokens // max(longest, 1)
    return batches


def padded(ids: Sequence[Sequence[int]], pad_id: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids and attention mask, both (n, longest), padded on the right.

    >>> padded([[7, 8], [9]], pad_id=0)
    (array([[7, 8], [9, 0]]), array([[1, 1], [1, 0]]))
    """
    shape = (len(ids), max(map(len, ids)))
    input_ids, mask = np.full(shape, pad_id, np.int64), np.zeros(shape, np.int64)
    for row, tokens in enumerate(ids):
        input_ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return input_ids, mask
