"""From what a visitor asks to what the Search tab shows. No Gradio: strings in, safe markup out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from search_core.engine import EVERYTHING
from search_core.types import MAX_QUERY_CHARACTERS, Corpus, Mode, SearchFilter, StudioError
from ui import states
from ui.lanes import KEYWORDS, MODEL_MODES, Column, Lane, Side, lane_choices
from ui.markup import NOTHING
from ui.offering.services import Services, StillReading
from ui.search.cards import Look, Verdicts, column_html, like
from ui.search.overlap import strip, switch

KS = (5, 10, 20, 50)
ANY = "any"
"""The language or kind that lets every document through."""
_NOT_ALIKE = Markup('<div class="cs-like" hidden></div>')
"""Keeps the place of what `like` says: elements change where they stand, and none should seem to move."""
UNFILTERED: Mapping[str, str] = {"language": ANY, "kind": ANY, "path": ""}


@dataclass(frozen=True)
class Ask:
    """Everything a search depends on, in the order of the page's inputs; the field names are the permalink's.

    a, b: what the left and the right column show (see Lane.parsed).
    similar: id of a document to find the like of, instead of q; q is where the way back leads.
    """

    q: str
    corpus: str
    a: str
    b: str
    mode: Mode
    k: int
    language: str = ANY
    kind: str = ANY
    path: str = ""
    similar: str = ""

    @property
    def filter(self) -> SearchFilter:
        return SearchFilter(
            language=None if self.language == ANY else self.language,
            kind=None if self.kind == ANY else self.kind,
            path=self.path.strip() or None,
        )

    @property
    def is_blank(self) -> bool:
        return not (self.q.strip() or self.similar)

    @property
    def words(self) -> str:
        """What the results were searched with; nothing where that is a document."""
        return "" if self.similar else self.q

    @property
    def link(self) -> dict[str, str]:
        """Every name of the permalink; its value is empty where there is nothing to say."""
        return {
            name: "" if self.is_blank or value == UNFILTERED.get(name) else str(value)
            for name, value in asdict(self).items()
        }

    def lane(self, side: Side) -> Lane:
        return Lane.parsed(self.a if side == "a" else self.b, self.mode)

    def in_corpus(self, corpus: str) -> Ask:
        """The same words over another corpus, in its own mode and without filters."""
        return replace(self, corpus=corpus, mode=default_mode(corpus), similar="").unfiltered()

    def unfiltered(self) -> Ask:
        return replace(self, language=ANY, kind=ANY, path="")

    def known(self, corpus: Corpus | None) -> Ask:
        """Without a language or kind that the corpus does not have. corpus: None while it is being read."""
        if corpus is None:
            return self
        return replace(
            self,
            language=self.language if self.language in corpus.languages else ANY,
            kind=self.kind if self.kind in corpus.kinds else ANY,
        )


def default_ask(services: Services) -> Ask:
    """The first two models beside each other; one alone beside keywords."""
    corpus, (left, right, *_) = services.corpora[0], (*services.models, KEYWORDS)
    return Ask("", corpus, left, right, default_mode(corpus), 10)


def default_mode(corpus: str) -> Mode:
    """Repositories are searched best with both; a data set is judged by what its models understand."""
    return "dense" if corpus.startswith("dataset:") else "hybrid"


def linked_ask(services: Services, link: Mapping[str, str]) -> Ask:
    """A permalink's ask; whatever it names that is not offered here falls back to the default.

    Whether its filters are is known once its corpus has been read: until then they stay.
    """
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
        language=link.get("language", ANY),
        kind=link.get("kind", ANY),
        path=link.get("path", ""),
        similar=link.get("similar", "") if corpus == ask.corpus else "",
    ).known(services.corpus(ask.corpus))


def offered_ask(services: Services, ask: Ask) -> Ask:
    """The ask, or where what it names is no longer offered or not in its corpus, the default in its place."""
    default, lanes = default_ask(services), lane_choices(services.models)
    if ask.corpus not in services.corpora:
        ask = ask.in_corpus(default.corpus)
    ask = replace(ask, a=ask.a if ask.a in lanes else default.a, b=ask.b if ask.b in lanes else default.b)
    return ask.known(services.corpus(ask.corpus))


def languages(services: Services, ask: Ask) -> list[str]:
    """Choices of the language filter, most frequent first; before the corpus is read, what was asked for."""
    corpus = services.corpus(ask.corpus)
    return list(dict.fromkeys((ANY, *(corpus.languages if corpus else (ask.language,)))))


def kinds(services: Services, ask: Ask) -> list[str]:
    """Choices of the kind filter, most frequent first; before the corpus is read, what was asked for."""
    corpus = services.corpus(ask.corpus)
    return list(dict.fromkeys((ANY, *(corpus.kinds if corpus else (ask.kind,)))))


class Surroundings(NamedTuple):
    """What stands around the answers, and changes while something is prepared.

    settled: which of the steps that an ask depends on are over; once another one is, answers are out of date.
    """

    head: Markup
    banner: Markup
    settled: tuple[bool, ...]


def surroundings(services: Services, ask: Ask, judged: int = 0) -> Surroundings:
    """judged: how many marks the corpus has."""
    steps = services.steps(ask.corpus)
    shown = (None, ask.lane("a").model, ask.lane("b").model)
    needed = tuple(step for step in steps if step.model in shown)
    return Surroundings(
        states.header(ask.corpus, steps, services.corpus(ask.corpus), judged),
        states.banner(needed, time.monotonic()),
        tuple(step.settled for step in needed),
    )


class Answers(NamedTuple):
    """What stands above the columns (or instead of them), and the left and right column."""

    top: Markup
    a: Markup = NOTHING
    b: Markup = NOTHING


def answers(services: Services, ask: Ask, verdicts: Verdicts | None = None) -> Answers:
    """verdicts: those given for the query so far; None for a visitor who may not give any.

    The top carries the permalink, which page.js puts into the address bar.
    """
    shown = _answers(services, ask, verdicts)
    link = Markup('<span hidden data-link="{}"></span>').format(urlencode(ask.link, errors="replace"))
    return shown._replace(top=link + shown.top)


def _answers(services: Services, ask: Ask, verdicts: Verdicts | None) -> Answers:
    if ask.is_blank:
        lanes = ask.lane("a"), ask.lane("b")
        return Answers(states.empty(ask.corpus, services.corpus(ask.corpus), *lanes, verdicts is not None))
    a, b = _answer(services, ask, "a"), _answer(services, ask, "b")
    above = _like(services, ask) if ask.similar else _NOT_ALIKE
    if isinstance(a.error, StillReading):
        return Answers(above + states.still_reading(ask.corpus))
    if a.error and str(a.error) == str(b.error):  # what was asked is at fault, not one of the lanes
        return Answers(above + states.failed(str(a.error)))
    look = Look(
        ask.words, ask.corpus, filtered=ask.filter != EVERYTHING, verdicts=None if ask.similar else verdicts
    )
    return Answers(above + strip(a, b) + switch(a, b), column_html(a, b, look), column_html(b, a, look))


def _answer(services: Services, ask: Ask, side: Side) -> Column:
    lane = ask.lane(side)
    try:
        if ask.similar:
            result = services.similar(ask.similar, ask.k, ask.corpus, lane, ask.filter)
        else:
            result = services.search(ask.q, ask.k, ask.corpus, lane, ask.filter)
    except StudioError as error:
        return Column(side, lane, error=error)
    return Column(side, lane, result)


def _like(services: Services, ask: Ask) -> Markup:
    document = services.document(ask.corpus, ask.similar)
    return like(document, ask.q) if document else states.like_nothing(ask.q)
