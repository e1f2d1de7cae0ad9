"""Who may do what: searching is open, everything else is for the owner. The only place that decides it."""

from __future__ import annotations

import gradio as gr

from search_core.types import StudioError


class NotAllowed(StudioError):
    """For the owner alone."""


class Access:
    """Decides for each request whether the owner makes it. host: the address the server listens on."""

    def __init__(self, host: str | None) -> None:
        self._local = host in (None, "127.0.0.1", "localhost", "::1")

    def is_owner(self, request: gr.Request) -> bool:
        return self._local

    def require(self, request: gr.Request, what: str) -> None:
        """what: the start of a sentence, such as "Adding a corpus". Raises NotAllowed."""
        if not self.is_owner(request):
            raise NotAllowed(f"{what} is for the owner of this studio.")
