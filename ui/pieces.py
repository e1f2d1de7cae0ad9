"""What every tab is built with: markup as a component, listeners that show no progress of Gradio's own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from markupsafe import Markup

from search_core.types import StudioError
from ui.markup import NOTHING

P = ParamSpec("P")
R = TypeVar("R")

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Options of every listener: states are shown by our own pieces, named endpoints stand in api.py."""


def html(value: Markup = NOTHING, **options: Any) -> gr.HTML:
    """A piece of the page's own markup. Gradio would not escape it, so only Markup comes in."""
    return gr.HTML(value, apply_default_css=False, **{"js_on_load": None, **options})


def relay(*actions: str, event: str = "act") -> str:
    """`js_on_load` of a piece whose buttons `data-do=ACTION` call the listener of its event.

    The event's data: `do`, `id` (of the nearest `data-id`), `query` and `on` (`data-query` and
    `aria-pressed` of the button). All of it is untrusted.
    """
    return (
        (
            """element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-do]');
  if (!button || !ACTIONS.includes(button.dataset.do)) return;
  trigger('EVENT', {do: button.dataset.do, id: button.closest('[data-id]')?.dataset.id ?? '',
    query: button.dataset.query ?? button.textContent, on: button.getAttribute('aria-pressed') === 'true'});
});"""
        )
        .replace("ACTIONS", str(list(actions)))
        .replace("EVENT", event)
    )


def told(function: Callable[P, R]) -> Callable[P, R]:
    """What the caller can mend reaches the caller as a sentence."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except StudioError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return wrapped
