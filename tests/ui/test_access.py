"""Who the owner is, decided from a request alone."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from ui.access import COOKIE, SIGNED_IN_S, Access, NotAllowed

TOKEN = "correct-horse-battery-staple"  # noqa: S105
EVERYWHERE = "0.0.0.0"  # noqa: S104
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "owner/studio",
    "SPACE_AUTHOR_NAME": "owner",
    "SPACE_HOST": "owner-studio.hf.space,studio.example",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
}


def request(session: dict[str, Any] | None = None, **headers: str) -> Request:
    """Headers are written with _ for -; Host is this machine's unless it is given."""
    sent = {"host": "localhost:7860"} | headers
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()]
    return Request({"type": "http", "headers": raw, "session": session or {}})


def login(username: str, left_s: float = 3_600) -> dict[str, Any]:
    profile = {"preferred_username": username}
    return {"oauth_info": {"expires_at": time.time() + left_s, "userinfo": profile}}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
@pytest.mark.parametrize("asked", ["localhost", "127.0.0.1:7860", "[::1]:7860"])
def test_on_this_machine_everyone_is_the_owner(host: str, asked: str) -> None:
    assert Access(host).is_owner(request(host=asked))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "foreign.example"},  # a name that was made to lead here, or a proxy's
        {"host": "[::1"},
        {"host": ""},
        {"origin": "https://foreign.example"},  # a page elsewhere, in a browser here
        {"origin": "http://localhost:8000"},  # another program's page
        {"origin": "null"},
        {"x_forwarded_for": "192.0.2.1"},  # through a proxy that keeps its own name
        {"x_forwarded_host": "studio.example"},
        {"forwarded": "for=192.0.2.1"},
    ],
    ids=str,
)
def test_a_request_from_elsewhere_is_nobodys_though_it_arrives_locally(headers: dict[str, str]) -> None:
    assert not Access("127.0.0.1").is_owner(request(**headers))


def test_the_pages_own_requests_are_from_here() -> None:
    assert Access("127.0.0.1").is_owner(request(origin="http://localhost:7860"))


def test_gradios_request_is_read_like_starlettes() -> None:
    wrapped = gr.Request(request(host="foreign.example", authorization=f"Bearer {TOKEN}"))
    assert Access(EVERYWHERE, TOKEN).is_owner(wrapped)
    assert not Access(EVERYWHERE, "another token").is_owner(wrapped)


@pytest.mark.parametrize(
    ("header", "owner"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        (f"Bearer {TOKEN}x", False),
        ("Bearer é", False),
        ("Bearer ", False),
    ],
)
def test_a_program_presents_the_token_in_its_header(header: str, owner: bool) -> None:
    assert Access(EVERYWHERE, TOKEN).is_owner(request(authorization=header)) is owner


def test_without_a_token_an_empty_one_opens_nothing() -> None:
    access = Access(EVERYWHERE)
    assert access.sign_in("") is None
    assert not access.is_owner(request(authorization="Bearer "))
    assert not access.is_owner(request(cookie=f"{COOKIE}={Access(EVERYWHERE, '')._signed('9999999999')}"))


def test_a_cookie_lasts_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(EVERYWHERE, TOKEN)
    signed_in = request(cookie=f"{COOKIE}={access.sign_in(TOKEN)}")
    assert access.is_owner(signed_in)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + SIGNED_IN_S + 1)
    assert not access.is_owner(signed_in)


def test_a_cookie_cannot_be_prolonged_and_ends_with_its_token() -> None:
    access = Access(EVERYWHERE, TOKEN)
    value = access.sign_in(TOKEN)
    assert value is not None
    expires, _, signature = value.partition(".")
    for forged in (f"{int(expires) + 1}.{signature}", f"{expires}.", "é.x", "", "9" * 5000):
        assert not access.is_owner(request(cookie=f"{COOKIE}={forged}")), forged
    assert not Access(EVERYWHERE, "a later token").is_owner(request(cookie=f"{COOKIE}={value}"))


def test_a_cookie_counts_only_on_the_page_that_set_it() -> None:
    access = Access(EVERYWHERE, TOKEN)
    cookie = f"{COOKIE}={access.sign_in(TOKEN)}"
    assert access.is_owner(request(cookie=cookie, origin="http://localhost:7860"))
    assert not access.is_owner(request(cookie=cookie, origin="http://localhost:7861"))


@pytest.mark.parametrize(
    ("session", "owner"),
    [
        (login("owner"), True),
        (login("visitor"), False),
        (login("owner", left_s=-1), False),  # the login has run out
        ({"oauth_info": {"userinfo": {"preferred_username": "owner"}}}, False),
        ({}, False),
    ],
)
def test_on_a_space_the_owner_is_logged_in_under_its_name(session: dict[str, Any], owner: bool) -> None:
    assert Access(EVERYWHERE, environment=SPACE).is_owner(request(session)) is owner


@pytest.mark.parametrize(
    "missing", ["SYSTEM", "SPACE_ID", "SPACE_AUTHOR_NAME", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"]
)
def test_a_login_counts_only_where_all_that_makes_a_space_is_there(missing: str) -> None:
    environment = {name: value for name, value in SPACE.items() if name != missing}
    assert not Access(EVERYWHERE, environment=environment).is_owner(request(login("owner")))


@pytest.mark.parametrize(
    ("origin", "owner"),
    [
        ("https://owner-studio.hf.space", True),
        ("https://studio.example", True),
        ("https://huggingface.co", False),
    ],
)
def test_a_space_has_several_names(origin: str, owner: bool) -> None:
    access = Access(EVERYWHERE, environment=SPACE)
    assert access.is_owner(request(login("owner"), host="10.0.0.1", origin=origin)) is owner


@pytest.mark.parametrize(
    ("access", "way_in", "hint"),
    [
        (Access("127.0.0.1"), "open", "Open it under localhost"),
        (Access("127.0.0.1", TOKEN), "token", "Sign in at /sign-in"),
        (Access(EVERYWHERE, TOKEN), "token", "Sign in at /sign-in"),
        (Access(EVERYWHERE, environment=SPACE), "login", "Sign in with Hugging Face."),
        (Access(EVERYWHERE), "closed", "It has none until it is started with CODESEARCH_ADMIN_TOKEN set."),
    ],
)
def test_who_is_refused_reads_how_to_become_the_owner(access: Access, way_in: str, hint: str) -> None:
    assert access.way_in == way_in
    with pytest.raises(NotAllowed, match=f"^Adding a corpus is for the owner of this studio. {hint}"):
        access.require(request(host="foreign.example"), "Adding a corpus")
