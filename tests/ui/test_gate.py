"""What stands before every route of the page."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ui.access import Access
from ui.gate import Gate
from ui.hosting import Hosting


@pytest.mark.parametrize(
    ("hosting", "ancestors"),
    [
        (Hosting(), "'self'"),  # a click on a hidden frame would be the owner's
        (Hosting(space="alice/studio"), "'self' https://huggingface.co https://*.hf.space"),
    ],
)
def test_only_pages_that_are_meant_to_show_this_one_in_a_frame(hosting: Hosting, ancestors: str) -> None:
    gate = Middleware(Gate, access=Access("127.0.0.1"), embedders=hosting.embedders)
    page = Route("/", lambda request: PlainTextResponse("page"))
    with TestClient(Starlette(routes=[page], middleware=[gate])) as client:
        headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == f"frame-ancestors {ancestors}"
    assert headers["X-Content-Type-Options"] == "nosniff"
