"""The Train tab: its components and what they do."""

from __future__ import annotations

import gradio as gr

from ui.access import Access
from ui.services import Services


def build(services: Services, access: Access, tab: gr.Tab) -> None:
    """Lay out the Train tab and wire its events; call inside the tab."""
