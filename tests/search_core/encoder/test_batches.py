"""Which texts share a forward pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from search_core.encoder.batches import Batching, plan_batches

LENGTHS = st.lists(st.integers(1, 300), max_size=200)


@given(LENGTHS, st.integers(1, 5_000))
def test_every_row_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, Batching(budget))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 5_000))
def test_a_batch_keeps_to_its_tokens_unless_one_text_alone_exceeds_them(
    lengths: list[int], budget: int
) -> None:
    for batch in plan_batches(lengths, Batching(budget)):
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget


def test_short_texts_are_batched_with_their_equals_and_long_ones_with_a_sixteenth_of_padding() -> None:
    assert plan_batches([8, 9, 8], Batching(1_000)) == [[1], [0, 2]]  # 9 // 16 = 0 tokens of padding
    assert plan_batches([160, 150, 149], Batching(1_000)) == [[0, 1], [2]]  # 160 // 16 = 10 tokens


def test_a_runtime_that_bears_more_padding_gets_fewer_batches() -> None:
    assert plan_batches([160, 130, 119], Batching(1_000, padding=1 / 4)) == [[0, 1], [2]]
