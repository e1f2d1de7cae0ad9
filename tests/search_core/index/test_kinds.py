"""Which index is made, how accurate an approximate one is, and what a GPU takes over."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from search_core.index import build_index
from search_core.index.ivf import stand_in_queries, unit_rows
from search_core.index.kinds import kind_for, lists_for
from search_core.settings import Settings

DIM = 32
SIZE = 5_000


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    return unit_rows(np.random.default_rng(0).standard_normal((SIZE, DIM)))


@pytest.fixture(scope="module")
def queries() -> NDArray[np.float32]:
    return unit_rows(np.random.default_rng(1).standard_normal((400, DIM)))


@pytest.fixture(scope="module")
def ids() -> list[str]:
    return [str(row) for row in range(SIZE)]


@pytest.fixture
def asks_for_ivf(settings):
    return replace(settings, index_kind="ivf")


@pytest.mark.parametrize(
    ("size", "asked_for", "kind"),
    [
        (199_999, "auto", "exact"),
        (200_000, "auto", "ivf"),
        (1_000_000, "exact", "exact"),
        (39, "ivf", "ivf"),
        (38, "ivf", "exact"),  # too few to train a single list on
        (0, "ivf", "exact"),
    ],
)
def test_the_kind_follows_the_size_unless_it_is_asked_for(size, asked_for, kind):
    assert kind_for(size, Settings(index_kind=asked_for)) == kind


@pytest.mark.parametrize(
    ("size", "lists"),
    [
        (1_000_000, 4_000),  # 4 * sqrt(1,000,000)
        (250_000, 2_000),  # 4 * sqrt(250,000)
        (3_900, 100),  # 3,900 / 39, below 4 * sqrt(3,900) = 250
        (39, 1),
    ],
)
def test_there_are_four_lists_per_root_of_the_size_while_they_can_be_trained(size, lists):
    assert lists_for(size) == lists


@pytest.mark.parametrize("target", [0.5, 0.8, 0.95])
def test_an_approximate_index_searches_as_hard_as_the_recall_asked_for_needs(
    target, ids, vectors, queries, asks_for_ivf
):
    index = build_index(ids, vectors, replace(asks_for_ivf, recall_target=target), queries[:200])

    truth = np.argsort(-(queries[200:] @ vectors.T), axis=1)[:, :10]
    found = [{int(id) for id in answer.ids[:10]} for answer in index.search(queries[200:], 10)]
    recall = np.mean([len(rows & set(nearest)) / 10 for rows, nearest in zip(found, truth, strict=True)])
    assert index.recall >= target
    assert recall >= target - 0.01  # other queries of the same kind
    assert index.recall < target + 0.15  # and not by searching everything


def test_a_recall_out_of_reach_is_said_and_the_best_is_served(ids, vectors, queries, asks_for_ivf, caplog):
    with caplog.at_level(logging.WARNING):
        index = build_index(ids, vectors, replace(asks_for_ivf, recall_target=1.0), queries)

    assert 0.97 < index.recall < 1
    assert f"reaches recall@10 {index.recall:.3f}; 1.000 was asked for" in caplog.text


def test_without_sample_queries_stand_ins_tune_it_to_the_same_recall(ids, vectors, queries, asks_for_ivf):
    index = build_index(ids, vectors, asks_for_ivf)

    truth = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = [{int(id) for id in answer.ids[:10]} for answer in index.search(queries, 10)]
    assert np.mean([len(a & set(b)) for a, b in zip(found, truth, strict=True)]) / 10 >= 0.94


def test_stand_ins_are_unit_vectors_further_from_documents_than_documents_are(vectors):
    stand_ins = stand_in_queries(vectors)

    assert stand_ins.shape == (1_000, DIM)
    assert np.linalg.norm(stand_ins, axis=1) == pytest.approx(np.ones(1_000), abs=1e-6)
    assert (stand_ins @ vectors.T).max() < 0.999


def test_zero_vectors_are_stored_and_score_zero(settings):
    index = build_index(["zero", "one"], np.array([[0, 0], [1, 0]], np.float32), settings)

    (found,) = index.search(np.array([[1, 0]], np.float32), 2)

    assert found.ids == ["one", "zero"]
    assert found.scores.tolist() == [1.0, 0.0]


def test_vectors_that_are_all_zero_make_an_approximate_index_too(asks_for_ivf):
    index = build_index([str(row) for row in range(100)], np.zeros((100, 8), np.float32), asks_for_ivf)

    assert len(index.search(np.ones((1, 8), np.float32), 10)[0].ids) >= 10


def test_ids_and_vectors_must_match_in_number(ids, vectors, settings, asks_for_ivf):
    for kind_settings in (settings, asks_for_ivf):
        with pytest.raises(ValueError, match="4999 ids for 5000 vectors"):
            build_index(ids[1:], vectors, kind_settings)


def test_a_gpu_answers_searches_without_a_filter_from_a_clone_made_anew_after_a_change(
    ids, vectors, queries, settings, monkeypatch
):
    """There is no GPU here: the clone is a copy in memory, and what is tested is who is asked."""
    clones = []

    def cloned(resources, device, original):
        clones.append(faiss.clone_index(original))
        return clones[-1]

    index = build_index(ids, vectors, settings)
    expected = index.search(queries[:5], 10)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "StandardGpuResources", object, raising=False)
    monkeypatch.setattr(faiss, "index_cpu_to_gpu", cloned, raising=False)

    assert index.search(queries[:5], 10, frozenset(ids[:20]))  # the GPU knows no filters
    assert index.search(queries[:5], 3_000)  # nor so many neighbours
    assert clones == []
    assert [found.ids for found in index.search(queries[:5], 10)] == [found.ids for found in expected]
    index.remove(ids[:1])
    index.search(queries[:5], 10)
    assert [clone.ntotal for clone in clones] == [SIZE, SIZE - 1]


def test_importing_the_package_does_not_import_faiss():
    code = "import sys, search_core.index; print('faiss' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
