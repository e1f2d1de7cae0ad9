"""Visitors search and read; everything else is for the owner, whichever way it is called."""

from __future__ import annotations

import hashlib
import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from gradio_client import Client
from itsdangerous import TimestampSigner
from playwright.sync_api import Browser, expect

from tests.e2e.agent import called, run
from tests.e2e.caller import Caller
from tests.e2e.openid_server import CLIENT, OpenIdProvider, openid_provider
from tests.e2e.studio import Studio, opened, running

TOKEN = "correct-horse-battery-staple"  # noqa: S105
OWNER = {"Authorization": f"Bearer {TOKEN}"}
EVERYWHERE = "0.0.0.0"  # noqa: S104
REFUSED = "is for the owner of this studio."

FOR_VISITORS = {
    *("page: search", "page: compare_search", "page: corpora", "page: account"),
    *("Search: search", "Search: corpus_chosen", "Search: opened", "Search: look", "Search: returned"),
    "Search: follow",
    *(f"Search: act {action}" for action in ("back", "clear", "example", "retry", "similar")),
    *("Metrics: opened", "Metrics: splits", "Metrics: look", "Metrics: pick pick"),
    *("Metrics: set_against other", *(f"Metrics: walk {action}" for action in ("order", "page", "which"))),
    *("Train: opened", "Train: left", "Train: look", "Train: corpus_chosen", "Train: method_chosen"),
    *("Train: changed", "Train: act choose", "Train: act others"),
    *("Corpora: opened", "Corpora: left", "Corpora: look"),
    *(f"Corpora: corpus_clicked {action}" for action in ("delete", "keep", "skipped")),  # delete asks first
}
"""What the page's functions do without the right: search, show, page through. Everything else is refused."""
SERVER_FUNCTIONS_FOR_VISITORS = {"rest", "text", "download"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("sources")
    functions = (
        'def add(a, b):\n    """Sum of two numbers."""',
        'def read(path):\n    """Text of a file."""',
    )
    (folder / "code.py").write_text("\n\n\n".join(f"{text}\n    return 1" for text in functions))
    return str(folder)


@pytest.fixture(scope="module")
def guarded(corpus: str, conversions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio that anyone may reach, whose owner has the admin token."""
    folder = tmp_path_factory.mktemp("guarded")
    environment = {"CODESEARCH_ADMIN_TOKEN": TOKEN, "GRADIO_TEMP_DIR": str(folder / "uploads")}
    options = "--host", EVERYWHERE, "--model", "minilm"
    with running([corpus], folder, *options, conversions=conversions, environment=environment) as studio:
        studio.wait_for_models(1)
        yield studio


@pytest.fixture(scope="module")
def visitor(guarded: Studio) -> Iterator[Caller]:
    caller = Caller(guarded.url)
    yield caller
    caller.http.close()


def kept(studio: Studio) -> dict[str, Any]:
    """What a visitor must not change: files, and what is on offer."""
    folders = (studio.workspace, studio.workspace.parent / "uploads")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    state = {str(path): path.read_bytes() for path in files}
    with httpx.Client(base_url=studio.url) as http:
        return {**state, "offered": http.get("healthz").json()}


# Every function of the page ---------------------------------------------------------------------


def test_a_visitor_is_refused_every_function_that_is_not_for_visitors(
    guarded: Studio, visitor: Caller
) -> None:
    before = kept(guarded)
    called, open_to_visitors = set(), set()
    for function in visitor.functions():
        called.add(function.name)
        if REFUSED not in visitor.queue(function).text:
            open_to_visitors.add(function.name)
    assert open_to_visitors == FOR_VISITORS
    assert called > FOR_VISITORS
    assert kept(guarded) == before


def test_no_other_route_leads_to_a_function_that_is_refused(guarded: Studio, visitor: Caller) -> None:
    before = kept(guarded)
    refused = [function for function in visitor.functions() if function.name not in FOR_VISITORS]
    assert refused
    for function in refused:
        for answer in (visitor.run(function), visitor.call(function)):
            assert answer.error or REFUSED in answer.text, function.name
    assert kept(guarded) == before


def test_what_is_open_opens_no_place_that_a_visitor_names(
    guarded: Studio, visitor: Caller, tmp_path: Path
) -> None:
    (tmp_path / "secret.py").write_text('def secret_function():\n    """Sum of two numbers."""\n')
    before = kept(guarded)
    functions = [function for function in visitor.functions() if function.name in FOR_VISITORS]
    once = {(*function.name.split()[:2], len(function.data)): function for function in functions}
    for function in once.values():
        for data in _with_each_text_replaced(function.data, str(tmp_path)):
            assert "secret_function" not in visitor.queue(function, data).text, (function.name, data)
    assert kept(guarded) == before


def _with_each_text_replaced(data: Sequence[Any], text: str) -> Iterator[Sequence[Any]]:
    for position, value in enumerate(data):
        if value is None or isinstance(value, str | list):
            yield [*data[:position], [text] if isinstance(value, list) else text, *data[position + 1 :]]


def test_scripts_of_a_visitor_read_nothing_but_what_is_offered(
    visitor: Caller, corpus: str, guarded: Studio
) -> None:
    offered = list(visitor.server_functions())
    assert {name for _, name in offered} == SERVER_FUNCTIONS_FOR_VISITORS
    for component, name in offered:
        for data in ([corpus, "/etc/passwd", ""], ["/etc", "passwd"], ["../../app.log"], None, {"path": "x"}):
            answer = visitor.server_function(component, name, data).text
            assert "root:" not in answer and "Code Search Studio is at" not in answer, (name, data)


# Gradio's own routes -----------------------------------------------------------------------------


def test_uploading_is_for_the_owner(guarded: Studio, visitor: Caller) -> None:
    files = {"files": ("x.zip", b"PK")}
    before = kept(guarded)
    answer = visitor.http.post("gradio_api/upload", files=files)
    assert (answer.status_code, answer.text.partition(".")[0]) == (403, "Uploading is for the owner")
    assert kept(guarded) == before
    assert visitor.http.post("gradio_api/upload", files=files, headers=OWNER).is_success


@pytest.mark.parametrize(
    "body",
    [
        '{"path": "http://127.0.0.1/", "meta": {"_type": "gradio.FileData"}}',
        r'{"path": "/etc/passwd", "meta": {"\u005ftype": "gradio\u002eFileData"}}',
        "no JSON",
        "[" * 100_000,
    ],
    ids=["an address", "an escaped path", "not JSON", "deep"],
)
def test_a_visitor_cannot_have_gradio_fetch_a_file(visitor: Caller, body: str) -> None:
    asked = f'{{"fn_index": 0, "session_hash": "x", "data": [{body}]}}'
    answer = visitor.http.post("gradio_api/queue/join", content=asked)
    assert (answer.status_code, answer.text) == (403, "Only JSON without files is accepted.")


def test_a_visitor_sends_a_megabyte_at_most(visitor: Caller) -> None:
    def unannounced() -> Iterator[bytes]:
        yield from [b"x" * 500_000] * 3

    for content in (b"x" * 1_500_000, unannounced()):
        answer = visitor.http.post("gradio_api/queue/join", content=content)
        assert (answer.status_code, answer.text) == (413, "At most 1,000,000 bytes are accepted.")


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("file=/etc/passwd", 403),
        ("file=app.py", 403),
        ("file=http://127.0.0.1/", 404),
        ("file/https://127.0.0.1/", 404),
        ("proxy=http://127.0.0.1/", 404),
        ("deep_link?session_hash=x", 404),
        ("dev/reload", 404),
        ("vibe-code", 404),
        ("run-history/buckets", 404),
        ("custom_component/x/client/component/x.js", 404),
    ],
)
def test_gradio_serves_nothing_beside_the_page(visitor: Caller, route: str, status: int) -> None:
    assert visitor.http.get(f"gradio_api/{route}").status_code == status


# The admin token ---------------------------------------------------------------------------------


def evaluated(url: str, corpus: str, **client: Any) -> Any:
    """What /evaluate answers, be it an error."""
    program = Client(url, verbose=False, **client)
    try:
        return program.predict(corpus, None, split="train", mode="lexical", api_name="/evaluate")
    except Exception as error:
        return str(error)
    finally:
        program.close()


def test_the_admin_token_makes_a_program_the_owner(guarded: Studio, corpus: str) -> None:
    assert REFUSED in evaluated(guarded.url, corpus)
    assert REFUSED in evaluated(guarded.url, corpus, headers={"Authorization": f"Bearer {TOKEN[:-1]}"})
    assert evaluated(guarded.url, corpus, headers=OWNER)["corpus"] == corpus


def test_the_admin_token_makes_an_agent_the_owner(guarded: Studio, corpus: str) -> None:
    asked = {"corpus": corpus, "model": None, "mode": "lexical", "split": "train"}
    refused = run(called(guarded.url, "evaluate", asked))
    assert refused.isError and REFUSED in refused.content[0].text
    allowed = run(called(guarded.url, "evaluate", asked, OWNER))
    assert json.loads(allowed.content[0].text)["queries"] == 2


def test_a_person_signs_in_and_out_on_the_page(browser: Browser, guarded: Studio) -> None:
    with opened(browser, guarded) as page:
        page.get_by_role("link", name="Sign in").click()
        assert Axe().run(page).violations_count == 0
        page.get_by_label("Admin token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert TOKEN not in cookie["value"]
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Sign in")).to_be_visible()
        assert page.context.cookies() == []


def test_ten_wrong_tokens_a_minute_are_answered(guarded: Studio) -> None:
    with httpx.Client(base_url=guarded.url, headers={"X-Forwarded-For": "192.0.2.1"}) as http:
        tries = [http.post("sign-in", data={"token": "wrong"}) for _ in range(11)]
        assert {answer.status_code for answer in tries[:10]} == {403}
        assert "This is not the admin token." in tries[0].text
        assert tries[10].status_code == 429
        assert http.post("sign-in", data={"token": TOKEN}).status_code == 429
    elsewhere = httpx.post(f"{guarded.url}sign-in", data={"token": TOKEN})
    assert elsewhere.status_code == 303


def test_a_cookie_does_not_work_from_a_foreign_page(guarded: Studio, corpus: str) -> None:
    signed_in = httpx.post(f"{guarded.url}sign-in", data={"token": TOKEN})
    cookie = signed_in.headers["set-cookie"].partition(";")[0]
    assert "metrics" in evaluated(guarded.url, corpus, headers={"Cookie": cookie})
    foreign = {"Cookie": cookie, "Origin": "https://foreign.example"}
    assert REFUSED in evaluated(guarded.url, corpus, headers=foreign)


def test_a_forged_session_is_not_looked_at_where_its_key_is_public(guarded: Studio, corpus: str) -> None:
    login = {"expires_at": time.time() + 3600, "userinfo": {"preferred_username": "owner"}}
    data = b64encode(json.dumps({"oauth_info": login}).encode())
    session = TimestampSigner(hashlib.sha256(b"-v4").hexdigest()).sign(data).decode()
    assert REFUSED in evaluated(guarded.url, corpus, headers={"Cookie": f"session={session}"})


def test_the_token_is_written_nowhere(guarded: Studio) -> None:
    files = [path for path in guarded.log.parent.rglob("*") if path.is_file()]
    assert files
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)


# A Space -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def space(
    corpus: str, provider: OpenIdProvider, conversions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    environment = {
        "SYSTEM": "spaces",
        "SPACE_ID": "owner/studio",
        "SPACE_AUTHOR_NAME": "owner",
        "GRADIO_SERVER_NAME": EVERYWHERE,
        "OAUTH_SCOPES": "openid profile",
        "OPENID_PROVIDER_URL": provider.url,
        **CLIENT,
    }
    folder = tmp_path_factory.mktemp("space")
    with running([corpus], folder, conversions=conversions, environment=environment) as studio:
        studio.wait_for_keywords()
        yield studio


def logged_in(space: Studio, provider: OpenIdProvider, username: str) -> dict[str, str]:
    """The headers of a browser after the login. Its cookie is for https alone, so it is carried by hand."""
    provider.username = username
    address, cookie = f"{space.url}login/huggingface", ""
    with httpx.Client() as http:
        while urlsplit(address).path != "/":
            answer = http.get(address, headers={"Cookie": cookie})
            if sent := re.match(r"session=[^;]+", answer.headers.get("set-cookie", "")):
                cookie = sent[0]
            address = str(answer.url.join(answer.headers["location"]))
    return {"Cookie": cookie}


def test_on_a_space_the_owner_is_who_logs_in_under_its_name(
    space: Studio, provider: OpenIdProvider, corpus: str
) -> None:
    assert f"{REFUSED} Sign in with Hugging Face." in evaluated(space.url, corpus)
    visitor = logged_in(space, provider, "visitor")
    assert REFUSED in evaluated(space.url, corpus, headers=visitor)
    owner = logged_in(space, provider, "owner")
    assert "metrics" in evaluated(space.url, corpus, headers=owner)
    foreign = {**owner, "Origin": "https://foreign.example"}
    assert REFUSED in evaluated(space.url, corpus, headers=foreign)


def test_on_a_space_login_is_offered_and_no_tool_of_its_own(space: Studio) -> None:
    caller = Caller(space.url)
    (account,) = (function for function in caller.functions() if function.name == "page: account")
    assert 'href=\\"./login/huggingface\\"' in caller.queue(account).text
    caller.http.close()
    public = Client(space.url, verbose=False).view_api(return_format="dict")["named_endpoints"]  # type: ignore[index]
    assert set(public) == {"/search", "/compare_search", "/evaluate", "/corpora"}
