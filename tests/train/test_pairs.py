"""Pairs are the relevant rows of the train split, less all that an evaluation asks or looks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from search_core.judgments import Mark, Verdict
from search_core.settings import Settings
from search_core.types import Document, StudioError
from train.pairs import Pair, PairSet, load_pairs, split_development

NOTHING_LEFT_OUT = {
    "zero_scored": 0,
    "empty": 0,
    "other_module": 0,
    "duplicate": 0,
    "query_in_evaluation": 0,
    "document_in_evaluation": 0,
}

Judged = tuple[str, str, int]
"""Query id, document id, score."""


def dataset(
    folder: Path,
    documents: Mapping[str, str],
    queries: Mapping[str, str],
    splits: Mapping[str, Sequence[Judged]],
) -> str:
    """Write a data set; the spec that names it."""
    folder.mkdir(parents=True)
    rows = {
        "corpus": [{"_id": id_, "title": "", "text": text} for id_, text in documents.items()],
        "queries": [{"_id": id_, "text": text} for id_, text in queries.items()],
    } | {
        split: [
            {"query-id": query, "corpus-id": document, "score": score} for query, document, score in judged
        ]
        for split, judged in splits.items()
    }
    for name, lines in rows.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    configs = {"corpus": ["corpus"], "queries": ["queries"], "default": list(splits)}
    header = ["---", "configs:"]
    for config, names in configs.items():
        header += [f"- config_name: {config}", "  data_files:"]
        for name in names:
            header += [f"  - split: {name}", f"    path: {name}.jsonl"]
    (folder / "README.md").write_text("\n".join([*header, "---", ""]))
    return f"dataset:{folder}"


DOCUMENTS = {name: f"def {name}(): ..." for name in ("add", "sub", "mul", "div")}
QUERIES = {"q1": "sum of two", "q2": "difference", "q3": "product of two", "q4": "ratio"}


def test_pairs_are_the_relevant_rows_of_the_train_split_in_order(
    small_dataset: Path, settings: Settings
) -> None:
    found = load_pairs(f"dataset:{small_dataset}", settings)
    assert found.source == "judged"
    # Of 15 rows, q7 with d27 and q12 with d16 have score 0; q5 has two functions.
    assert found.counts == {"rows": 15, **NOTHING_LEFT_OUT, "zero_scored": 2}
    assert len(found.pairs) == 15 - 2
    first = found.pairs[0]
    assert (first.query, first.negatives) == ("md5 checksum of a file", ())
    assert first.positive.startswith("def file_md5(path")
    assert [pair.query for pair in found.pairs].count("check if number is prime") == 2


def test_what_an_evaluation_asks_or_looks_for_is_left_out_and_counted(
    tmp_path: Path, settings: Settings
) -> None:
    documents = DOCUMENTS | {"add_again": DOCUMENTS["add"], "neg": "def neg(): ..."}
    queries = QUERIES | {"v1": "Ratio.", "v2": "the sum", "t1": "double it"}
    train = [("q1", "add", 1), ("q2", "sub", 1), ("q3", "mul", 1), ("q4", "div", 1), ("q2", "neg", 1)]
    splits = {
        "train": train,
        # q4's text but for case and full stop; a copy of q1's function; what is irrelevant may be learnt.
        "valid": [("v1", "neg", 0), ("v2", "add_again", 1), ("v2", "sub", 0)],
        "test": [("t1", "neg", 1)],
    }
    found = load_pairs(dataset(tmp_path / "d", documents, queries, splits), settings)
    assert [(pair.query, pair.positive) for pair in found.pairs] == [
        ("difference", documents["sub"]),
        ("product of two", documents["mul"]),
    ]
    left_out = {"query_in_evaluation": 1, "document_in_evaluation": 2}
    assert found.counts == {"rows": 5, **NOTHING_LEFT_OUT, **left_out}


def test_duplicates_and_rows_without_text_are_left_out_and_counted(
    tmp_path: Path, settings: Settings
) -> None:
    documents = DOCUMENTS | {"add_again": DOCUMENTS["add"], "empty": " "}
    queries = QUERIES | {"again": " Sum of TWO! ", "empty": " "}
    rows = [
        ("q1", "add", 1),
        ("q2", "sub", 1),
        ("q1", "add_again", 1),  # the same function under another id
        ("again", "add", 1),  # the same query under another id
        ("q3", "empty", 1),
        ("empty", "mul", 1),
        ("q3", "nowhere", 1),
    ]
    found = load_pairs(dataset(tmp_path / "d", documents, queries, {"train": rows}), settings)
    assert [pair.query for pair in found.pairs] == ["sum of two", "difference"]
    assert found.counts == {"rows": 7, **NOTHING_LEFT_OUT, "duplicate": 2, "empty": 3}


def test_every_known_answer_is_remembered_for_the_choice_of_negatives(
    tmp_path: Path, settings: Settings
) -> None:
    rows = [("q1", "add", 1), ("q1", "mul", 1), ("q1", "sub", 0), ("q2", "sub", 1)]
    splits = {"train": rows, "valid": [("q3", "mul", 1)]}
    found = load_pairs(dataset(tmp_path / "d", DOCUMENTS, QUERIES, splits), settings)
    assert [pair.positive for pair in found.pairs] == [DOCUMENTS["add"], DOCUMENTS["sub"]]
    key = {document.id: document.content_key for document in found.candidates.documents}
    assert found.relevant == {"sum of two": {key["add"], key["mul"]}, "difference": {key["sub"]}}
    # Negatives come from all of the corpus: to spare what valid looks for would tell what it looks for.
    assert key.keys() == DOCUMENTS.keys()


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"valid": [("q1", "add", 1)]}, r"Rows in split 'train': 0, usable: 0\. Add rows"),
        ({"train": [("q1", "add", 0)]}, r"'train': 1, usable: 0, judged irrelevant: 1\. Add rows"),
        (
            {"train": [("q1", "add", 1)]},
            r"two with different functions are the least\. Rows .*: 1, usable: 1\.",
        ),
        (
            {"train": [("q1", "add", 1), ("q2", "add", 1)]},
            r"two with different functions are the least\. Rows .*: 2, usable: 2\.",
        ),
    ],
)
def test_fewer_than_two_functions_are_nothing_to_learn_from(
    splits: Mapping[str, Sequence[Judged]], message: str, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(StudioError, match=message):
        load_pairs(dataset(tmp_path / "d", DOCUMENTS, QUERIES, splits), settings)


# Module paths whose SHA-256 begins, in hex, with digits that are below 8, 8 or 9 modulo 10.
TRAIN, OTHER_TRAIN, VALID, TEST = "m0.py", "m1.py", "m14.py", "m3.py"


def code(folder: Path, modules: Mapping[str, str]) -> str:
    folder.mkdir()
    for path, text in modules.items():
        (folder / path).write_text(text)
    return str(folder)


def test_docstrings_ask_for_their_functions_without_them(tmp_path: Path, settings: Settings) -> None:
    first = "def close(file):\n    '''Close the file at once. Then stop.'''\n    file.close()\n"
    second = "def size(items):\n    '''Count all the items.'''\n    return len(items)\n"
    undocumented = "def first(items): return items[0]\n"
    spec = code(tmp_path / "code", {TRAIN: first, OTHER_TRAIN: second + undocumented})
    found = load_pairs(spec, settings)
    assert found.source == "docstrings"
    assert [(pair.query, pair.positive) for pair in found.pairs] == [
        ("Close the file at once.", "def close(file):\n    file.close()"),
        ("Count all the items.", "def size(items):\n    return len(items)"),
    ]
    assert found.counts == {"rows": 2, **NOTHING_LEFT_OUT}


def test_docstring_pairs_do_not_cross_the_split_by_module(tmp_path: Path, settings: Settings) -> None:
    documented = "def {0}(x):\n    '''{1}'''\n    return {0}s(x)\n"
    spec = code(
        tmp_path / "code",
        {
            TRAIN: documented.format("open", "Open the file now.")
            + documented.format("read", "Read the file whole.")
            + documented.format("seek", "Go to the place.")
            + documented.format("copy", "Copy it over there."),
            # The first module of a query decides on its split (m0.py, m1.py, m14.py, m3.py is the order).
            OTHER_TRAIN: documented.format("tell", "Where are we now?"),
            VALID: documented.format("start", "Open the file now.")  # asked in train, found here
            + documented.format("skip", "go to the place"),  # asked in both
            TEST: documented.format("copy", "Make one like it."),  # the function is in train, too
        },
    )
    found = load_pairs(spec, settings)
    assert [pair.query for pair in found.pairs] == [
        "Open the file now.",
        "Read the file whole.",
        "Where are we now?",
    ]
    left_out = {"other_module": 1, "query_in_evaluation": 1, "document_in_evaluation": 1}
    assert found.counts == {"rows": 6, **NOTHING_LEFT_OUT, **left_out}
    assert {document.path for document in found.candidates.documents} == {TRAIN, OTHER_TRAIN}


def test_code_without_docstrings_says_what_would_help(tmp_path: Path, settings: Settings) -> None:
    spec = code(tmp_path / "code", {TRAIN: "def f(): return 1\n"})
    with pytest.raises(StudioError, match=r"too few pairs .* usable: 0\. Take code with more docstrings"):
        load_pairs(spec, settings)


def marked(query: str, text: str, verdict: Verdict, path: str | None = None) -> Mark:
    key = Document("", text, text).content_key
    return Mark(1.0, "corpus", query, key, f"id of {text}", path, None, text, verdict)


TRAIN_ROWS = [("q1", "add", 1), ("q2", "sub", 1)]
VALID_ROWS = [("q3", "mul", 1)]


def with_marks(tmp_path: Path, settings: Settings, *marks: Mark) -> PairSet:
    """Two pairs (sum of two, difference), an evaluation that asks for the product, and marks."""
    splits = {"train": TRAIN_ROWS, "valid": VALID_ROWS}
    return load_pairs(dataset(tmp_path / "d", DOCUMENTS, QUERIES, splits), settings, marks)


def test_what_people_marked_as_right_are_pairs_after_those_of_the_corpus(
    tmp_path: Path, settings: Settings
) -> None:
    found = with_marks(tmp_path, settings, marked("how often does it fit", DOCUMENTS["div"], "right"))
    assert [(pair.query, pair.positive) for pair in found.pairs[2:]] == [
        ("how often does it fit", DOCUMENTS["div"])
    ]
    marks = {"marked_right": 1, "marked_wrong": 0, "labelled_negatives": 0}
    assert found.counts == {"rows": 3, **NOTHING_LEFT_OUT, **marks}
    assert found.relevant["how often does it fit"] == {found.pairs[2].positive_key}


def test_a_mark_that_an_evaluation_asks_or_looks_for_is_left_out_and_counted(
    tmp_path: Path, settings: Settings
) -> None:
    found = with_marks(
        tmp_path,
        settings,
        marked("Product of two.", DOCUMENTS["div"], "right"),  # asked there
        marked("times", DOCUMENTS["mul"], "right"),  # looked for there
        marked("sum of TWO", DOCUMENTS["add"], "right"),  # there already
        marked("sum of two", DOCUMENTS["mul"], "wrong"),  # looked for there
    )
    assert len(found.pairs) == 2
    left_out = {"duplicate": 1, "query_in_evaluation": 1, "document_in_evaluation": 1}
    marks = {"marked_right": 3, "marked_wrong": 1, "labelled_negatives": 0}
    assert found.counts == {"rows": 5, **NOTHING_LEFT_OUT, **left_out, **marks}


def test_what_people_marked_as_wrong_are_labelled_negatives_of_pairs_with_their_query(
    tmp_path: Path, settings: Settings
) -> None:
    found = with_marks(
        tmp_path,
        settings,
        marked("Sum of two", DOCUMENTS["sub"], "wrong"),
        marked("sum of two.", DOCUMENTS["div"], "wrong"),
        marked("sum of two", DOCUMENTS["add"], "wrong"),  # known to answer it
        marked("a query without a pair", DOCUMENTS["sub"], "wrong"),
    )
    assert [pair.negatives for pair in found.pairs] == [(DOCUMENTS["sub"], DOCUMENTS["div"]), ()]
    assert found.counts["marked_wrong"] == 4
    assert found.counts["labelled_negatives"] == 2


def test_a_marked_document_that_is_no_candidate_becomes_one(tmp_path: Path, settings: Settings) -> None:
    known = with_marks(tmp_path / "known", settings, marked("fit", DOCUMENTS["div"], "right"))
    assert {document.id for document in known.candidates.documents} == DOCUMENTS.keys()
    changed = with_marks(tmp_path / "changed", settings, marked("fit", "def was_div(): ...", "right"))
    assert [document.text for document in changed.candidates.documents[len(DOCUMENTS) :]] == [
        "def was_div(): ..."
    ]


def test_marks_on_code_do_not_cross_the_split_by_module(tmp_path: Path, settings: Settings) -> None:
    documented = "def {0}(x):\n    '''{1}'''\n    return {0}s(x)\n"
    spec = code(
        tmp_path / "code",
        {
            TRAIN: documented.format("open", "Open the file now."),
            OTHER_TRAIN: documented.format("tell", "Where are we now?"),
        },
    )
    marks = [
        marked("a class of its own", "class Open: ...", "right", TRAIN),  # whatever its kind
        marked("something else", "def f(): ...", "right", TEST),
        marked("where are we now", "def g(): ...", "wrong", VALID),
    ]
    found = load_pairs(spec, settings, marks)
    assert [pair.query for pair in found.pairs] == [
        "Open the file now.",
        "Where are we now?",
        "a class of its own",
    ]
    assert found.counts["other_module"] == 1
    assert found.counts["labelled_negatives"] == 0


def pairs_of(functions: int) -> list[Pair]:
    """Two queries for each function."""
    return [
        Pair(f"query {n} for {key}", f"def f{key}()", f"{key:064x}")
        for key in range(functions)
        for n in (1, 2)
    ]


@pytest.mark.parametrize(
    ("functions", "fraction", "development"),
    [(20, 0.1, 2), (19, 0.1, 1), (9, 0.1, 0), (20, 0, 0), (4, 0.3, 1)],  # rounded down
)
def test_a_fraction_of_the_functions_is_for_development(
    functions: int, fraction: float, development: int
) -> None:
    pairs = pairs_of(functions)
    training, kept_out = split_development(pairs, fraction, seed=1)
    assert len(kept_out) == 2 * development  # both queries of each function
    assert {pair.positive_key for pair in training}.isdisjoint(pair.positive_key for pair in kept_out)
    assert sorted(map(pairs.index, training + kept_out)) == list(range(len(pairs)))
    assert [pair for pair in pairs if pair in training] == training  # in their order


def test_the_seed_decides_and_the_order_does_not() -> None:
    pairs = pairs_of(40)
    drawn = set(split_development(pairs, 0.1, seed=1)[1])
    assert set(split_development(pairs[::-1], 0.1, seed=1)[1]) == drawn
    assert set(split_development(pairs, 0.1, seed=2)[1]) != drawn


def test_cosqa_has_the_known_counts(datasets_dir: Path, settings: Settings) -> None:
    found = load_pairs(f"dataset:{datasets_dir / 'cosqa'}", settings)
    # 529 relevant rows, 34 of them with a function that valid looks for.
    left_out = {"zero_scored": 291, "document_in_evaluation": 34}
    assert found.counts == {"rows": 820, **NOTHING_LEFT_OUT, **left_out}
    assert len(found.pairs) == 495
    assert len({pair.positive_key for pair in found.pairs}) == 458
    assert len(found.candidates.documents) == 6267
