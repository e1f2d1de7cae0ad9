"""Result cards and the columns they stand in."""

from __future__ import annotations

from markupsafe import Markup

from search_core.types import Document, Hit, Mode
from ui.code_html import code_block, language_name
from ui.lanes import Column
from ui.markup import NOTHING, icon, join, visible
from ui.states import failed, no_match

SCORES: dict[Mode, str] = {"dense": "cosine similarity", "lexical": "keyword score", "hybrid": "fused score"}


def column_html(column: Column, other: Column, query: str, corpus: str, *, filtered: bool = False) -> Markup:
    """One column whole: its heading, then cards, or the note that says why there are none."""
    if column.error is not None:
        chips, body = Markup('<span class="cs-chip bad">failed</span>'), failed(str(column.error))
    elif column.result is None or not column.result.hits:
        chips, body = _served(column), no_match(query, filtered=filtered)
    else:
        against = other if column.differs_from(other) else None
        chips, body = _served(column), join(_card(hit, query, column, against) for hit in column.result.hits)
    return Markup(
        '<section class="cs-col {side}" data-corpus="{corpus}" aria-label="{name}, {method}">'
        '<div class="cs-colhead"><span class="cs-dot"></span><h2>{name}</h2>'
        '<span class="cs-method">{method}</span><span class="cs-grow"></span>{chips}</div>{body}</section>'
    ).format(
        side=column.side,
        corpus=corpus,
        name=visible(column.lane.name),
        method=column.lane.method,
        chips=chips,
        body=body,
    )


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


def _card(hit: Hit, query: str, column: Column, other: Column | None) -> Markup:
    document, name = hit.document, title(hit.document)
    return Markup(
        '<article class="cs-card" data-id="{id}" aria-label="{rank}. {name}" tabindex="-1"><header>'
        '<span class="cs-rank">{rank}</span>{movement}<h3 title="{name}">{name}</h3>{score}'
        '<div class="cs-tools"><button type="button" class="cs-tool" data-do="copy" aria-label="Copy {name}"'
        ' title="Copy">{copy}</button></div><p class="cs-place">{place}</p></header>{code}</article>'
    ).format(
        id=document.id,
        rank=hit.rank,
        name=name,
        movement=_movement(hit, column, other) if other else NOTHING,
        score=_score(hit, column),
        copy=icon("copy"),
        place=_place(document),
        code=code_block(document, query, f"Code of {name}"),
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
