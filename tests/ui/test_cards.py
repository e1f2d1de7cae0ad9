"""A card says what was found, where, and how its rank moved; a column says what served it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from search_core.judgments import Verdict
from search_core.types import Mode, StudioError
from tests.ui.samples import FUNCTION, HOSTILE, column
from ui.lanes import Column, Lane
from ui.search.cards import Look, column_html, like


def movements(shown: str) -> list[str]:
    return re.findall(r'<span class="cs-move [^>]*>(.*?)</span>', shown)


def test_a_card_names_rank_symbol_place_language_kind_and_score() -> None:
    found = replace(
        FUNCTION, symbol="Path.walk", path="Lib/pathlib.py", start_line=804, end_line=827, kind="method"
    )
    html = column_html(
        column("a", [found], "minilm"), column("b", [], None, "lexical"), Look("walk", "stdlib")
    )
    words = re.sub(r"<pre.*|<[^>]+>", "|", html)
    assert [word for word in words.split("|") if word][:10] == [
        *("minilm", "by meaning", "dense", "17 ms"),
        *("1", "Path.walk", "1.000", "Lib/pathlib.py:804–827", "Python", "method"),
    ]


def test_a_document_of_a_data_set_is_named_by_its_id() -> None:
    found = replace(FUNCTION, id="c17", symbol=None, path=None, kind=None, language=None, start_line=None)
    html = column_html(column("a", [found], "minilm"), column("b", [], "other"), Look("q", "dataset:x"))
    assert '<h3 title="c17">c17</h3>' in html
    assert '<p class="cs-place"></p>' in html


def test_the_right_column_says_how_each_hit_moved_and_the_left_one_where_it_went() -> None:
    left, right = column("a", ["w", "x", "y", "z"], "minilm"), column("b", ["y", "x", "w", "n"], "studio")
    assert movements(column_html(left, right, Look("q", "stdlib"))) == ["→ 3", "→ 2", "→ 1", "→ out"]
    assert movements(column_html(right, left, Look("q", "stdlib"))) == ["▲2", "=", "▼2", "new"]


@pytest.mark.parametrize("found", [[], ["x"]])
def test_nothing_moves_between_columns_that_are_the_same_or_empty(found: list[str]) -> None:
    left, right = column("a", ["x"], "minilm", "dense", "lexical"), column("b", found, None, "lexical")
    assert movements(column_html(left, right, Look("q", "stdlib"))) == []


@pytest.mark.parametrize(
    ("asked", "served", "chip"),
    [
        ("dense", "dense", '<span class="cs-chip">dense</span>'),
        ("dense", "lexical", '<span class="cs-chip warn">lexical, dense not ready</span>'),
        ("hybrid", "lexical", '<span class="cs-chip warn">lexical, hybrid not ready</span>'),
    ],
)
def test_a_column_says_which_mode_served_it(asked: Mode, served: Mode, chip: str) -> None:
    html = column_html(
        column("a", ["x"], "minilm", asked, served), column("b", ["x"], "studio"), Look("q", "stdlib")
    )
    assert chip in html


def test_a_score_says_what_it_is() -> None:
    other = column("b", [], "studio")
    for mode, name in (
        ("dense", "cosine similarity"),
        ("lexical", "keyword score"),
        ("hybrid", "fused score"),
    ):
        shown = column_html(column("a", ["x"], "minilm", "hybrid", mode), other, Look("q", "stdlib"))  # type: ignore[arg-type]
        assert f'title="{name}"' in shown


@pytest.mark.parametrize("filtered", [True, False])
def test_a_column_without_hits_says_what_to_do(filtered: bool) -> None:
    nothing, other = column("a", [], "minilm"), column("b", ["x"], "studio")
    html = column_html(nothing, other, Look("frobnicate", "stdlib", filtered))
    assert "Nothing matches “frobnicate”" in html
    assert ('data-do="clear"' in html) is filtered  # offered only where there is something to clear


def test_an_error_shows_its_reason_in_its_own_column() -> None:
    broken = Column(
        "b", Lane("studio", "dense"), error=StudioError("The adapter is missing. Train it again.")
    )
    assert "The adapter is missing. Train it again." in column_html(
        broken, column("a", ["x"], "minilm"), Look("q", "stdlib")
    )
    beside = column_html(column("a", ["x"], "minilm"), broken, Look("q", "stdlib"))
    assert "The adapter is missing" not in beside
    assert 'class="cs-card"' in beside


def tools(html: str) -> list[tuple[str, str | None]]:
    """What each button of the cards does, and whether it is pressed; None for one that cannot be."""
    buttons = re.findall(r'<button [^>]*class="cs-tool"[^>]*>', html)
    pressed = (re.search('aria-pressed="([a-z]+)"', button) for button in buttons)
    does = (re.search('data-do="([a-z]+)"', button).group(1) for button in buttons)  # type: ignore[union-attr]
    return [(do, found and found.group(1)) for do, found in zip(does, pressed, strict=True)]


@pytest.mark.parametrize(
    ("verdicts", "marks"),
    [
        (None, []),  # a visitor who may not judge
        ({}, [("right", "false"), ("wrong", "false")]),
        ({FUNCTION.content_key: "right"}, [("right", "true"), ("wrong", "false")]),
        ({FUNCTION.content_key: "wrong"}, [("right", "false"), ("wrong", "true")]),
        ({"another document": "wrong"}, [("right", "false"), ("wrong", "false")]),
    ],
)
def test_a_card_offers_its_tools_and_shows_the_mark_that_was_given(
    verdicts: dict[str, Verdict] | None, marks: list[tuple[str, str]]
) -> None:
    look = Look("q", "stdlib", verdicts=verdicts)
    html = column_html(column("a", [FUNCTION], "minilm"), column("b", [], "studio"), look)
    assert tools(html) == [("copy", None), ("similar", None), *marks]


def test_every_tool_is_named_with_its_function_and_its_key() -> None:
    html = column_html(
        column("a", ["walk"], "minilm"), column("b", [], "studio"), Look("q", "stdlib", verdicts={})
    )
    assert re.findall('aria-label="([^"]+)" title="([^"]+)"', html) == [
        ("Copy: walk", "Copy (c)"),
        ("Find similar code: walk", "Find similar code (s)"),
        ("Mark as right: walk", "Mark as right (y)"),
        ("Mark as wrong: walk", "Mark as wrong (n)"),
    ]


@pytest.mark.parametrize(
    ("query", "way_back"), [("walk a tree", "Back to “walk a tree”"), (" ", "Back to the start")]
)
def test_where_a_function_is_the_query_it_is_named_with_a_way_back(query: str, way_back: str) -> None:
    words = re.sub("<[^>]+>", "|", like(FUNCTION, query))
    assert [word for word in words.split("|") if word.strip()] == [
        *("Code like", "f", "pkg/f.py:1–2", "Python", "function", way_back)
    ]


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/f.py#L1", True),
        ("javascript:window.__x=1", False),
        ("data:text/html,<script>window.__x=1</script>", False),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(url: str | None, linked: bool) -> None:
    html = column_html(
        column("a", [replace(FUNCTION, url=url)], "minilm"), column("b", [], "studio"), Look("q", "stdlib")
    )
    assert ("<a " in html) is linked
    assert "javascript:" not in html


def test_hostile_names_stay_text() -> None:
    found = replace(
        FUNCTION, id=HOSTILE, symbol=HOSTILE, path=HOSTILE, language=HOSTILE, url="https://x/" + HOSTILE
    )
    shown = column_html(
        column("a", [found], HOSTILE), column("b", [found], "studio"), Look(HOSTILE, HOSTILE, verdicts={})
    ) + like(found, HOSTILE)
    tags = {
        "section",
        "div",
        "span",
        "h2",
        "article",
        "header",
        "h3",
        "button",
        "svg",
        "path",
        "p",
        "a",
        "bdi",
        "mark",
        "b",
    }
    assert set(re.findall(r"<(?!cs-[0-9a-f]{8} class)([\w-]+)", shown)) <= tags
    assert f'data-id="{HOSTILE}"' == unescape(re.search(r'data-id=".*?"', shown).group())  # type: ignore[union-attr]
