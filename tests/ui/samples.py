"""Documents and columns to render, without a search behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from search_core.types import Document, Hit, Mode, SearchResult
from ui.lanes import Column, Lane, Side

HOSTILE = (
    '<img src=x onerror="window.__x=1"></script><script>window.__x=2</script>'
    + "${window.__x=3} {{value}} `\u202e"
)
"""Breaks whatever puts text into HTML, or into a template, without escaping it."""

FUNCTION = Document(
    id="f",
    text="def f():\n    pass\n",
    encoded="",
    path="pkg/f.py",
    symbol="f",
    kind="function",
    language="python",
    start_line=1,
    end_line=2,
)


def document(text: str, **fields: Any) -> Document:
    return replace(FUNCTION, text=text, **fields)


def column(
    side: Side,
    found: Sequence[str | Document],
    model: str | None,
    mode: Mode = "dense",
    served: Mode | None = None,
) -> Column:
    """A column that found the named documents in this order. served: the mode, where another one served."""
    documents = [one if isinstance(one, Document) else replace(FUNCTION, id=one, symbol=one) for one in found]
    hits = [Hit(rank, 1 / rank, one) for rank, one in enumerate(documents, 1)]
    lexical = (served or mode) == "lexical"
    return Column(
        side, Lane(model, mode), SearchResult(None if lexical else model, served or mode, 17.4, hits)
    )


SOURCES = {
    "shapes/area.py": '''def circle_area(radius):
    """Surface of a circle from its radius."""
    return 3.14159 * radius ** 2


def square_area(side):
    """Surface of a square from its side."""
    return side * side
''',
    "net/fetch.py": '''def download_file(url, target):
    """Download a file over HTTP and write it to disk."""
    with urlopen(url) as response, open(target, "wb") as out:
        out.write(response.read())


class Retry:
    """Repeats a failed request with growing pauses."""

    def backoff_seconds(self, attempt):
        """Pause before the next attempt, doubling each time."""
        return 2 ** attempt
''',
}


def write_sources(root: Path) -> str:
    """A corpus of five documents: three functions, a class and its method. Returns its spec."""
    for path, text in SOURCES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return str(root)
