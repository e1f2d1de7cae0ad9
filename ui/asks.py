"""From what a visitor asks to what the Search tab shows. No Gradio: strings in, safe markup out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from markupsafe import Markup

from search_core.engine import EVERYTHING
from search_core.types import MAX_QUERY_CHARACTERS, Mode, SearchFilter, StudioError
from ui import states
from ui.cards import column_html
from ui.lanes import KEYWORDS, MODEL_MODES, Column, Lane, Side, lane_choices
from ui.markup import NOTHING
from ui.overlap import strip, switch
from ui.services import Services, StillReading

KS = (5, 10, 20, 50)
ANY = "any"
"""The language filter that lets every document through."""


@dataclass(frozen=True)
class Ask:
    """Everything a search depends on, in the order of the page's inputs; the field names are the permalink's.

    a, b: what the left and the right column show (see Lane.parsed).
    """

    q: str
    corpus: str
    a: str
    b: str
    mode: Mode
    k: int
    language: str = ANY
    path: str = ""

    @property
    def filter(self) -> SearchFilter:
        return SearchFilter(None if self.language == ANY else self.language, self.path.strip() or None)

    def lane(self, side: Side) -> Lane:
        return Lane.parsed(self.a if side == "a" else self.b, self.mode)


def default_ask(services: Services) -> Ask:
    """The first two models beside each other; one alone beside keywords."""
    corpus, (left, right, *_) = services.corpora[0], (*services.models, KEYWORDS)
    return Ask("", corpus, left, right, default_mode(corpus), 10)


def default_mode(corpus: str) -> Mode:
    """Repositories are searched best with both; a data set is judged by what its models understand."""
    return "dense" if corpus.startswith("dataset:") else "hybrid"


def linked_ask(services: Services, link: Mapping[str, str]) -> Ask:
    """A permalink's ask; whatever it names that is not offered here falls back to the default."""
    ask = default_ask(services)
    if (corpus := link.get("corpus", "")) in services.corpora:
        ask = replace(ask, corpus=corpus, mode=default_mode(corpus))
    lanes, k = lane_choices(services.models), link.get("k", "")
    mode = next((mode for mode in MODEL_MODES if mode == link.get("mode")), ask.mode)
    return Ask(
        q=link.get("q", "")[:MAX_QUERY_CHARACTERS],
        corpus=ask.corpus,
        a=link["a"] if link.get("a") in lanes else ask.a,
        b=link["b"] if link.get("b") in lanes else ask.b,
        mode=mode,
        k=int(k) if k in map(str, KS) else ask.k,
        language=link["language"] if link.get("language") in languages(services, ask.corpus) else ANY,
        path=link.get("path", ""),
    )


def languages(services: Services, corpus: str) -> list[str]:
    """Choices of the language filter, most frequent first."""
    found = services.corpus(corpus)
    return [ANY, *(found.languages if found else ())]


class Surroundings(NamedTuple):
    """What stands around the answers, and changes while something is prepared.

    settled: which of the steps that an ask depends on are over; once another one is, answers are out of date.
    """

    head: Markup
    banner: Markup
    settled: tuple[bool, ...]


def surroundings(services: Services, ask: Ask) -> Surroundings:
    steps = services.steps(ask.corpus)
    needed = (None, ask.lane("a").model, ask.lane("b").model)
    return Surroundings(
        states.header(steps, services.corpus(ask.corpus)),
        states.banner(steps, time.monotonic()),
        tuple(step.settled for step in steps if step.model in needed),
    )


class Answers(NamedTuple):
    """What stands above the columns (or instead of them), and the left and right column."""

    top: Markup
    a: Markup = NOTHING
    b: Markup = NOTHING


def answers(services: Services, ask: Ask) -> Answers:
    if not ask.q.strip():
        corpus = services.corpus(ask.corpus)
        count = len(corpus.documents) if corpus else None
        return Answers(states.empty(ask.corpus, count, ask.lane("a"), ask.lane("b")))
    a, b = _answer(services, ask, "a"), _answer(services, ask, "b")
    if isinstance(a.error, StillReading):
        return Answers(states.still_reading(ask.corpus))
    if a.error and str(a.error) == str(b.error):  # what was asked is at fault, not one of the lanes
        return Answers(states.failed(str(a.error)))
    filtered = ask.filter != EVERYTHING
    left, right = (
        column_html(column, other, ask.q, ask.corpus, filtered=filtered) for column, other in ((a, b), (b, a))
    )
    return Answers(strip(a, b) + switch(a, b), left, right)


def _answer(services: Services, ask: Ask, side: Side) -> Column:
    lane = ask.lane(side)
    try:
        result = services.search(ask.q, ask.k, ask.corpus, lane, ask.filter)
    except StudioError as error:
        return Column(side, lane, error=error)
    return Column(side, lane, result)
