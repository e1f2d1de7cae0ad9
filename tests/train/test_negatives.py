"""Hard negatives score well for a query and do not answer it. Here a document is its score, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from search_core.encoder import load_encoder
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import Corpus, Document, Progress, StudioError, silent
from train.negatives import mine_hard_negatives
from train.pairs import Pair, PairSet, load_pairs


class CosineEncoder:
    """A document that begins with 0.8 has the cosine 0.8 with every query."""

    spec, dim, backend = "cosines", 2, "none"

    def __init__(self, fingerprint: str = "0" * 64) -> None:
        self.fingerprint = fingerprint
        self.asked = 0

    def encode_queries(self, texts: Sequence[str], progress: Progress = silent) -> NDArray[np.float32]:
        self.asked += len(texts)
        return np.array([[1, 0]] * len(texts), np.float32)

    def encode_documents(self, texts: Sequence[str], progress: Progress = silent) -> NDArray[np.float32]:
        cosines = np.array([float(text.split()[0]) for text in texts])
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)


def pair_set(
    documents: Sequence[str], pairs: Sequence[tuple[str, str]], also_relevant: Mapping[str, str] | None = None
) -> PairSet:
    """pairs: query and positive. also_relevant: query to a document that answers it without being a pair."""
    corpus = Corpus("test", tuple(Document(text, text, text) for text in documents))
    key = dict(zip(documents, corpus.content_keys, strict=True))
    known = [*pairs, *(also_relevant or {}).items()]
    relevant = {query: frozenset(key[text] for asked, text in known if asked == query) for query, _ in pairs}
    made = tuple(Pair(query, positive, key[positive]) for query, positive in pairs)
    return PairSet(made, {"rows": len(made)}, "judged", corpus, relevant)


LADDER = ["0.99", "0.95", "0.90", "0.86", "0.85", "0.80", "0.70"]


def test_negatives_are_the_best_below_95_percent_of_the_positive(workspace: Workspace) -> None:
    found = mine_hard_negatives(pair_set(LADDER, [("q", "0.90")]), CosineEncoder(), 2, workspace)
    # 0.99 and 0.95 are ranks 1 and 2, and 0.86 is above 0.95 · 0.90 = 0.855.
    assert [pair.negatives for pair in found.pairs] == [("0.85", "0.80")]
    assert found.counts == {"rows": 1, "too_close": 1, "beyond_hard_ranks": 0, "too_few_negatives": 0}


def test_the_first_two_ranks_are_passed_over_even_below_the_margin(workspace: Workspace) -> None:
    found = mine_hard_negatives(pair_set(LADDER, [("q", "0.99")]), CosineEncoder(), 1, workspace)
    assert found.pairs[0].negatives == ("0.90",)  # rank 2, 0.95, is above 0.95 · 0.99 = 0.9405
    lone = ["0.99", "0.50", "0.40"]
    found = mine_hard_negatives(pair_set(lone, [("q", "0.99")]), CosineEncoder(), 1, workspace)
    assert found.pairs[0].negatives == ("0.40",)


def test_what_answers_a_query_is_no_negative_of_it(workspace: Workspace) -> None:
    pairs = [("q", "0.90"), ("q", "0.85"), ("other", "0.90")]
    asked = pair_set(LADDER, pairs, also_relevant={"q": "0.80"})
    found = mine_hard_negatives(asked, CosineEncoder(), 1, workspace)
    assert [pair.negatives for pair in found.pairs] == [("0.70",), ("0.70",), ("0.85",)]


def test_the_margin_is_to_the_pairs_own_positive(workspace: Workspace) -> None:
    pairs = [("first", "0.95"), ("second", "0.85")]
    found = mine_hard_negatives(pair_set(LADDER, pairs), CosineEncoder(), 1, workspace)
    assert [pair.negatives for pair in found.pairs] == [("0.90",), ("0.80",)]  # below 0.9025 and 0.8075


def test_below_zero_the_margin_still_lowers_the_bar(workspace: Workspace) -> None:
    documents = ["0.90", "0.80", "-0.50", "-0.52", "-0.60"]
    found = mine_hard_negatives(pair_set(documents, [("q", "-0.50")]), CosineEncoder(), 1, workspace)
    assert found.pairs[0].negatives == ("-0.60",)  # -0.52 is above -0.50 - 0.05 · 0.50 = -0.525


def test_equal_scores_come_in_the_order_of_the_corpus(workspace: Workspace) -> None:
    documents = ["0.99", "0.90", "0.50 b", "0.50 a", "0.50 c"]
    found = mine_hard_negatives(pair_set(documents, [("q", "0.99")]), CosineEncoder(), 2, workspace)
    assert found.pairs[0].negatives == ("0.50 b", "0.50 a")


def test_a_positive_that_ranks_low_takes_its_negatives_from_below_it_and_is_counted(
    workspace: Workspace,
) -> None:
    better = [f"{0.5 + rank / 100:.2f}" for rank in range(39)]
    documents = [*better, "0.40", "0.39", "0.30"]
    found = mine_hard_negatives(pair_set(documents, [("q", "0.40")]), CosineEncoder(), 1, workspace)
    assert found.pairs[0].negatives == ("0.30",)  # rank 42
    assert (found.counts["too_close"], found.counts["beyond_hard_ranks"]) == (39 - 2 + 1, 1)


def test_a_pair_with_too_few_is_left_out_and_counted(workspace: Workspace) -> None:
    pairs = [("first", "0.90"), ("second", "0.80")]
    found = mine_hard_negatives(pair_set(LADDER, pairs), CosineEncoder(), 2, workspace)
    assert [pair.query for pair in found.pairs] == ["first"]  # of the second, only 0.70 is below 0.76
    assert found.counts["too_few_negatives"] == 1
    with pytest.raises(StudioError, match=r"No pair has 20 hard negatives among the 7 functions of 'test'"):
        mine_hard_negatives(pair_set(LADDER, pairs), CosineEncoder(), 20, workspace)


def test_hundreds_of_pairs_each_have_their_own(workspace: Workspace) -> None:
    documents = [f"{0.99 - n / 1_000:.3f}" for n in range(600)]
    pairs = [(f"query {n}", documents[n]) for n in range(500)]
    found = mine_hard_negatives(pair_set(documents, pairs), CosineEncoder(), 1, workspace)
    assert found.pairs[0].negatives == ("0.940",)  # 0.95 · 0.990 = 0.9405
    assert found.pairs[490].negatives == ("0.475",)  # 0.95 · 0.500


def test_the_same_negatives_are_mined_once(workspace: Workspace) -> None:
    asked = pair_set(LADDER, [("q", "0.90"), ("p", "0.95")])
    encoder = CosineEncoder()
    first = mine_hard_negatives(asked, encoder, 1, workspace)
    assert encoder.asked == 2
    assert mine_hard_negatives(asked, encoder, 1, workspace) == first
    assert encoder.asked == 2


@pytest.mark.parametrize("changed", ["pairs", "documents", "answers", "how many", "model"])
def test_whatever_decides_on_the_negatives_has_them_mined_anew(changed: str, workspace: Workspace) -> None:
    asked = pair_set(LADDER, [("q", "0.90"), ("p", "0.95")])
    mine_hard_negatives(asked, CosineEncoder(), 1, workspace)
    asked = {
        "pairs": replace(asked, pairs=asked.pairs[:1]),
        "documents": pair_set([*LADDER, "0.88"], [("q", "0.90"), ("p", "0.95")]),
        "answers": pair_set(LADDER, [("q", "0.90"), ("p", "0.95")], also_relevant={"q": "0.85"}),
    }.get(changed, asked)
    encoder = CosineEncoder("1" * 64 if changed == "model" else "0" * 64)
    mine_hard_negatives(asked, encoder, 2 if changed == "how many" else 1, workspace)
    assert encoder.asked == len(asked.pairs)


def test_damaged_negatives_are_mined_anew(workspace: Workspace) -> None:
    asked, encoder = pair_set(LADDER, [("q", "0.90")]), CosineEncoder()
    first = mine_hard_negatives(asked, encoder, 2, workspace)
    (rows,) = workspace.folder("negatives").rglob("*.npy")
    rows.write_bytes(rows.read_bytes()[:-4])
    assert mine_hard_negatives(asked, encoder, 2, workspace) == first
    assert encoder.asked == 2


def test_minilm_takes_related_functions_for_answers(small_dataset: Path, model_workspace: Path) -> None:
    settings = Settings(workspace=model_workspace)
    asked = load_pairs(f"dataset:{small_dataset}", settings)
    found = mine_hard_negatives(asked, load_encoder("minilm", settings), 1, Workspace(model_workspace))
    first_line = {pair.query: pair.negatives[0].splitlines()[0] for pair in found.pairs}
    assert len(first_line) == 12  # of 13 pairs, two have the same query
    assert first_line["download file from url"] == "def query_string(url):"
    assert first_line["check if number is prime"] == "def gcd(a, b):"
    assert first_line["python edit distance"] == "def cosine_similarity(a, b):"
