"""The page says what is being prepared, how far it is and what to do meanwhile."""

from __future__ import annotations

import re

import pytest
from samples import FUNCTION, HOSTILE

from search_core.types import Corpus
from ui import states
from ui.lanes import Lane
from ui.steps import Step

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
    assert text(states.header(tuple(steps), STDLIB)) == f"Code Search Studio {words} stdlib 1,234 documents"


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


def test_before_the_first_query_the_page_says_what_the_columns_are() -> None:
    shown = states.empty("stdlib", 1_234, Lane("minilm", "hybrid"), Lane(None, "lexical"))
    assert (
        "Two rankings of 1,234 documents of stdlib : minilm , by meaning and keywords, on the left;"
        in text(shown)
    )
    assert "keywords , BM25, on the right." in text(shown)
    assert shown.count('data-do="example"') == len(states.EXAMPLES)


def test_hostile_words_stay_text() -> None:
    step = Step(HOSTILE, HOSTILE, "working", done=1, total=2)
    shown = [
        states.header((step,), None),
        states.banner((step,), now_s=0.0),
        states.empty(HOSTILE, None, Lane(HOSTILE, "dense"), Lane(HOSTILE, "hybrid")),
        states.no_match(HOSTILE, filtered=True),
        states.still_reading(HOSTILE),
        states.failed(HOSTILE),
    ]
    assert not {"img", "script"} & set(re.findall(r"<(\w+)", "".join(shown)))
    assert "\u202e" not in "".join(shown)
