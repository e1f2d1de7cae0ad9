"""The Hugging Face Hub as whoever writes to it needs it: names, the login, and its refusals in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from search_core.types import StudioError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

HUB_TIMEOUT_S = 5.0
"""For the first question to the Hub; uploads take as long as they need."""
TOKEN = re.compile(r"[\w.=-]+", re.ASCII)
LOGIN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"


def check_name(repo_id: str) -> None:
    """Raises StudioError for what cannot name a repository."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.errors import HFValidationError

    try:
        hf_hub_url(repo_id, "README.md")  # asks nobody, but checks the name
        well_named = "/" in repo_id
    except HFValidationError:
        well_named = False
    if not well_named:
        raise StudioError(
            f"{repo_id!r} is no repository name: it must be OWNER/NAME of letters, digits, '-', '_' and '.', "
            "the name at most 96, without '--' or '..', not beginning or ending with '-' or '.', nor ending "
            "in '.git'."
        )


def connect(token: str | None) -> HfApi:
    """The Hub, as the owner of the token, or of the login where it is None.

    Raises StudioError where there is no login, and within seconds where the Hub does not answer.
    """
    import httpx2
    from huggingface_hub import HfApi, get_session, get_token, hf_raise_for_status

    token = get_token() if token is None else token
    if not token:
        raise StudioError(f"You are not logged in to the Hugging Face Hub: {LOGIN}.")
    if not TOKEN.fullmatch(token):  # the client would quote it in its complaint
        raise StudioError(f"Your token for the Hugging Face Hub is malformed: {LOGIN}.")
    api = HfApi(token=token)
    try:
        answer = get_session().get(
            f"{api.endpoint}/api/whoami-v2",
            headers={"authorization": f"Bearer {token}"},
            timeout=HUB_TIMEOUT_S,
        )
    except (httpx2.TransportError, ConnectionError) as error:
        raise StudioError(
            f"The Hugging Face Hub ({api.endpoint}) cannot be reached ({type(error).__name__}): "
            "go online and publish again."
        ) from error
    hf_raise_for_status(answer)
    return api


@contextmanager
def explained(repo_id: str) -> Iterator[None]:
    """Turn what the Hub, its client and the network say into a sentence with the way out."""
    import httpx2

    try:
        yield
    except (httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) else None  # the upload threads wrap it
        raise StudioError(_sentence(repo_id, cause or error)) from error


def _sentence(repo_id: str, error: BaseException) -> str:
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        said = _one_line(error.server_message or error.response.reason_phrase)
        match status:
            case 401:
                return f"The Hugging Face Hub does not accept your token, it may have expired: {LOGIN}."
            case 403:
                return f"Your token may not write to {repo_id} ({said}): {LOGIN}, or choose another name."
            case 409:
                return f"{repo_id} is being changed by somebody else ({said}): publish again in a moment."
        return f"The Hugging Face Hub refused {repo_id} ({status}: {said})."
    if isinstance(error, ValueError):
        return f"The Hugging Face Hub refused what was sent to {repo_id}: {_one_line(str(error))}"
    return (
        f"The connection to the Hugging Face Hub was lost ({type(error).__name__}): publish {repo_id} again, "
        "what has arrived is not sent twice."
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
