"""What a column shows: a model in a mode, or keywords; and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from search_core.types import Mode, SearchResult, StudioError

KEYWORDS = "keywords"
"""The lane that needs no model: BM25."""
MODEL_MODES: tuple[Mode, ...] = ("dense", "hybrid")
"""Modes of the page's control; lexical needs no model and is a lane of its own."""
_BETWEEN = " · "

Side = Literal["a", "b"]


@dataclass(frozen=True, slots=True)
class Lane:
    """model: needed, and looked at, only where mode is not lexical."""

    model: str | None
    mode: Mode

    @classmethod
    def parsed(cls, choice: str, mode: Mode) -> Lane:
        """`MODEL` follows the mode given, `MODEL · MODE` has its own, `keywords` has no model.

        >>> Lane.parsed("minilm", "hybrid")
        Lane(model='minilm', mode='hybrid')
        >>> Lane.parsed("minilm · dense", "hybrid")
        Lane(model='minilm', mode='dense')
        """
        if choice == KEYWORDS:
            return cls(None, "lexical")
        for own in MODEL_MODES:
            if choice.endswith(_BETWEEN + own):
                return cls(choice.removesuffix(_BETWEEN + own), own)
        return cls(choice, mode)

    @property
    def name(self) -> str:
        return self.model if self.model and self.mode != "lexical" else KEYWORDS

    @property
    def choice(self) -> str:
        """What `parsed` reads as this lane, whatever the page's mode."""
        return KEYWORDS if self.mode == "lexical" else f"{self.model}{_BETWEEN}{self.mode}"

    @property
    def method(self) -> str:
        return {"dense": "by meaning", "hybrid": "by meaning and keywords", "lexical": "BM25"}[self.mode]


def lane_choices(models: Sequence[str]) -> list[str]:
    """What a column can be set to: a model in the page's mode, keywords, or a model in a mode of its own."""
    return [*models, KEYWORDS, *(f"{model}{_BETWEEN}{mode}" for model in models for mode in MODEL_MODES)]


@dataclass(frozen=True, slots=True)
class Column:
    """One lane's answer: a result, or the error that came instead."""

    side: Side
    lane: Lane
    result: SearchResult | None = None
    error: StudioError | None = None

    @property
    def ranks(self) -> dict[str, int]:
        """Document id to rank."""
        return {hit.document.id: hit.rank for hit in self.result.hits} if self.result else {}

    @property
    def latency(self) -> str:
        if self.result is None:
            return "failed"
        return f"{self.result.latency_ms:.0f} ms" if self.result.latency_ms >= 1 else "<1 ms"

    def differs_from(self, other: Column) -> bool:
        """Whether the two can be compared: both have hits, and not from the same model in the same mode."""
        if not self.ranks or not other.ranks or self.result is None or other.result is None:
            return False
        return (self.result.model, self.result.mode) != (other.result.model, other.result.mode)
