"""Safe markup for the page's own pieces: no Gradio, so it is tested without a browser.

Templates are `Markup`: `.format()` escapes whatever is not Markup itself, so escaping cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from markupsafe import Markup

NOTHING = Markup("")

_STYLES = Path(__file__).with_name("styles")

# Controls and bidirectional marks can make code read differently from what it is: show them. Nor can
# halves of surrogate pairs, which JSON may hold, be sent to a browser.
_BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = {code: f"␛{code:02X}" for code in (*range(9), 11, 12, *range(14, 32), 127)}
_UNSEEN |= {code: f"⟨U+{code:04X}⟩" for code in (*_BIDIRECTIONAL, *range(0xD800, 0xE000))}

_ICONS = {
    "copy": "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
    "similar": "M2 5.5c2-2.5 4-2.5 6 0s4 2.5 6 0M2 11c2-2.5 4-2.5 6 0s4 2.5 6 0",
    "right": "M3 8.5l3.5 3.5L13 4.5",
    "wrong": "M4 4l8 8M12 4l-8 8",
    "back": "M7 3.5L2.5 8 7 12.5M2.5 8h11",
    "again": "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
    "trash": "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9",
    "theme": "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
    "alert": "M8 2L1.5 13.5h13zM8 6.5v3.5M8 11.8v.4",
}


def visible(text: str) -> str:
    """The text with controls and bidirectional marks spelled out.

    >>> visible("gnp\\u202e.py\\x07")
    'gnp⟨U+202E⟩.py␛07'
    """
    return text.translate(_UNSEEN)


def join(parts: Iterable[Markup], between: Markup = NOTHING) -> Markup:
    return between.join(parts)


@cache
def stylesheet(*names: str) -> Markup:
    """Files of our own styles, one after the other."""
    return Markup("".join((_STYLES / f"{name}.css").read_text("utf-8") for name in names))  # noqa: S704


@cache
def icon(name: str) -> Markup:
    template = Markup('<svg class="cs-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>')
    return template.format(_ICONS[name])
