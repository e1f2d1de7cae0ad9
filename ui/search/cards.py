"""Result cards and the columns they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from markupsafe import Markup

from search_core.judgments import Verdict
from search_core.types import Document, Hit, Mode
from ui.code_html import code_block, language_name
from ui.lanes import Column
from ui.markup import NOTHING, icon, join, visible
from ui.states import failed, no_match, way_back

SCORES: dict[Mode, str] = {"dense": "cosine similarity", "lexical": "keyword score", "hybrid": "fused score"}


Verdicts = Mapping[str, Verdict]
"""Content key of a document → what was said of it for the query."""


@dataclass(frozen=True)
class Look:
    """What the cards of both columns have in common.

    query: whose words are marked; empty where the search was with a document. filtered: whether
    something may be missing for that. verdicts: None where there are none to give.
    """

    query: str
    corpus: str
    filtered: bool = False
    verdicts: Verdicts | None = None


def column_html(column: Column, other: Column, look: Look) -> Markup:
    """One column whole: its heading, then cards, or the note that says why there are none."""
    if column.error is not None:
        chips, body = Markup('<span class="cs-chip bad">failed</span>'), failed(str(column.error))
    elif column.result is None or not column.result.hits:
        chips, body = _served(column), no_match(look.query, filtered=look.filtered)
    else:
        against = other if column.differs_from(other) else None
        chips, body = _served(column), join(_card(hit, look, column, against) for hit in column.result.hits)
    return Markup(
        '<section class="cs-col {side}" data-corpus="{corpus}" aria-label="{name}, {method}">'
        '<div class="cs-colhead"><span class="cs-dot"></span><h2>{name}</h2>'
        '<span class="cs-method">{method}</span><span class="cs-grow"></span>{chips}</div>'
        '<{answer} class="cs-answer">{body}</{answer}></section>'
    ).format(
        side=column.side,
        corpus=look.corpus,
        name=visible(column.lane.name),
        method=column.lane.method,
        chips=chips,
        # Gradio patches an element of the same tag in place, card by card: what is read as new would be
        # seen to move, and code still on its way to one card would arrive in another.
        answer=f"cs-{crc32(body.encode()):08x}",
        body=body,
    )


def like(document: Document, query: str) -> Markup:
    """Above the columns where a document is the query. query: where the way back leads."""
    return Markup(
        '<div class="cs-like"><p><span>Code like</span> <b>{}</b></p><p class="cs-place">{}</p>{}</div>'
    ).format(title(document), _place(document), way_back(query))


def title(document: Document) -> str:
    """What a document is called: its symbol, or the place it has in its corpus."""
    return visible(document.symbol or document.path or document.id)


def _served(column: Column) -> Markup:
    """The mode that served and its milliseconds; amber where it is not the mode asked for."""
    if column.result is None:
        return NOTHING
    mode, asked = column.result.mode, column.lane.mode
    chip = (
        Markup('<span class="cs-chip">{}</span>').format(mode)
        if mode == asked
        else Markup('<span class="cs-chip warn">{}, {} not ready</span>').format(mode, asked)
    )
    return Markup('{}<span class="cs-chip number">{}</span>').format(chip, column.latency)


def _card(hit: Hit, look: Look, column: Column, other: Column | None) -> Markup:
    document, name = hit.document, title(hit.document)
    return Markup(
        '<article class="cs-card" data-id="{id}" aria-label="{rank}. {name}" tabindex="-1"><header>'
        '<span class="cs-rank">{rank}</span>{movement}<h3 title="{name}">{name}</h3>{score}'
        '<div class="cs-tools">{tools}{marks}</div><p class="cs-place">{place}</p></header>{code}</article>'
    ).format(
        id=document.id,
        rank=hit.rank,
        name=name,
        movement=_movement(hit, column, other) if other else NOTHING,
        score=_score(hit, column),
        tools=_tools(name),
        marks=_marks(name, look.verdicts.get(document.content_key)) if look.verdicts is not None else NOTHING,
        place=_place(document),
        code=code_block(document, look.query, f"Code of {name}"),
    )


# Pieces that stay the same from search to search are made once: most of a page's time is spent on templates.
@lru_cache(maxsize=4096)
def _tools(name: str) -> Markup:
    return _tool("copy", name, "Copy", "c") + _tool("similar", name, "Find similar code", "s")


@lru_cache(maxsize=4096)
def _marks(name: str, given: Verdict | None) -> Markup:
    marks = (
        _tool(verdict, name, f"Mark as {verdict}", key, given == verdict)
        for verdict, key in (("right", "y"), ("wrong", "n"))
    )
    return Markup('<span class="cs-sep"></span>') + join(marks)


def _tool(do: str, name: str, label: str, key: str, pressed: bool | None = None) -> Markup:
    """pressed: None for a button that does not stay down."""
    return Markup(
        '<button type="button" class="cs-tool" data-do="{do}" aria-label="{label}: {name}"'
        ' title="{label} ({key})"{pressed}>{icon}</button>'
    ).format(
        do=do,
        label=label,
        name=name,
        key=key,
        pressed=NOTHING if pressed is None else Markup(' aria-pressed="{}"').format(str(pressed).lower()),
        icon=icon(do),
    )


def _score(hit: Hit, column: Column) -> Markup:
    mode = column.result.mode if column.result else column.lane.mode
    return Markup('<span class="cs-score" title="{}">{:.3f}</span>').format(SCORES[mode], hit.score)


def _movement(hit: Hit, column: Column, other: Column) -> Markup:
    """How the right column moved a hit; the left one merely says where it went."""
    there, name = other.ranks.get(hit.document.id), visible(other.lane.name)
    where = f"rank {there} in {name}" if there else f"not in the first {len(other.ranks)} of {name}"
    if column.side == "a":
        kind, text = "quiet", f"→ {there or 'out'}"
    elif there is None:
        kind, text = "new", "new"
    elif there > hit.rank:
        kind, text = "up", f"▲{there - hit.rank}"
    elif there < hit.rank:
        kind, text = "down", f"▼{hit.rank - there}"
    else:
        kind, text = "quiet", "="
    return Markup('<span class="cs-move {}" title="{}">{}</span>').format(kind, where, text)


@lru_cache(maxsize=4096)
def _place(document: Document) -> Markup:
    """Path with lines, language, kind: whichever the document has."""
    pieces = []
    if document.path:
        lines = f":{document.start_line}–{document.end_line}" if document.start_line else ""
        pieces.append(_path(visible(document.path) + lines, document.url))
    if document.language:
        pieces.append(Markup("<span>{}</span>").format(language_name(document.language)))
    if document.kind:
        pieces.append(Markup("<span>{}</span>").format(document.kind))
    return join(pieces)


def _path(place: str, url: str | None) -> Markup:
    """Only web addresses become links: a document's url is as hostile as its text."""
    if url and url.startswith(("https://", "http://")):
        link = Markup(
            '<a class="cs-path" href="{}" target="_blank" rel="noreferrer" title="{}"><bdi>{}</bdi></a>'
        )
        return link.format(url, place, place)
    return Markup('<span class="cs-path" title="{}"><bdi>{}</bdi></span>').format(place, place)
