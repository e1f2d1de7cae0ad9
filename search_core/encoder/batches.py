"""How texts share forward passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PADDING_SHARE = 16
"""A text joins a batch if it needs at most 1/16 of the batch's length as padding: short
queries are batched with their equals only, documents in groups of nearly equal length."""


def plan_batches(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Group rows into batches of similar length, longest first.

    lengths: tokens of each row. Every row is in exactly one batch; a batch has at least
    one row and, padding included, at most `tokens_per_batch` tokens if it has more than one.

    >>> plan_batches([3, 9, 3, 3], tokens_per_batch=6)
    [[1], [0, 2], [3]]
    """
    batches: list[list[int]] = []
    longest = capacity = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        fits = batches and len(batches[-1]) < capacity
        if fits and longest - lengths[row] <= longest // PADDING_SHARE:
            batches[-1].append(row)
        else:
            batches.append([row])
            longest = lengths[row]
            capacity = tokens_per_batch // max(longest, 1)
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
