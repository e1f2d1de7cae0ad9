"""From an address or the inputs to what the page shows, by keywords and a model that cannot be loaded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from samples import write_sources

from search_core.settings import Settings
from ui.asks import Ask, answers, default_mode, linked_ask, surroundings
from ui.services import Services

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
        "path": "net/**",
    }
    assert linked_ask(services, link) == Ask(**{**link, "k": 20})  # type: ignore[arg-type]


def test_what_a_link_names_but_nobody_offers_falls_back_to_the_default(services: Services) -> None:
    link = {"corpus": "/etc", "a": "x", "b": "", "mode": "best", "k": "1000000", "language": "cobol"}
    assert linked_ask(services, link) == linked_ask(services, {})


@pytest.mark.parametrize(("corpus", "mode"), [("stdlib", "hybrid"), ("dataset:owner/name", "dense")])
def test_code_is_searched_by_both_and_data_sets_by_meaning(corpus: str, mode: str) -> None:
    assert default_mode(corpus) == mode


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
