"""What Gradio's routes may be asked: they take, keep and fetch more than this page needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui import sign_in
from ui.access import Access

MAX_BODY_BYTES = 1_000_000
"""Of what a visitor sends. A query has at most 10,000 characters; the page sends it with its other inputs."""

# What this page does not use: they write files, make the server fetch addresses, or poll without an end.
_UNUSED = re.compile(
    r"/gradio_api/(deep_link|proxy=|process_recording|custom_component|dev/|(undo-)?vibe-|file[=/]https?:)",
    re.IGNORECASE,
)
_UPLOAD = "/gradio_api/upload"
_FILE = '"_type": "gradio.FileData"'
_HEADERS: Mapping[str, str] = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class Gate:
    """ASGI middleware. Visitors send small JSON that names no file; uploads are for the owner.

    embedders: origins whose pages may show this one in a frame. No others: who clicks in a frame does not see
    what on, and on this machine everyone is the owner.
    """

    def __init__(self, app: ASGIApp, access: Access, embedders: Sequence[str] = ()) -> None:
        self._app = app
        self._access = access
        frames = " ".join(("frame-ancestors 'self'", *embedders))
        self._headers = {**_HEADERS, "Content-Security-Policy": frames}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal, receive = await self._checked(scope, receive)
        await (refusal or self._app)(scope, receive, _with_headers(send, self._headers))

    async def _checked(self, scope: Scope, receive: Receive) -> tuple[PlainTextResponse | None, Receive]:
        """The refusal, if there is one; and where to read the request from, parts of which have been read."""
        path, connection = scope["path"], HTTPConnection(scope)
        if _UNUSED.search(path):
            return PlainTextResponse("This page does not use that.", 404), receive
        if scope["method"] in ("GET", "HEAD", "OPTIONS") or self._access.is_owner(connection):
            return None, receive
        if path.startswith(_UPLOAD):
            return PlainTextResponse(f"Uploading is for the owner. {self._access.hint}", 403), receive
        body = await _read(receive)
        if body is None:
            return PlainTextResponse(f"At most {MAX_BODY_BYTES:,} bytes are accepted.", 413), receive
        if body and path not in sign_in.PATHS and not _names_no_file(body):
            return PlainTextResponse("Only JSON without files is accepted.", 403), receive
        return None, _again(body, receive)


async def _read(receive: Receive) -> bytes | None:
    """The body; None where it is longer than a visitor's may be."""
    body = b""
    while len(body) <= MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):  # a disconnection, too
            return body if len(body) <= MAX_BODY_BYTES else None
    return None


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that has been read, then whatever comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return messages.pop() if messages else await receive()

    return received


def _names_no_file(body: bytes) -> bool:
    """Gradio fetches what such an object names, path or address, for a component of any kind."""
    try:
        return _FILE not in json.dumps(json.loads(body))  # written anew: nothing hides behind an escape
    except (ValueError, RecursionError):
        return False


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return sent
