"""Batches without a text twice, none of them of hardly a pair."""

from __future__ import annotations

import datasets
import pytest
import torch

from train.batches import EvenBatchSampler


def sampled(queries: list[str], batch_size: int, epoch: int = 0, full: bool = False) -> list[list[int]]:
    table = datasets.Dataset.from_dict(
        {"query": queries, "positive": [f"f{row}" for row in range(len(queries))]}
    )
    sampler = EvenBatchSampler(
        table, batch_size=batch_size, drop_last=full, generator=torch.Generator(), seed=42
    )
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    return batches


@pytest.mark.parametrize(("pairs", "sizes"), [(24, [8, 8, 8]), (22, [8, 8, 6]), (18, [6, 6, 6])])
def test_an_epoch_holds_every_pair_once_and_ends_in_no_batch_of_a_few(pairs: int, sizes: list[int]) -> None:
    batches = sampled([f"q{row}" for row in range(pairs)], batch_size=8)
    assert list(map(len, batches)) == sizes
    assert sorted(row for batch in batches for row in batch) == list(range(pairs))


def test_no_batch_has_a_text_twice_though_it_is_frequent() -> None:
    queries = ["again"] * 5 + [f"q{row}" for row in range(35)]
    batches = sampled(queries, batch_size=8)
    assert sorted(map(len, batches)) == [8] * 5
    assert [sum(queries[row] == "again" for row in batch) for batch in batches] == [1] * 5


def test_what_is_in_more_pairs_than_there_are_batches_waits_for_another_epoch() -> None:
    queries = ["again"] * 9 + [f"q{row}" for row in range(9)]
    first, second = (sampled(queries, batch_size=6, epoch=epoch) for epoch in (0, 1))
    for batches in (first, second):
        assert [sum(queries[row] == "again" for row in batch) for batch in batches] == [1] * 3
    assert {row for batch in first for row in batch} != {row for batch in second for row in batch}


def test_an_epoch_is_dealt_the_same_way_again() -> None:
    queries = [f"q{row}" for row in range(20)]
    assert sampled(queries, batch_size=8, epoch=1) == sampled(queries, batch_size=8, epoch=1)
    assert sampled(queries, batch_size=8, epoch=1) != sampled(queries, batch_size=8, epoch=0)


def test_for_processes_that_share_them_all_batches_are_full() -> None:
    distinct = [f"q{row}" for row in range(22)]
    assert list(map(len, sampled(distinct, batch_size=8, full=True))) == [8, 8]
    assert list(map(len, sampled(["again"] * 12 + distinct[:10], batch_size=8, full=True))) == [8, 8]
