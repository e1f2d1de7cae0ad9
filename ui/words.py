"""Figures in words, as every tab says them."""

from __future__ import annotations


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
