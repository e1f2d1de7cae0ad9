"""Figures and names in words, as every tab says them."""

from __future__ import annotations

from ui.lanes import KEYWORDS
from ui.markup import visible


def duration(seconds: float) -> str:
    """
    >>> duration(0.4), duration(89), duration(121), duration(3_600 * 2.5)
    ('1 s', '1 min 29 s', '2 min 1 s', '2 h 30 min')
    """
    seconds = max(1, round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def about(seconds: float) -> str:
    """A duration that is only estimated.

    >>> about(7), about(44), about(95), about(540), about(3 * 3600)
    ('10 s', '40 s', '2 minutes', '9 minutes', '3 hours')
    """
    if seconds < 55:
        return f"{max(10, round(seconds, -1)):.0f} s"
    if seconds < 5_400:
        minutes = max(1, round(seconds / 60))
        return f"{minutes} minute{'s' * (minutes > 1)}"
    hours = round(seconds / 3600)
    return f"{hours} hour{'s' * (hours > 1)}"


def percent(done: int, total: int) -> str:
    """How far something is; nothing before its size is known.

    >>> percent(3, 8), percent(0, 0)
    (' 37%', '')
    """
    return f" {100 * done // total}%" if total else ""


def model_name(model: str | None) -> str:
    """Without the folders of this machine.

    >>> model_name("/home/ada/runs/20261125-101500-ab12"), model_name("intfloat/e5-base-v2"), model_name(None)
    ('20261125-101500-ab12', 'intfloat/e5-base-v2', 'keywords')
    """
    return KEYWORDS if model is None else _without_folders(model)


def corpus_name(spec: str) -> str:
    """Without the folders of this machine, and with what would read differently spelled out.

    >>> corpus_name("package:click"), corpus_name("dataset:/data/cosqa"), corpus_name("~/tools")
    ('package:click', 'dataset:cosqa', 'tools')
    """
    kind = "dataset:" if spec.startswith("dataset:") else ""
    return visible(kind + _without_folders(spec.removeprefix(kind)))


def _without_folders(spec: str) -> str:
    return spec.rstrip("/").rpartition("/")[2] if spec.startswith(("/", "~")) else spec
