"""What the Corpora tab says of each corpus and model, in every state; whatever is named stays text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from search_core.types import Corpus, SkippedFile
from tests.ui.samples import FUNCTION, HOSTILE
from ui.corpora.corpora_html import View, corpus_list
from ui.corpora.models_html import model_list
from ui.offering.details import CorpusDetails, ModelOver
from ui.offering.steps import Stage, Step

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
OWNER = View(is_owner=True)


def corpus(*languages: str, skipped: Sequence[SkippedFile] = ()) -> Corpus:
    documents = (replace(FUNCTION, id=str(n), language=language) for n, language in enumerate(languages))
    return Corpus("src", tuple(documents), files=1, skipped=tuple(skipped))


def details(read: Corpus | None, reading: Stage, *models: Step, **fields: Any) -> CorpusDetails:
    return CorpusDetails(
        "src",
        "src",
        "folder",
        Step("src", None, reading, error="It is gone." if reading == "failed" else ""),
        tuple(ModelOver(step) for step in models),
        read,
        NOW - timedelta(minutes=5) if read else None,
        **fields,
    )


def shown(one: CorpusDetails, view: View = OWNER) -> str:
    """The first of two corpora."""
    return str(corpus_list([one, details(None, "waiting")], view, NOW, 0.0)).partition("</article>")[0]


READY = details(corpus("python"), "ready", Step("src", "minilm", "ready"), bytes=2_500_000)


@pytest.mark.parametrize(
    ("one", "chip"),
    [
        (details(None, "waiting", Step("src", "m")), "waiting"),
        (details(None, "working"), "reading"),
        (details(corpus("python"), "ready", Step("src", "m", "working", done=9, total=20)), "indexing 45%"),
        (READY, "ready"),
        (details(corpus("python"), "ready", Step("src", "m", "failed", error="x")), "partly ready"),
        (details(None, "failed", Step("src", "m", "failed", error="x")), "failed"),
        (details(corpus("python"), "failed", Step("src", "m", "ready")), "not read again"),
    ],
)
def test_one_chip_says_how_far_a_corpus_is(one: CorpusDetails, chip: str) -> None:
    assert f">{chip}</span>" in shown(one)


def test_a_ready_corpus_is_counted_and_leads_to_its_search() -> None:
    markup = shown(READY)
    for words in ("<dd>1</dd>", "<dd>2.5 MB</dd>", "python 100%", "1 function", "read <time", "5 min ago"):
        assert words in markup
    assert 'data-open href="?corpus=src"' in markup


def test_what_was_not_read_yet_cannot_be_searched() -> None:
    assert "data-open" not in shown(details(None, "working"))


def test_a_failed_reading_says_why_and_what_is_searched_meanwhile() -> None:
    assert "<p>It is gone.</p>" in shown(details(None, "failed"))
    assert "It is gone. Meanwhile it is searched as it was read before." in shown(
        details(corpus("python"), "failed")
    )


def test_many_languages_end_in_others() -> None:
    markup = shown(details(corpus(*"aaaabbbccde"), "ready"))
    assert [share for share in ("a 36%", "b 27%", "c 18%", "2 others 18%") if share in markup] == [
        *("a 36%", "b 27%", "c 18%", "2 others 18%")
    ]


def test_left_out_files_are_listed_by_reason_when_asked_for() -> None:
    skipped = [
        SkippedFile("a.min.js", "minified, by its name"),
        SkippedFile("lib/", "1,200 files: vendored"),
        *(SkippedFile(f"{n}.bin", "binary: has a NUL byte") for n in range(60)),
    ]
    one = details(corpus("python", skipped=skipped), "ready")
    assert ">1,261</button>" in shown(one)
    assert "a.min.js" not in shown(one)
    opened = shown(one, View(opened=frozenset({"src"})))
    assert opened.index("vendored <b>1,200</b>") < opened.index("binary <b>60</b>")
    assert "<code>lib/ (1,200)</code>" in opened
    assert "49.bin" not in opened
    assert "and 11 more" in opened  # 50 paths: the folder and 49 of the binaries


def test_deleting_is_confirmed_with_what_goes_and_what_stays() -> None:
    assert "Delete it" not in shown(READY)
    asked = shown(READY, View(is_owner=True, asked="src"))
    assert "documents and indexes (2.5 MB)" in asked
    assert "The folder itself, reports" in asked
    assert "Delete it" in asked


def test_only_the_owner_has_controls_and_the_only_corpus_is_not_deleted() -> None:
    assert "data-do" not in shown(READY, View())
    assert 'data-do="delete"' not in corpus_list([READY], OWNER, NOW, 0.0)
    assert 'data-do="again"' in corpus_list([READY], OWNER, NOW, 0.0)


def test_hostile_names_stay_text() -> None:
    one = replace(
        details(
            corpus(HOSTILE, skipped=[SkippedFile(HOSTILE, HOSTILE)]),
            "failed",
            Step(HOSTILE, HOSTILE, "failed", error=HOSTILE),
        ),
        spec=HOSTILE,
        name=HOSTILE,
    )
    visible = HOSTILE.replace("\u202e", "⟨U+202E⟩")
    view = View(is_owner=True, opened=frozenset({visible}), asked=visible)
    markup = corpus_list([one, READY], view, NOW, 0.0)
    markup += model_list([(HOSTILE, [Step("src", HOSTILE, "failed", error=HOSTILE)])], is_owner=True, now_s=0)
    assert "<img" not in markup
    assert "<script" not in markup
    assert "\u202e" not in markup


def test_a_model_says_over_how_many_corpora_it_is_ready() -> None:
    steps = [Step("a", "/runs/x", "ready"), Step("b", "/runs/x", "working", done=3, total=10)]
    markup = model_list([("/runs/x", steps), ("minilm", [])], is_owner=True, now_s=0.0)
    assert "ready over 1 of 2 corpora; 3 of 10 texts of the next one" in markup
    assert "<h3>x</h3><small>/runs/x</small>" in markup


def test_a_reason_that_is_the_same_everywhere_is_given_once() -> None:
    steps = [Step(corpus, "m", "failed", error="No answer.") for corpus in "ab"]
    markup = model_list([("m", steps)], is_owner=False, now_s=0.0)
    assert markup.count("No answer.") == 1
    assert "Try again" not in markup


def test_a_data_set_that_says_no_language_has_no_bar_of_them() -> None:
    silent = Corpus("src", (replace(FUNCTION, language=None, kind=None),), files=None)
    page = corpus_list([details(silent, "ready")], OWNER, NOW, 0.0)
    assert "No language is given." in page
    assert "cs-langbar" not in page
