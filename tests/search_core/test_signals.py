"""What each code-aware signal says of a document."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from search_core.ranking import CodeFeatures, Weights, code_aware, query_kind
from search_core.ranking.signals import (
    aside_signal,
    code_words,
    coherence_signal,
    definition_signal,
    repetition_signal,
)
from search_core.types import MAX_QUERY_CHARACTERS, Document, Kind

NOTHING = Weights(
    definition=0,
    asides=dict.fromkeys(("test", "example", "deprecated", "stub"), 0.0),
    file=0,
    coherence=0,
    repeated=0,
)


def document(path: str, symbol: str | None = None, kind: Kind = "function") -> Document:
    return Document(f"{path}::{symbol}", "text", "text", path=path, symbol=symbol, kind=kind)


def float32(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("retry", "symbol"),  # one word: most likely a name
        ("Poller.wait", "symbol"),
        ("CsrfProtection mask_token", "symbol"),
        ("std::sort", "symbol"),
        ("$ZodType", "symbol"),
        ("where is read_lines called", "mixed"),
        ("UnitOfWork requeue", "mixed"),
        ("what happens after the third attempt", "words"),
        ("Turn URLs of version 3.11 into IDs", "words"),
    ],
)
def test_a_query_is_a_name_or_names_something_or_is_plain_language(query: str, kind: str) -> None:
    assert query_kind(query) == kind


def test_code_words_are_those_that_nobody_writes_in_prose() -> None:
    assert code_words("how does HTTPConnection.request use read_lines() and os.path here") == [
        "HTTPConnection.request",
        "read_lines",
        "os.path",
    ]


def test_only_what_defines_the_named_thing_is_a_definition() -> None:
    features = CodeFeatures.of(
        [
            document("a.py", "Client.send_request", "method"),
            document("b.py", "SendRequest", "class"),
            document("c.py", "send", "function"),
            document("a.py", "Client.send_request", "block"),  # a part of its body
        ]
    )
    assert definition_signal("where does send_request fail", features).tolist() == [1, 1, 0, 0]
    assert definition_signal("send a request", features).tolist() == [0, 0, 0, 0]
    assert definition_signal("send_request nowhere_defined", features).tolist() == [1, 1, 0, 0]
    assert definition_signal("nowhere_defined", features).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("letter", ["a", "_", "A", "0"])
def test_the_longest_query_of_one_letter_is_looked_through_at_once(letter: str) -> None:
    started = time.perf_counter()
    assert query_kind(f"{letter * MAX_QUERY_CHARACTERS} read_lines") == "mixed"
    assert time.perf_counter() - started < 2  # takes a thousandth; each letter as a beginning, ten seconds


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("tests/net.py", "tests of the network"),
        ("src/client_test.go", "how is the client tested"),
        ("src/Client.spec.ts", "client spec"),
        ("src/ClientTest.java", "test the client"),
        ("examples/basic.rs", "an example"),
        ("lib/legacy/io.rb", "legacy reader"),
        ("types/index.d.ts", "typings"),
    ],
)
def test_code_about_code_loses_unless_the_query_asks_for_it(path: str, asked: str) -> None:
    features = CodeFeatures.of([document(path), document("src/client.py")])
    weights = dict.fromkeys(("test", "example", "deprecated", "stub"), 1.0)
    assert aside_signal("open a connection", features, weights).tolist() == [-1, 0]
    assert aside_signal(asked, features, weights).tolist() == [0, 0]


@pytest.mark.parametrize(
    "path", ["src/latest.py", "src/contest/model.go", "lib/attestation.rb", "docstring.py"]
)
def test_other_words_that_hold_those_letters_lose_nothing(path: str) -> None:
    weights = dict.fromkeys(("test", "example", "deprecated", "stub"), 1.0)
    assert aside_signal("open", CodeFeatures.of([document(path)]), weights).tolist() == [0]


def test_the_file_with_most_of_what_stands_out_is_coherent() -> None:
    files = np.array([0, 0, 1, 2])
    assert coherence_signal(float32(3, 2, 4, 1), files).tolist() == pytest.approx([1, 1, 1, 0])
    assert coherence_signal(float32(3, 3, 3, 1), files).tolist() == pytest.approx([1, 1, 0.5, 0])


def test_each_better_hit_of_the_same_file_counts() -> None:
    assert repetition_signal(float32(5, 1, 4, 3), np.array([8, 8, 2, 8])).tolist() == [0, 2, 0, 1]


def test_without_weights_the_hybrid_score_stays() -> None:
    features = CodeFeatures.of([document("tests/a.py", "a"), document("b.py", "b")])
    fused = float32(0.5, -0.5)
    assert code_aware("a", fused, np.array([0, 1]), features, NOTHING).tolist() == fused.tolist()


def test_a_file_that_is_about_the_query_lifts_what_is_in_it() -> None:
    features = CodeFeatures.of([document("a.py", "x"), document("b.py", "y"), document("b.py", "z")])
    fused, about = float32(0, 0, 0), float32(0.1, 0.4, 0.4)
    weights = replace(NOTHING, file=0.5)
    lifted = code_aware("anything", fused, np.arange(3), features, weights, about)
    assert lifted == pytest.approx(0.5 * np.array([-(2**0.5), 0.5**0.5, 0.5**0.5]))
    assert code_aware("anything", fused, np.arange(3), features, weights).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("net/HTTPConnection_pool.py", "HTTP Connection pool"),
        ("src/field-names.test.ts", "field names test"),
        ("größe2Müll.go", "größe 2 Müll"),
        ("_.py", "_"),
        ("Makefile", "Makefile"),
    ],
)
def test_a_file_is_called_by_the_words_of_its_name(path: str, name: str) -> None:
    assert CodeFeatures.of([document(path)]).names == [name]


def test_rows_say_which_documents_the_candidates_are() -> None:
    features = CodeFeatures.of([document("a.py", "other"), document("b.py", "wanted"), document("c.py", "x")])
    total = code_aware("wanted", float32(0, 0), np.array([2, 1]), features, Weights())
    assert total[1] > total[0]
