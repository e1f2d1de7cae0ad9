"""Which pairs are in a batch together: no text twice, and no batch of hardly a pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sentence_transformers.base.sampler import NoDuplicatesBatchSampler


class EvenBatchSampler(NoDuplicatesBatchSampler):  # type: ignore[misc]
    """sentence-transformers' batches without duplicates, none of them with hardly a pair.

    Its own sampler fills batch after batch and leaves what repeats a text to the last ones. Of a few hundred
    docstrings those are a handful of pairs each, whose loss is near 0 for want of negatives, and more batches
    than an epoch has steps. There the pairs are dealt out evenly. With drop_last, for processes that share a
    batch, all are full.
    """

    def __iter__(self) -> Iterator[list[int]]:
        filled = super().__iter__()
        if self.drop_last:
            yield from filled
            return
        batches = list(filled)
        if len(batches) > len(self) or 2 * len(batches[-1]) < self.batch_size:
            order = [row for batch in batches for row in batch]
            rows = zip(*(self.dataset[name] for name in self.dataset.column_names), strict=True)
            batches = even_batches(order, [frozenset(row) for row in rows], len(self), self.batch_size)
        yield from batches


def even_batches(
    order: Sequence[int], texts: Sequence[frozenset[str]], batches: int, batch_size: int
) -> list[list[int]]:
    """Deal rows out like cards; one whose texts a batch has already, or that finds it full, goes to the next.

    order: rows; those with frequent texts are dealt first, while there is room everywhere.
    texts: of each row. A row that no batch takes, say since one of its texts occurs more often than there
    are batches, is left out.

    >>> even_batches([0, 1, 2, 3, 4], [frozenset(text) for text in "aabcd"], batches=2, batch_size=3)
    [[0, 2, 4], [1, 3]]
    """
    dealt: list[list[int]] = [[] for _ in range(batches)]
    held: list[set[str]] = [set() for _ in range(batches)]
    times = Counter(text for row in texts for text in row)
    frequent_first = sorted(order, key=lambda row: -max(times[text] for text in texts[row]))
    for place, row in enumerate(frequent_first):
        for turn in range(batches):
            batch = (place + turn) % batches
            if len(dealt[batch]) < batch_size and held[batch].isdisjoint(texts[row]):
                dealt[batch].append(row)
                held[batch] |= texts[row]
                break
    return dealt
