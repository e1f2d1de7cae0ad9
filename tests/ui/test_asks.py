"""From an address or the inputs to what the page shows, by keywords and a model that cannot be loaded."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl

import pytest

from search_core.settings import Settings
from tests.ui.samples import write_sources
from ui.offering.services import Services
from ui.search.asks import (
    Ask,
    answers,
    default_mode,
    kinds,
    languages,
    linked_ask,
    offered_ask,
    surroundings,
)

BROKEN = "./no-such-model"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    root = tmp_path_factory.mktemp("sources")
    services = Services([write_sources(root)], [BROKEN], Settings(workspace=root.parent / "workspace"))
    services.start()
    while services.preparing:
        time.sleep(0.01)
    yield services
    services.stop()


@pytest.fixture
def ask(services: Services) -> Ask:
    return replace(linked_ask(services, {}), q="download", a="keywords")


def test_without_a_link_two_models_stand_beside_each_other(settings: Settings) -> None:
    ask = linked_ask(Services(["stdlib"], ["minilm", "studio"], settings), {})
    assert (ask.a, ask.b) == ("minilm", "studio")


def test_without_a_link_a_model_alone_stands_beside_keywords(services: Services) -> None:
    assert linked_ask(services, {}) == Ask("", services.corpora[0], BROKEN, "keywords", "hybrid", 10)


def test_a_link_sets_every_input(services: Services) -> None:
    link = {
        "q": "walk",
        "corpus": services.corpora[0],
        "a": "keywords",
        "b": f"{BROKEN} · dense",
        "mode": "dense",
        "k": "20",
        "language": "python",
        "kind": "method",
        "path": "net/**",
        "similar": "net/fetch.py::download_file",
    }
    assert linked_ask(services, link) == Ask(**{**link, "k": 20})  # type: ignore[arg-type]


def test_what_a_link_names_but_nobody_offers_falls_back_to_the_default(services: Services) -> None:
    link = {"corpus": "/etc", "a": "x", "b": "", "mode": "best", "k": "1000000"}
    link |= {"language": "cobol", "kind": "poem", "similar": "of another corpus"}
    assert linked_ask(services, link) == linked_ask(services, {})


def test_before_a_corpus_is_read_a_link_keeps_its_filters_and_then_only_those_that_there_are(
    services: Services, settings: Settings
) -> None:
    link = {"language": "python", "kind": "poem"}
    waiting = Services(services.corpora, services.models, settings)  # never started
    early = linked_ask(waiting, link)
    assert (early.language, early.kind) == ("python", "poem")
    assert offered_ask(waiting, early) == early
    assert languages(waiting, early) == ["any", "python"]
    assert kinds(waiting, replace(early, kind="any")) == ["any"]
    assert offered_ask(services, early) == replace(early, kind="any")
    assert kinds(services, early) == ["any", "function", "class", "method"]


@pytest.mark.parametrize(("corpus", "mode"), [("stdlib", "hybrid"), ("dataset:owner/name", "dense")])
def test_code_is_searched_by_both_and_data_sets_by_meaning(corpus: str, mode: str) -> None:
    assert default_mode(corpus) == mode


def test_an_ask_is_what_its_own_link_asks_for(services: Services, ask: Ask) -> None:
    for one in (ask, replace(ask, kind="class", path="net/**"), replace(ask, q="", similar="x")):
        assert linked_ask(services, one.link) == one


def test_before_a_search_the_address_holds_nothing(ask: Ask) -> None:
    assert set(replace(ask, q=" ").link.values()) == {""}


def test_the_permalink_stands_above_the_columns(services: Services, ask: Ask) -> None:
    (link,) = re.findall('data-link="([^"]*)"', answers(services, ask).top)
    assert dict(parse_qsl(unescape(link), keep_blank_values=True)) == ask.link


def test_what_is_no_longer_offered_gives_way_to_the_default(services: Services, ask: Ask) -> None:
    gone = replace(ask, corpus="gone", b="gone", kind="class", similar="gone")
    assert offered_ask(services, gone) == replace(ask, b="keywords")
    assert offered_ask(services, ask) == ask


def test_another_corpus_has_other_filters_and_its_own_mode(ask: Ask) -> None:
    narrowed = replace(ask, language="python", kind="method", path="net/**", similar="x")
    assert narrowed.in_corpus("dataset:d") == replace(ask, corpus="dataset:d", mode="dense")


def test_a_blank_query_shows_what_can_be_done(services: Services, ask: Ask) -> None:
    shown = answers(services, replace(ask, q=" \n"))
    assert "Say what the code does" in shown.top
    assert (shown.a, shown.b) == ("", "")


def test_a_model_that_failed_shows_its_reason_in_its_own_column(services: Services, ask: Ask) -> None:
    shown = answers(services, replace(ask, b=BROKEN))
    assert "download_file" in shown.a
    assert "This search did not finish" in shown.b
    assert "no-such-model" in shown.b
    assert "failed" not in shown.a


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"q": "x" * 100_000}, "The query has 100,000 characters"),
        ({"k": 0}, "k must be between 1 and 1,000, got 0"),
        ({"k": 10_000_000}, "k must be between 1 and 1,000, got 10,000,000"),
        ({"language": "cobol"}, "&#39;cobol&#39;"),
        ({"kind": "section"}, "&#39;section&#39;; this corpus has: function"),
        ({"similar": "gone"}, "is no longer in"),
    ],
)
def test_an_ask_that_no_lane_can_answer_is_explained_once(
    services: Services, ask: Ask, change: dict[str, object], reason: str
) -> None:
    shown = answers(services, replace(ask, b="keywords", **change))  # type: ignore[arg-type]
    assert reason in shown.top
    assert (shown.a, shown.b) == ("", "")


def test_filters_narrow_what_is_found(services: Services, ask: Ask) -> None:
    assert "download_file" in answers(services, replace(ask, path="net/**")).a
    assert "Nothing matches" in answers(services, replace(ask, path="shapes/**")).a
    assert "Nothing matches" in answers(services, replace(ask, kind="class")).a


def test_a_function_can_be_the_query(services: Services, ask: Ask) -> None:
    (retry,) = (one for one in services.corpus(ask.corpus).documents if one.symbol == "circle_area")  # type: ignore[union-attr]
    shown = answers(services, replace(ask, b="keywords", similar=retry.id), verdicts={})
    assert "Code like</span> <b>circle_area</b>" in shown.top
    assert "Back to “download”" in shown.top
    assert ">square_area</h3>" in shown.a
    assert ">circle_area</h3>" not in shown.a  # it is left out
    assert "<mark>" not in shown.a
    assert "Mark as right" not in shown.a  # there are no words to be right for


def test_only_who_may_judge_gets_marks(services: Services, ask: Ask) -> None:
    assert "Mark as right" in answers(services, ask, verdicts={}).a
    assert "Mark as right" not in answers(services, ask, verdicts=None).a


def test_an_answer_is_out_of_date_once_something_it_depends_on_has_settled(
    services: Services, ask: Ask, settings: Settings
) -> None:
    waiting = Services(services.corpora, services.models, settings)  # never started
    assert surroundings(waiting, ask).settled == (
        False,
    )  # both columns are keywords: the corpus alone counts
    assert surroundings(services, ask).settled == (True,)
    assert surroundings(services, replace(ask, b=BROKEN)).settled == (True, True)
    assert "still being read" in answers(waiting, ask).top


def test_only_what_the_columns_need_is_announced(services: Services, ask: Ask, settings: Settings) -> None:
    waiting = Services(services.corpora, ["minilm", "studio"], settings)
    waiting._offers.publish(waiting._offers.claim(), services._offers.reading(ask.corpus))  # type: ignore[arg-type]
    assert "minilm" in surroundings(waiting, replace(ask, b="minilm")).banner
    assert surroundings(waiting, replace(ask, b="keywords")).banner == ""
