"""What the Corpora tab says of the models on offer. No Gradio."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ui.corpora.corpora_html import failure, tool
from ui.markup import NOTHING, join, visible
from ui.offering.steps import Step
from ui.states import time_left
from ui.words import model_name


def model_list(steps: Sequence[tuple[str, Sequence[Step]]], *, is_owner: bool, now_s: float) -> Markup:
    """steps: of each model, one for each corpus. now_s: monotonic, the time of steps."""
    rows = (_row(spec, over, now_s, is_owner=is_owner, only=len(steps) == 1) for spec, over in steps)
    return Markup('<ul class="cs-modellist">{}</ul>').format(join(rows))


def _row(spec: str, steps: Sequence[Step], now_s: float, *, is_owner: bool, only: bool) -> Markup:
    name = visible(model_name(spec))
    place = Markup("<small>{}</small>").format(visible(spec)) if name != visible(spec) else NOTHING
    return Markup(
        '<li data-id="{}"><div class="cs-what"><h3>{}</h3>{}</div><p>{}</p><div class="cs-tools">{}</div>'
        "{}</li>"
    ).format(
        visible(spec),
        name,
        place,
        _progress(steps, now_s),
        tool("remove", "trash", "Remove", name) if is_owner and not only else NOTHING,
        _failure(steps, is_owner=is_owner),
    )


def _progress(steps: Sequence[Step], now_s: float) -> Markup:
    ready = sum(step.stage == "ready" for step in steps)
    corpora = "1 corpus" if len(steps) == 1 else f"{len(steps)} corpora"
    words = f"ready over {corpora}" if ready == len(steps) else f"ready over {ready} of {corpora}"
    working = next((step for step in steps if step.stage == "working"), None)
    if working and working.total:
        words += f"; {working.done:,} of {working.total:,} texts of the next one"
        words += time_left(working.seconds_left(now_s))
    elif working:
        words += "; loading"
    return Markup("{}").format(words)


def _failure(steps: Sequence[Step], *, is_owner: bool) -> Markup:
    reasons = dict.fromkeys(step.error for step in steps if step.stage == "failed")
    return failure(reasons, "retry" if is_owner else "") if reasons else NOTHING
