"""The sign-in page offers each way of becoming the owner that there is."""

from __future__ import annotations

import pytest

from ui.access import Access
from ui.sign_in import account, sign_in_page

TOKEN = "correct-horse-battery-staple"  # noqa: S105
EVERYWHERE = "0.0.0.0"  # noqa: S104
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "team/studio",
    "SPACE_AUTHOR_NAME": "team",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
}


@pytest.mark.parametrize(
    ("access", "offered"),
    [
        (Access(EVERYWHERE, TOKEN), {'type="password"'}),
        (Access(EVERYWHERE, environment=SPACE), {"./login/huggingface"}),
        (Access(EVERYWHERE, TOKEN, SPACE), {'type="password"', "./login/huggingface"}),
        (Access(EVERYWHERE), {"CODESEARCH_ADMIN_TOKEN"}),
    ],
)
def test_the_page_offers_what_there_is(access: Access, offered: set[str]) -> None:
    page = sign_in_page(access)
    assert {
        way for way in ('type="password"', "./login/huggingface", "CODESEARCH_ADMIN_TOKEN") if way in page
    } == offered


def test_why_a_try_failed_belongs_to_the_field() -> None:
    page = sign_in_page(Access(EVERYWHERE, TOKEN), "<wrong>")
    assert 'aria-invalid="true" aria-describedby="problem"' in page
    assert '<p id="problem" role="alert">&lt;wrong&gt;</p>' in page


def test_nothing_of_the_token_is_on_the_page() -> None:
    assert TOKEN not in sign_in_page(Access(EVERYWHERE, TOKEN))


def test_the_header_offers_the_way_in_to_visitors_and_the_way_out_to_the_owner() -> None:
    assert 'href="./sign-in">Sign in' in account(Access(EVERYWHERE, TOKEN), owner=False)
    assert 'href="./login/huggingface">Sign in' in account(Access(EVERYWHERE, environment=SPACE), owner=False)
    assert 'action="./sign-out"' in account(Access(EVERYWHERE, TOKEN), owner=True)
