"""The strip counts what two rankings share and draws where each shared hit went."""

from __future__ import annotations

import re

from search_core.types import StudioError
from tests.ui.samples import HOSTILE, column
from ui.lanes import Column, Lane
from ui.search.overlap import strip, switch


def test_shared_hits_are_counted_against_the_longer_ranking() -> None:
    html = strip(column("a", ["w", "x", "y", "z"], "minilm"), column("b", ["y", "w"], None, "lexical"))
    assert "<b>2</b><span>of 4 shared" in html
    assert "Jaccard 0.50" in html  # 2 shared of 4 different ones


def test_every_shared_hit_has_a_line_from_its_left_to_its_right_rank() -> None:
    html = strip(column("a", ["x", "y", "z"], "minilm"), column("b", ["z", "y", "n"], "studio"))
    lines = re.findall(
        r'<line class="(\w+)" data-id="(\w+)" x1="([\d.]+)" y1="11" x2="([\d.]+)" y2="41"/>', html
    )
    # 360 units wide, 8 of margin at either end: ranks 1, 2, 3 stand at 8, 180 and 352
    assert lines == [("same", "y", "180.0", "180.0"), ("up", "z", "352.0", "8.0")]
    assert len(re.findall(r'<circle class="[ab] lone"', html)) == 2  # x on the left, n on the right


def test_the_biggest_climb_is_told_by_name() -> None:
    html = strip(column("a", ["w", "x", "y", "z"], "minilm"), column("b", ["z", "y", "w", "n"], "studio"))
    assert '<span class="cs-move up">▲3</span> <code>z</code>' in html
    assert "<dt>New in studio</dt><dd>1</dd>" in html


def test_where_nothing_climbed_it_says_none() -> None:
    assert "<dd>none</dd>" in strip(column("a", ["x", "y"], "minilm"), column("b", ["x", "n"], "studio"))


def test_there_is_no_strip_without_two_different_rankings() -> None:
    found = column("a", ["x"], "minilm")
    failed = Column("b", Lane("studio", "dense"), error=StudioError("missing"))
    waiting = column("a", ["x"], "minilm", "dense", "lexical")
    assert strip(found, failed) == ""
    assert strip(found, column("b", [], None, "lexical")) == ""
    assert strip(waiting, column("b", ["x"], None, "lexical")) == ""  # keywords beside keywords


def test_phones_show_the_model_first_when_keywords_stand_beside_it() -> None:
    left = column("a", ["x"], "minilm")
    assert 'data-side="a" aria-pressed="true">minilm <span>17 ms' in switch(
        left, column("b", ["x"], None, "lexical")
    )
    assert 'data-side="b" aria-pressed="true">studio <span>17 ms' in switch(
        left, column("b", ["x"], "studio")
    )


def test_hostile_names_stay_text() -> None:
    a, b = column("a", [HOSTILE, "x"], HOSTILE), column("b", ["x", HOSTILE], "studio")
    tags = {"div", "b", "span", "br", "em", "svg", "line", "circle", "dl", "dt", "dd", "code", "button"}
    assert set(re.findall(r"<(\w+)", strip(a, b) + switch(a, b))) <= tags
