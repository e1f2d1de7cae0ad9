"""BM25 over code tokens: how text becomes tokens, and what a score is."""

import math
import time
from concurrent.futures import ThreadPoolExecutor

import bm25s
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_core.lexical import MAX_WORD_CHARACTERS, LexicalIndex, tokenize

FUNCTIONS = [
    "def read_lines(path):\n    return open(path).read().splitlines()",
    "def parse(text):\n    return json.loads(text)",
    "class HTTPServer:\n    '''Answers requests; see parse for bodies.'''",
]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("parse", ["parse"]),
        ("parse_json", ["parse", "json", "parsejson"]),  # snake_case
        ("parseJson", ["parse", "json", "parsejson"]),  # camelCase: the same name
        ("HTTPServer", ["http", "server", "httpserver"]),  # an acronym is one part
        ("utf8", ["utf", "8", "utf8"]),  # digits are a part
        ("__init__", ["init"]),  # underscores around a single part add nothing
        ("_", []),
        ("os.path", ["os", "path"]),
        ("x=-1", ["x", "1"]),
        ("größeMax", ["größe", "max", "größemax"]),  # any alphabet with case
        ("ΑρχείοΝέο", ["αρχείο", "νέο", "αρχείονέο"]),
        ("读取文件", ["读取文件"]),
        ("cafe\u0301", ["café"]),  # decomposed accents compose, as Python reads identifiers
    ],
)
def test_an_identifier_gives_its_parts_and_its_whole(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_words_without_content_are_left_out_but_names_keep_them_whole() -> None:
    assert tokenize("the size of a to_string") == ["size", "string", "tostring"]


def test_a_word_is_cut_where_nobody_would_type_on() -> None:
    assert tokenize("z" * 1_000_000) == ["z" * MAX_WORD_CHARACTERS]


@given(st.text())
def test_any_text_gives_tokens_without_upper_case_or_space(text: str) -> None:
    for token in tokenize(text):
        assert token
        assert token == token.lower()
        assert not any(character.isspace() for character in token)


def test_a_score_is_bm25_by_hand() -> None:
    index = LexicalIndex.build(["tree tree leaf", "leaf"])
    idf_tree = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))  # in one text of two
    idf_leaf = math.log(1 + (2 - 2 + 0.5) / (2 + 0.5))
    long, short = 3 / 2, 1 / 2  # length over mean length, (3 + 1) / 2 = 2
    k1, b = 1.2, 0.9
    expected = [
        idf_tree * 2 / (2 + k1 * (1 - b + b * long)) + idf_leaf * 1 / (1 + k1 * (1 - b + b * long)),
        idf_leaf * 1 / (1 + k1 * (1 - b + b * short)),
    ]
    assert index.scores("tree leaf") == pytest.approx(expected, rel=1e-6)


def test_scores_equal_those_of_bm25s() -> None:
    texts = ["red green blue", "red red red", "green blue blue green yellow", "", "yellow"]
    reference = bm25s.BM25(method="lucene", k1=1.2, b=0.9)
    reference.index([tokenize(text) for text in texts], show_progress=False)
    query = "blue red red"
    assert LexicalIndex.build(texts).scores(query) == pytest.approx(
        reference.get_scores(tokenize(query)), rel=1e-6
    )


def test_a_word_counts_as_often_as_it_is_asked_for() -> None:
    index = LexicalIndex.build(FUNCTIONS)
    assert index.scores("json json") == pytest.approx(2 * index.scores("json"))


def test_a_definition_comes_before_its_uses() -> None:
    caller = "def main():\n    parse(a)\n    parse(b)\n    parse(c)"
    definition, use = LexicalIndex.build(["def parse(text):\n    return json.loads(text)", caller]).scores(
        "parse"
    )
    assert definition > use > 0


@pytest.mark.parametrize("query", ["", "unheard", "the", "?!", "\ud800"])
def test_nothing_in_common_scores_zero(query: str) -> None:
    assert LexicalIndex.build(FUNCTIONS).scores(query).tolist() == [0, 0, 0]


def test_a_token_that_every_text_has_still_scores_above_zero() -> None:
    assert (LexicalIndex.build(["same", "same", "same"]).scores("same") > 0).all()


def test_equal_texts_score_exactly_equal() -> None:
    first, _, last = LexicalIndex.build(["read a line", "else", "read a line"]).scores("read line")
    assert first == last > 0


@pytest.mark.parametrize("texts", [[], [""], ["", "..."]])
def test_texts_without_words_can_be_indexed_and_searched(texts: list[str]) -> None:
    scores = LexicalIndex.build(texts).scores("parse")
    assert scores.dtype == np.float32
    assert scores.tolist() == [0] * len(texts)


def test_a_query_of_ten_thousand_characters_is_answered_in_a_moment() -> None:
    index = LexicalIndex.build(FUNCTIONS)
    started = time.process_time()
    scores = index.scores(("read_lines " * 1_000)[:10_000])
    assert time.process_time() - started < 1
    assert scores.argmax() == 0


def test_threads_get_the_same_scores() -> None:
    index = LexicalIndex.build(FUNCTIONS)
    expected = index.scores("parse json").tolist()
    with ThreadPoolExecutor(4) as threads:
        for scores in threads.map(index.scores, ["parse json"] * 200):
            assert scores.tolist() == expected


def test_an_index_made_from_an_earlier_one_scores_as_one_made_anew() -> None:
    earlier = LexicalIndex.build(["def read_file(path): ...", "def close(handle): ..."])
    texts = ["def open_door(key): ...", "def read_file(path): ..."]
    for query in ("read a file", "open the door", "close handle", "key"):
        renewed, anew = LexicalIndex.build(texts, earlier), LexicalIndex.build(texts)
        assert renewed.scores(query).tolist() == anew.scores(query).tolist()
    assert earlier.scores("door").tolist() == [0, 0]
