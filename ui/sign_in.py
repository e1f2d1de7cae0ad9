"""Signing in with the admin token: a page and its form outside Gradio, which would keep what is typed."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ui.access import COOKIE, SIGNED_IN_S, Access
from ui.markup import NOTHING, join, stylesheet

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
PATHS = (SIGN_IN, SIGN_OUT)
LOGIN, LOGOUT = "/login/huggingface", "/logout"
"""Gradio's own, on a Space."""
TRIES_A_MINUTE = 10
_DELAY_S = 0.5
"""How long the answer to a wrong token takes."""

_PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in · Code Search Studio</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><style>{styles}</style></head><body>'
    # The theme of the page: the visitor's choice, or the system's.
    "<script>let kept = null; try {{ kept = localStorage.getItem('studio-theme'); }} catch {{}}"
    " document.body.classList.toggle('dark', kept ? kept === 'dark'"
    " : matchMedia('(prefers-color-scheme: dark)').matches);</script>"
    "<main><h1>Sign in</h1><p>Searching is open. Adding corpora, measuring, training and publishing are for"
    ' the owner.</p>{ways}<p><a href="./">Back to the search</a></p></main></body></html>'
)
_FORM = Markup(
    '<form method="post" action="sign-in"><label for="token">Admin token</label>'
    '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus{}>{}'
    "<button>Sign in</button></form>"
)
_PROBLEM = Markup('<p id="problem" role="alert">{}</p>')
_SIGN_OUT = Markup(
    '<form method="post" action=".{}"><button class="cs-link">Sign out</button></form>'
).format(SIGN_OUT)
_LOGIN = Markup('<p><a class="button" href=".{}">Sign in with Hugging Face</a></p>').format(LOGIN)


def sign_in_page(access: Access, problem: str = "") -> Markup:
    """problem: why the last try failed."""
    described = Markup(' aria-invalid="true" aria-describedby="problem"') if problem else NOTHING
    ways = [
        _FORM.format(described, _PROBLEM.format(problem) if problem else NOTHING)
        if access.has_token
        else NOTHING,
        _LOGIN if access.way_in == "login" else NOTHING,
    ]
    if not any(ways):
        ways = [Markup("<p>{}</p>").format(access.hint)]
    return _PAGE.format(styles=stylesheet("tokens", "sign_in"), ways=join(ways))


def account(access: Access, *, owner: bool) -> Markup:
    """What the header offers: to sign in, or to sign out again."""
    if owner:
        return _SIGN_OUT
    return Markup('<a class="cs-link" href=".{}">Sign in</a>').format(
        LOGIN if access.way_in == "login" else SIGN_IN
    )


class _Tries:
    """Wrong tokens of the last minute, by the address that they came from."""

    def __init__(self) -> None:
        self._wrong: deque[tuple[float, str]] = deque(maxlen=10_000)

    def exhausted(self, address: str) -> bool:
        recent = time.monotonic() - 60
        while self._wrong and self._wrong[0][0] < recent:
            self._wrong.popleft()
        return sum(tried == address for _, tried in self._wrong) >= TRIES_A_MINUTE

    def add(self, address: str) -> None:
        self._wrong.append((time.monotonic(), address))


def routes(access: Access) -> list[Route]:
    tries = _Tries()

    async def show(request: Request) -> Response:
        return _answer(sign_in_page(access))

    async def sign_in(request: Request) -> Response:
        address = request.client.host if request.client else ""
        if tries.exhausted(address):
            return _answer(sign_in_page(access, "Too many wrong tokens: try again in a minute."), 429)
        async with request.form() as form:
            cookie = access.sign_in(str(form.get("token", "")).strip())
        if cookie is None:
            tries.add(address)
            await asyncio.sleep(_DELAY_S)
            return _answer(sign_in_page(access, "This is not the admin token."), 403)
        answer = RedirectResponse("./", 303)
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        answer.set_cookie(
            COOKIE, cookie, max_age=SIGNED_IN_S, httponly=True, samesite="strict", secure=secure
        )
        return answer

    async def sign_out(request: Request) -> Response:
        answer = RedirectResponse(f".{LOGOUT}" if access.way_in == "login" else "./", 303)
        answer.delete_cookie(COOKIE)
        return answer

    return [
        Route(SIGN_IN, show, methods=["GET"]),
        Route(SIGN_IN, sign_in, methods=["POST"]),
        Route(SIGN_OUT, sign_out, methods=["POST"]),
    ]


def _answer(page: Markup, status: int = 200) -> HTMLResponse:
    return HTMLResponse(page, status, {"Cache-Control": "no-store"})
