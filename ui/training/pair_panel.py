"""What a run would learn from: how many pairs, what was left out and why, and some of them to read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from search_core.types import Document
from train.estimate import Estimate
from train.pairs import REASONS, Pair
from ui.code_html import code_block
from ui.markup import NOTHING, join, visible
from ui.metrics.figures import panel
from ui.training.pair_counts import Counted
from ui.words import about

SHOWN = 6
"""Samples at a time."""
SAMPLE_LINES = 4


def pair_panel(counted: Counted | None, page: int, language: str | None) -> Markup:
    """counted: None while the corpus is being read. page: of the samples. language: the corpus's."""
    if counted is None:
        return _panel("The corpus is being read first.", _waiting())
    if counted.stage == "counting":
        return _panel("Counting them.", _waiting())
    if counted.stage == "failed":
        return _panel("There are none.", Markup('<p class="cs-hint">{}</p>').format(visible(counted.error)))
    kind = (
        "a docstring's first sentence and its function" if counted.source == "docstrings" else "judged pairs"
    )
    return _panel(
        f"{counted.pairs:,} pairs with {counted.functions:,} functions: {kind}",
        _left_out(counted) + _samples(counted.sample, page, language),
    )


def estimate_line(found: Estimate | None, *, must_fetch: bool) -> Markup:
    """must_fetch: whether the base model has to come from the Hub first."""
    if found is None:
        words = "No estimate yet: the model is fetched first." if must_fetch else "Estimating…"
        return Markup('<p class="cs-hint">{}</p>').format(words)
    basis = (
        f"at the {found.pairs_per_s:.0f} pairs a second of run {found.like}"
        if found.like
        else "by the model's size and a matrix product measured here"
    )
    return Markup(
        '<p class="cs-hint">About <b>{}</b>: {} of training, {}, and {} of loading and measuring'
        " before and after. The run goes on when this page is closed.</p>"
    ).format(about(found.total_s), about(found.training_s), basis, about(found.measuring_s))


def problem_line(reason: str) -> Markup:
    return Markup('<p class="cs-problem" role="status">{}</p>').format(visible(reason))


def _panel(note: str, body: Markup) -> Markup:
    return panel("Pairs", note, body)


def _waiting() -> Markup:
    bars = join(Markup('<i style="width:{}%"></i>').format(width) for width in (62, 88, 74, 40, 81, 58))
    return Markup('<div class="cs-bones" role="status" aria-label="Counting the pairs">{}</div>').format(bars)


def _left_out(counted: Counted) -> Markup:
    counts, item = counted.counts, Markup("<li><b>{:,}</b> {}</li>")
    reasons = [item.format(counts[name], words) for name, words in REASONS.items() if counts.get(name)]
    marked = Markup('<p class="cs-hint">{:,} marked as right, {:,} negatives marked as wrong.</p>').format(
        counts.get("marked_right", 0), counts.get("labelled_negatives", 0)
    )
    left_out = Markup(
        '<p class="cs-hint">Left out of {:,} rows: {}</p><ul class="cs-reasons">{}</ul>'
    ).format(counts["rows"], "" if reasons else "none.", join(reasons))
    return left_out + (marked if "marked_right" in counts else NOTHING)


def _samples(sample: Sequence[Pair], page: int, language: str | None) -> Markup:
    pages = max(1, math.ceil(len(sample) / SHOWN))
    shown = sample[page % pages :: pages]  # from all over the corpus, not neighbours
    others = Markup('<button type="button" class="cs-link" data-do="others">Others</button>')
    return Markup('<div class="cs-samples">{}</div>{}').format(
        join(_sample(pair, language) for pair in shown), others if len(sample) > SHOWN else NOTHING
    )


def _sample(pair: Pair, language: str | None) -> Markup:
    lines = pair.positive.splitlines()
    text = "\n".join(lines[:SAMPLE_LINES]) + ("\n…" if len(lines) > SAMPLE_LINES else "")
    code = code_block(Document("", text, "", language=language), "", "The function that answers it")
    return Markup("<article><h3>{}</h3>{}</article>").format(visible(pair.query), code)
