"""Who may do what: searching is open, everything else is for the owner. The only place that decides it."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import gradio as gr
from starlette.requests import HTTPConnection

from search_core.settings import VARIABLES
from search_core.types import StudioError

WayIn = Literal["open", "login", "token", "closed"]

COOKIE = "studio_owner"
"""Holds what `Access.sign_in` returns."""
SIGNED_IN_S = 7 * 24 * 3600

_LOCAL = ("localhost", "127.0.0.1", "::1")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""What a reverse proxy adds: the visitor behind it is somewhere else."""
_TOKEN = VARIABLES["admin_token"][0]
_HINTS: dict[WayIn, str] = {
    "open": f"Open it under localhost on the machine it runs on, or start it with {_TOKEN} set.",
    "login": "Sign in with Hugging Face.",
    "token": "Sign in at /sign-in, or send the admin token as “Authorization: Bearer TOKEN”.",
    "closed": f"It has none until it is started with {_TOKEN} set.",
}


class NotAllowed(StudioError):
    """For the owner alone."""


class Access:
    """Decides for each request whether the owner makes it.

    host: the address the server listens on.
    token: the admin token; whoever presents it is the owner.
    environment: says whether this is a Space with Hugging Face login, and whose.
    """

    def __init__(
        self,
        host: str,
        token: str | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._listens_locally = host in _LOCAL
        self._token = token
        self._space_owner = _space_owner(environment)
        self._space_hosts = environment.get("SPACE_HOST", "").split(",")

    @property
    def way_in(self) -> WayIn:
        """How a visitor becomes the owner; open: by being on this machine."""
        if self._space_owner:
            return "login"
        if self._token:
            return "token"
        return "open" if self._listens_locally else "closed"

    @property
    def has_token(self) -> bool:
        return self._token is not None

    @property
    def hint(self) -> str:
        """A sentence: how to become the owner here."""
        return _HINTS[self.way_in]

    def is_owner(self, request: gr.Request | HTTPConnection) -> bool:
        """request: Gradio's, which listeners get, or Starlette's, which server functions and routes get."""
        connection = request.request if isinstance(request, gr.Request) else request
        if self._bears_token(connection):
            return True
        # Everything below a browser adds by itself, to what foreign pages send too.
        return self._from_own_page(connection) and (
            self.is_local(connection) or self._signed_in(connection) or self._logged_in(connection)
        )

    def require(self, request: gr.Request | HTTPConnection, what: str) -> None:
        """what: the start of a sentence, such as "Adding a corpus". Raises NotAllowed."""
        if not self.is_owner(request):
            raise NotAllowed(f"{what} is for the owner of this studio. {self.hint}")

    def is_local(self, connection: HTTPConnection) -> bool:
        """Whether it comes from this machine: not through a proxy, nor under another name (DNS rebinding)."""
        headers = connection.headers
        return (
            self._listens_locally
            and _hostname(headers.get("host", "")) in _LOCAL
            and not any(name in headers for name in _FORWARDED)
        )

    def sign_in(self, given: str) -> str | None:
        """The value of COOKIE that makes a browser the owner's for SIGNED_IN_S; None for a wrong token."""
        return self._signed(str(int(time.time()) + SIGNED_IN_S)) if self._is_token(given) else None

    def _is_token(self, given: str) -> bool:
        return self._token is not None and _equal(given, self._token)

    def _bears_token(self, connection: HTTPConnection) -> bool:
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_token(given.strip())

    def _from_own_page(self, connection: HTTPConnection) -> bool:
        origin = connection.headers.get("origin")
        if origin is None:  # no browser's, or a browser's that only reads
            return True
        host = origin.partition("://")[2]  # nothing for a page that hides where it is from
        return bool(host) and host in (connection.headers.get("host"), *self._space_hosts)

    def _signed_in(self, connection: HTTPConnection) -> bool:
        cookie = connection.cookies.get(COOKIE, "")
        expires = cookie.partition(".")[0]
        ours = self._token is not None and _equal(cookie, self._signed(expires))
        return ours and int(expires) > time.time()

    def _signed(self, expires: str) -> str:
        key = (self._token or "").encode()
        return f"{expires}.{hmac.new(key, f'owner until {expires}'.encode(), hashlib.sha256).hexdigest()}"

    def _logged_in(self, connection: HTTPConnection) -> bool:
        """As the owner of the Space. Nothing is read elsewhere: Gradio's session has a public key there."""
        if self._space_owner is None:
            return False
        login: Mapping[str, Any] | None = connection.scope.get("session", {}).get("oauth_info")
        if login is None or login.get("expires_at", 0) < time.time():
            return False
        return bool(login["userinfo"]["preferred_username"] == self._space_owner)


def _space_owner(environment: Mapping[str, str]) -> str | None:
    """Whose Space with login this is, if it is one. Gradio signs its session with the secret."""
    needed = ("SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "SPACE_AUTHOR_NAME")
    if environment.get("SYSTEM") != "spaces" or not all(environment.get(name) for name in needed):
        return None
    return environment["SPACE_AUTHOR_NAME"]


def _hostname(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:  # such as an unfinished IPv6 address
        return None


def _equal(given: str, secret: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode(), secret.encode())
