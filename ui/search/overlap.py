"""How two rankings overlap: counts, a bump chart, and the switch that phones show one column with."""

from __future__ import annotations

from markupsafe import Markup

from search_core.types import Hit
from ui.lanes import Column
from ui.markup import NOTHING, join, visible
from ui.search.cards import title

_WIDTH, _HEIGHT, _TOP, _BOTTOM, _MARGIN = 360, 52, 11, 41, 8
"""Units of the bump chart's view box."""


def strip(a: Column, b: Column) -> Markup:
    """Nothing where there is nothing to compare."""
    if not a.differs_from(b):
        return NOTHING
    ranks_a, ranks_b = a.ranks, b.ranks
    shared = ranks_a.keys() & ranks_b.keys()
    return Markup(
        '<div class="cs-strip" role="group" aria-label="How the two rankings overlap">'
        '<div class="cs-share"><b>{shared}</b>'
        "<span>of {count} shared<br><em>Jaccard {jaccard:.2f}</em></span></div>"
        '<div class="cs-bumpbox"><span class="a">{a}</span>{chart}<span class="b">{b}</span></div>'
        "<dl><div><dt>Biggest climb</dt><dd>{climb}</dd></div>"
        "<div><dt>New in {b}</dt><dd>{new}</dd></div></dl></div>"
    ).format(
        shared=len(shared),
        count=max(len(ranks_a), len(ranks_b)),
        jaccard=len(shared) / len(ranks_a.keys() | ranks_b.keys()),
        a=visible(a.lane.name),
        b=visible(b.lane.name),
        chart=_bump_chart(a, b),
        climb=_biggest_climb(ranks_a, b),
        new=len(ranks_b.keys() - shared),
    )


def switch(a: Column, b: Column) -> Markup:
    """Phones show one column: the right one first, unless that is keywords beside a model."""
    first = a if b.lane.mode == "lexical" else b
    button = Markup(
        '<button type="button" data-do="side" data-side="{}" aria-pressed="{}">{} <span>{}</span></button>'
    )
    buttons = join(
        button.format(
            column.side, "true" if column is first else "false", visible(column.lane.name), column.latency
        )
        for column in (a, b)
    )
    return Markup('<div class="cs-switch" role="group" aria-label="Column shown">{}</div>').format(buttons)


def _biggest_climb(ranks_a: dict[str, int], b: Column) -> Markup:
    """The hit that rose most from the left ranking to the right one; the better placed wins a tie."""
    hits = b.result.hits if b.result else ()

    def climb(hit: Hit) -> int:
        return ranks_a.get(hit.document.id, hit.rank) - hit.rank

    best = max(hits, key=climb, default=None)
    if best is None or climb(best) <= 0:
        return Markup("none")
    return Markup('<span class="cs-move up">▲{}</span> <code>{}</code>').format(
        climb(best), title(best.document)
    )


def _bump_chart(a: Column, b: Column) -> Markup:
    """Ranks of the left column above, of the right one below, a line for each shared hit."""
    ranks_a, ranks_b = a.ranks, b.ranks
    step = (_WIDTH - 2 * _MARGIN) / (max(len(ranks_a), len(ranks_b), 2) - 1)

    def x(rank: int) -> float:
        return _MARGIN + (rank - 1) * step

    def dots(ranks: dict[str, int], others: dict[str, int], side: str, y: int) -> Markup:
        dot = Markup('<circle class="{}{}" cx="{:.1f}" cy="{}" r="4"/>')
        return join(
            dot.format(side, "" if id in others else " lone", x(rank), y) for id, rank in ranks.items()
        )

    line = Markup('<line class="{}" data-id="{}" x1="{:.1f}" y1="{}" x2="{:.1f}" y2="{}"/>')
    lines = join(
        line.format(_direction(rank, ranks_b[id]), id, x(rank), _TOP, x(ranks_b[id]), _BOTTOM)
        for id, rank in ranks_a.items()
        if id in ranks_b
    )
    shared = len(ranks_a.keys() & ranks_b.keys())
    words = f"{shared} shared hits, linked from their rank in {a.lane.name} to their rank in {b.lane.name}"
    return Markup('<svg class="cs-bump" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        _WIDTH,
        _HEIGHT,
        visible(words),
        lines,
        dots(ranks_a, ranks_b, "a", _TOP),
        dots(ranks_b, ranks_a, "b", _BOTTOM),
    )


def _direction(rank_a: int, rank_b: int) -> str:
    return "up" if rank_b < rank_a else "down" if rank_b > rank_a else "same"
