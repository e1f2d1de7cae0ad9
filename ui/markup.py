"""Safe markup for the page's own pieces: no Gradio, so it is tested without a browser.

Templates are `Markup`: `.format()` escapes whatever is not Markup itself, so escaping cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

NOTHING = Markup("")

# Controls and bidirectional marks can make code read differently from what it is: show them.
_BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = {code: f"␛{code:02X}" for code in (*range(9), 11, 12, *range(14, 32), 127)}
_UNSEEN |= {code: f"⟨U+{code:04X}⟩" for code in _BIDIRECTIONAL}

_ICONS = {
    "copy": "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
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


def icon(name: str) -> Markup:
    template = Markup('<svg class="cs-icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{}"/></svg>')
    return template.format(_ICONS[name])
