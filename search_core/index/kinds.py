"""Which index fits how many vectors; docs/decisions/index.md has the figures."""

from __future__ import annotations

import math
from typing import Literal

from search_core.settings import Settings

EXACT_BELOW = 200_000
LISTS_PER_ROOT = 4
POINTS_PER_LIST = 39
"""Training vectors per inverted list: the fewest that FAISS accepts without a warning."""


def kind_for(size: int, settings: Settings) -> Literal["exact", "ivf"]:
    """What the settings ask for, or what fits the size; always exact where too few could train lists."""
    if size < POINTS_PER_LIST:
        return "exact"
    if settings.index_kind == "auto":
        return "exact" if size < EXACT_BELOW else "ivf"
    return settings.index_kind


def lists_for(size: int) -> int:
    """4·√size inverted lists, or as many as there are training vectors for."""
    return max(1, min(round(LISTS_PER_ROOT * math.sqrt(size)), size // POINTS_PER_LIST))
