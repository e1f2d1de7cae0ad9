"""Code becomes HTML that reads like the file, marks the query's words and never runs."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.ui.samples import HOSTILE, document
from ui.code_html import FOLD_LINES, code_block, language_name, rest_of_code, term_pattern


def lines(html: str) -> list[str]:
    """Text of each line, as a reader sees it."""
    return [unescape(re.sub(r"<[^>]+>", "", line)) for line in re.findall(r"<div>(.*?)</div>", html)]


def numbered(count: int) -> str:
    return "".join(f"step_{number} = {number}\n" for number in range(1, count + 1))


def test_every_line_of_the_text_is_shown_as_it_is() -> None:
    text = 'def greet(name):\n\n    return f"<{name}> & co"\n'
    assert lines(code_block(document(text), "", "")) == [
        "def greet(name):",
        "\u200b",
        '    return f"<{name}> & co"',
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_breaks_of_every_system_count_alike(end: str) -> None:
    assert lines(code_block(document(end.join(["a = 1", "b = 2", ""])), "", "")) == ["a = 1", "b = 2"]


def test_common_indentation_is_left_out() -> None:
    text = "    def area(self):\n        return self.side ** 2\n"
    assert lines(code_block(document(text), "", "")) == ["def area(self):", "    return self.side ** 2"]


def test_numbering_starts_at_the_line_of_the_file() -> None:
    assert "--start:103" in code_block(
        document("x = 1", start_line=104), "", ""
    )  # CSS counts up before it shows


@pytest.mark.parametrize(
    ("text", "style", "token"),
    [
        ("def area(side): ...", "k", "def"),
        ("def area(side): ...", "f", "area"),
        ('x = "text"', "s", "&#34;text&#34;"),
        ("x = 42", "m", "42"),
        ("x = 1  # why", "c", "# why"),
        ("print(x)", "b", "print"),
    ],
)
def test_python_is_coloured_by_what_it_means(text: str, style: str, token: str) -> None:
    assert f'<i class="{style}">{token}</i>' in code_block(document(text), "", "")


def test_an_unknown_language_is_shown_without_colours() -> None:
    html = code_block(document("def area(side): ...", language="no-such-language"), "", "")
    assert lines(html) == ["def area(side): ..."]
    assert "<i " not in html
    assert language_name("no-such-language") == "no-such-language"


def test_a_long_text_is_folded_and_the_rest_follows_on_demand() -> None:
    long = document(numbered(FOLD_LINES + 5))
    html = code_block(long, "", "")
    assert lines(html) + lines(rest_of_code(long, "")) == numbered(FOLD_LINES + 5).splitlines()
    assert len(lines(html)) == FOLD_LINES
    assert "Show 5 more lines" in html


def test_folding_never_hides_fewer_than_four_lines() -> None:
    assert len(lines(code_block(document(numbered(FOLD_LINES + 3)), "", ""))) == FOLD_LINES + 3
    assert len(lines(code_block(document(numbered(FOLD_LINES + 4)), "", ""))) == FOLD_LINES


def test_a_docstring_is_a_comment_although_its_end_is_folded_away() -> None:
    text = '"""First.\n' + "More.\n" * 20 + '"""\n'
    assert '<div><i class="c">&#34;&#34;&#34;First.</i></div>' in code_block(document(text), "", "")


def test_matches_below_the_fold_are_counted() -> None:
    text = numbered(FOLD_LINES) + "walk = 1\nother = 2\nwalk_tree = 3\nend = 4\n"
    assert "2 matches below" in code_block(document(text), "walk", "")


@pytest.mark.parametrize(
    ("query", "code", "marked"),
    [
        ("match a path", "def match_path(p):", ["match", "path"]),  # parts of identifiers
        ("matching paths", "matches = newPath", ["matches", "Path"]),  # inflected, and in camel case
        (
            "walk the directory",
            "for directories in walks:",
            ["directories", "walks"],
        ),  # stop words are not marked
        ("path", "footpath = pathname", []),  # not a piece of another word
        ("a b", "a = b", []),  # too short to mean anything
        ("c++ [regex] (", "regex = 1", ["regex"]),  # a query is no pattern
    ],
)
def test_words_of_the_query_are_marked(query: str, code: str, marked: list[str]) -> None:
    assert re.findall("<mark>(.*?)</mark>", code_block(document(code), query, "")) == marked


def test_a_query_without_words_marks_nothing() -> None:
    assert term_pattern("?! 42 ()") is None


def test_a_very_long_line_is_cut_and_says_so() -> None:
    (line,) = lines(code_block(document("x" * 1_500), "", ""))
    assert line == "x" * 400 + " … 1,100 more characters"


def test_hostile_text_stays_text() -> None:
    hostile = document(f'x = """{HOSTILE}"""', start_line=None, language=None)
    html = code_block(hostile, HOSTILE, "Code of x")
    assert set(re.findall(r"<(\w+)", html)) <= {"div", "i", "mark"}
    assert "\u202e" not in html
    assert "⟨U+202E⟩" in html


def test_only_the_longest_words_of_a_long_query_are_marked() -> None:
    words = [letter * length for length in (5, 7) for letter in "bcdfghjklmnopqrtuvwx"]  # 20 of each length
    html = code_block(document(" ".join(words)), " ".join(words), "")
    assert re.findall("<mark>(.*?)</mark>", html) == [*words[:4], *words[20:]]


def test_nothing_is_marked_for_a_query_as_long_as_a_text() -> None:
    text = document("path = 1")
    assert "<mark>" in code_block(text, "path " * 100, "")
    assert "<mark>" not in code_block(text, "path " * 101, "")
