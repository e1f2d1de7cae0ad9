"""The page says what is being prepared, how far it is and what to do meanwhile."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from search_core.types import Corpus
from tests.ui.samples import FUNCTION, HOSTILE
from ui import states
from ui.lanes import Lane
from ui.offering.steps import Step

READ = Step("stdlib", None, "ready")
STDLIB = Corpus("stdlib", (FUNCTION,) * 1_234)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([Step("stdlib", None, "working")], "reading"),
        ([Step("stdlib", None, "working", done=30, total=120)], "reading 25%"),
        ([READ, Step("stdlib", "minilm", "waiting")], "indexing"),
        ([READ, Step("stdlib", "minilm", "working", done=1, total=3)], "indexing 33%"),
        ([READ, Step("stdlib", "minilm", "ready")], "ready"),
        ([READ, Step("stdlib", "minilm", "failed", error="missing")], "not everything is ready"),
    ],
)
def test_the_header_says_how_far_the_corpus_is(steps: list[Step], words: str) -> None:
    assert (
        text(states.header("stdlib", tuple(steps), STDLIB, 0))
        == f"Code Search Studio {words} stdlib 1,234 documents"
    )


def test_the_banner_counts_texts_and_estimates_the_time_left() -> None:
    step = Step("stdlib", "minilm", "working", done=3_120, total=6_240, since_s=100.0, since_done=0)
    shown = states.banner((READ, step), now_s=140.0)  # half in 40 s: the other half takes 40 s
    assert text(shown) == (
        "Indexing stdlib with minilm 3,120 of 6,240 texts, about 40 s left. "
        "Until then its column is served by keywords."
    )
    assert '<progress max="6240" value="3120"' in shown


def test_the_banner_makes_no_estimate_before_there_is_a_rate() -> None:
    step = Step("stdlib", "minilm", "working", done=10, total=20, since_s=100.0, since_done=10)
    assert "left" not in states.banner((READ, step), now_s=101.0)


def test_long_waits_are_told_in_minutes() -> None:
    step = Step("stdlib", "minilm", "working", done=10, total=40, since_s=0.0)
    assert "about 3 min left" in states.banner((READ, step), now_s=60.0)  # 30 more at 10 a minute


def test_a_model_that_is_loading_has_no_count_yet() -> None:
    shown = states.banner((READ, Step("stdlib", "minilm", "working")), now_s=0.0)
    assert text(shown) == "Loading minilm Until it is ready its column is served by keywords."


@pytest.mark.parametrize("stage", ["ready", "failed"])
def test_there_is_no_banner_when_nothing_is_being_prepared(stage: str) -> None:
    assert states.banner((READ, Step("stdlib", "minilm", stage)), now_s=0.0) == ""  # type: ignore[arg-type]


def test_the_header_counts_what_was_judged() -> None:
    assert text(states.header("stdlib", (READ,), STDLIB, 12)).endswith("1,234 documents 12 judged")


def test_a_corpus_that_is_read_again_is_searched_as_it_was() -> None:
    step = Step("stdlib", None, "working", again=True)
    assert text(states.banner((step,), now_s=0.0)) == (
        "Reading stdlib again Until then it is searched as it was."
    )


def test_before_the_first_query_the_page_says_what_the_columns_are() -> None:
    shown = text(
        states.empty("stdlib", STDLIB, Lane("minilm", "hybrid"), Lane(None, "lexical"), judging=True)
    )
    assert "Two rankings of 1,234 documents of stdlib stand beside each other:" in shown
    assert "minilm by meaning and keywords keywords BM25" in shown
    assert shown.endswith("s similar code y n right, wrong")


def test_keys_for_marks_are_told_only_to_those_who_may_mark() -> None:
    shown = text(states.empty("stdlib", STDLIB, Lane("a", "dense"), Lane("b", "dense"), judging=False))
    assert shown.endswith("s similar code")


def test_a_corpus_brings_its_own_examples() -> None:
    lanes = Lane("minilm", "dense"), Lane("studio", "dense")

    def examples(corpus: Corpus | None) -> list[str]:
        shown = states.empty("stdlib", corpus, *lanes, judging=True)
        return re.findall('data-do="example">(.*?)</button>', shown)

    assert examples(replace(STDLIB, queries=("one thing", "another"))) == ["one thing", "another"]
    assert examples(STDLIB) == examples(None) == list(states.EXAMPLES)


def test_where_nothing_is_like_a_document_there_is_no_query_to_quote() -> None:
    assert text(states.no_match("", filtered=False)) == (
        "Nothing else is like it Nothing else in this corpus comes near."
    )
    assert "Use fewer filters. Clear filters" in text(states.no_match("", filtered=True))


def test_hostile_words_stay_text() -> None:
    step = Step(HOSTILE, HOSTILE, "working", done=1, total=2)
    shown = [
        states.header(HOSTILE, (step,), None, 0),
        states.banner((step,), now_s=0.0),
        states.empty(
            HOSTILE,
            Corpus(HOSTILE, (), queries=(HOSTILE,)),
            Lane(HOSTILE, "dense"),
            Lane(HOSTILE, "hybrid"),
            judging=True,
        ),
        states.like_nothing(HOSTILE),
        states.no_match(HOSTILE, filtered=True),
        states.still_reading(HOSTILE),
        states.failed(HOSTILE),
    ]
    assert not {"img", "script"} & set(re.findall(r"<(\w+)", "".join(shown)))
    assert "\u202e" not in "".join(shown)


def test_a_stored_mark_names_its_document_as_the_cards_do() -> None:
    shown = states.stored_verdict(HOSTILE, "right")
    assert unescape(shown) == f'<span hidden data-id="{HOSTILE}" data-verdict="right"></span>'
    assert shown.count("<") == 2
