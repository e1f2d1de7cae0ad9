"""Queries and qrels: judged by people in a data set, derived from docstrings in code."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from search_core.corpus import load_corpus, load_judged, load_judgments
from search_core.corpus.judged import first_sentence, split_of_module
from search_core.settings import Settings
from search_core.types import StudioError


def test_content_protocol_keeps_the_first_of_equal_documents_and_maps_the_qrels(
    small_dataset: Path, settings: Settings
) -> None:
    judged = load_judged(f"dataset:{small_dataset}", "train", "content", settings)
    assert len(judged.corpus.documents) == 43
    assert judged.qrels["q0"] == {"d0"}  # judged was the copy d36
    assert judged.qrels["q5"] == {"d21", "d22"}  # the copy d30, and d22
    assert judged.qrels["q7"] == {"d26"}  # d27 was judged irrelevant
    assert (len(judged.queries), judged.skipped_queries) == (12, 1)  # q12 has no relevant document
    assert (judged.split, judged.protocol, judged.derived) == ("train", "content", False)
    assert judged.queries["q0"] == "md5 checksum of a file"


def test_official_protocol_keeps_every_id(small_dataset: Path, settings: Settings) -> None:
    judged = load_judged(f"dataset:{small_dataset}", "train", "official", settings)
    assert [document.id for document in judged.corpus.documents] == [f"d{n}" for n in range(51)]
    assert judged.qrels["q0"] == {"d36"}
    assert judged.qrels["q5"] == {"d30", "d22"}
    assert (len(judged.queries), judged.skipped_queries) == (12, 1)


def test_the_corpus_to_search_is_the_one_of_the_content_protocol(
    small_dataset: Path, settings: Settings
) -> None:
    corpus = load_corpus(f"dataset:{small_dataset}", settings)
    judged = load_judged(f"dataset:{small_dataset}", "valid", "content", settings)
    assert corpus.documents == judged.corpus.documents
    assert len(set(corpus.content_keys)) == len(corpus.documents) == 43


def test_judgments_are_the_rows_of_every_split_of_use_or_not(small_dataset: Path, settings: Settings) -> None:
    judgments = load_judgments(f"dataset:{small_dataset}", settings)
    assert Counter(row.split for row in judgments.rows) == {"train": 15, "valid": 11, "test": 5}
    irrelevant = {(row.query, row.document.id) for row in judgments.rows if row.document and not row.relevant}
    assert irrelevant == {("dot product without numpy", "d27"), ("sort dictionary by value", "d16")}
    # The first judgment is of a copy, and of copies the first counts.
    assert judgments.rows[0].document == judgments.corpus.by_id["d0"]
    assert not judgments.derived


def test_a_limit_takes_the_first_queries_by_id(small_dataset: Path, settings: Settings) -> None:
    judged = load_judged(f"dataset:{small_dataset}", "train", "content", settings, limit_queries=3)
    assert list(judged.queries) == list(judged.qrels) == ["q0", "q1", "q10"]
    with pytest.raises(StudioError, match="at least 1, got 0"):
        load_judged(f"dataset:{small_dataset}", "train", "content", settings, limit_queries=0)


def test_an_unknown_split_names_those_there_are(small_dataset: Path, settings: Settings) -> None:
    with pytest.raises(StudioError, match="no split 'dev': choose from test, train, valid"):
        load_judged(f"dataset:{small_dataset}", "dev", "content", settings)


def test_cosqa_has_the_known_counts(datasets_dir: Path, settings: Settings) -> None:
    spec = f"dataset:{datasets_dir / 'cosqa'}"
    train, valid = (load_judged(spec, split, "content", settings) for split in ("train", "valid"))
    assert len(train.corpus.documents) == len(valid.corpus.documents) == 6267
    assert (len(train.queries), train.skipped_queries) == (529, 820 - 529)
    assert (len(valid.queries), valid.skipped_queries) == (250, 0)


# Module paths whose SHA-256 begins, in hex, with digits that are 0–7, 8 or 9 modulo 10.
TRAIN, VALID, TEST = "m0.py", "m14.py", "m3.py"


@pytest.fixture
def code(tmp_path: Path) -> str:
    root = tmp_path / "code"
    root.mkdir()
    (root / TRAIN).write_text(
        "class Reader:\n"
        "    '''Reads all of it.'''\n"
        "    def close(self):\n"
        "        '''Close the file at once. Then stop.'''\n"
        "        self.file.close()\n"
        "def short():\n"
        "    '''Too short.'''\n"
        "    return 1\n"
    )
    (root / VALID).write_text(
        "def shut(file):\n"
        "    '''Close the file at once.'''\n"
        "    file.close()\n"
        "def first(items):\n"
        "    '''Find the first\n"
        "    item, e.g. a word\n"
        "\n"
        "    of many.\n"
        "    '''\n"
        "    return items[0]\n"
        "def undocumented(): return 1\n"
    )
    (root / TEST).write_text(
        "def first(items):\n    '''Give back what comes first!'''\n    return items[0]\n"
    )
    return str(root)


def relevant(code: str, split: str, settings: Settings) -> dict[str, set[str]]:
    judged = load_judged(code, split, "content", settings)
    assert judged.derived
    return {text: set(judged.qrels[id_]) for id_, text in judged.queries.items()}


def test_first_sentences_are_queries_for_their_functions(code: str, settings: Settings) -> None:
    assert relevant(code, "train", settings) == {
        # Equal queries merge: the second function is in a module of another split.
        "Close the file at once.": {f"{TRAIN}::Reader.close", f"{VALID}::shut"}
    }
    # Equal functions without their docstrings merge: the first id is kept.
    assert relevant(code, "valid", settings) == {"Find the first item, e.g. a word": {f"{VALID}::first"}}
    assert relevant(code, "test", settings) == {"Give back what comes first!": {f"{VALID}::first"}}


def test_derived_judgments_are_all_relevant_and_in_the_split_of_their_query(
    code: str, settings: Settings
) -> None:
    judgments = load_judgments(code, settings)
    assert judgments.derived and all(row.relevant for row in judgments.rows)
    assert [(row.split, row.query, row.document and row.document.id) for row in judgments.rows] == [
        ("train", "Close the file at once.", f"{TRAIN}::Reader.close"),
        ("train", "Close the file at once.", f"{VALID}::shut"),
        ("valid", "Find the first item, e.g. a word", f"{VALID}::first"),
        ("test", "Give back what comes first!", f"{VALID}::first"),
    ]


def test_candidates_are_functions_and_methods_without_docstrings(code: str, settings: Settings) -> None:
    corpus = load_judged(code, "train", "content", settings).corpus
    assert {document.id: document.encoded for document in corpus.documents} == {
        f"{TRAIN}::Reader.close": "def close(self):\n    self.file.close()",
        f"{TRAIN}::short": "def short():\n    return 1",
        f"{VALID}::first": "def first(items):\n    return items[0]",
        f"{VALID}::shut": "def shut(file):\n    file.close()",
        f"{VALID}::undocumented": "def undocumented(): return 1",
    }
    assert "'''Close the file at once.'''" in corpus.by_id[f"{VALID}::shut"].text


@pytest.mark.parametrize(
    ("path", "tenth"),  # int(SHA-256 of the path, first 8 hex digits) mod 10, by coreutils' sha256sum
    [(TRAIN, 3), (VALID, 8), (TEST, 9)],
)
def test_the_split_of_a_module_is_its_hash(path: str, tenth: int) -> None:
    assert split_of_module(path) == ("train" if tenth < 8 else {8: "valid", 9: "test"}[tenth])


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Open it. Then close it.", "Open it."),
        ("Open it\nnow? Yes.", "Open it now?"),
        ("Version 1.5 of it\n\nMore.", "Version 1.5 of it"),
        ("Some, i.e. two, of them", "Some, i.e. two, of them"),
        ("  ", ""),
    ],
)
def test_a_sentence_ends_at_a_full_stop_or_with_its_paragraph(docstring: str, sentence: str) -> None:
    assert first_sentence(docstring) == sentence


def test_derived_qrels_have_one_protocol_and_three_splits(code: str, settings: Settings) -> None:
    with pytest.raises(StudioError, match="only the protocol 'content'"):
        load_judged(code, "valid", "official", settings)
    with pytest.raises(StudioError, match="no split 'dev': choose from train, valid, test"):
        load_judged(code, "dev", "content", settings)


def test_code_without_docstrings_has_no_queries(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "m.py").write_text("def f(): pass\n")
    with pytest.raises(StudioError, match="has no query in split 'train'"):
        load_judged(str(tmp_path), "train", "content", settings)
