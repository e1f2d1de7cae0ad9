"""Models from the Hugging Face Hub: from its cache where they are whole, else downloaded."""

from __future__ import annotations

from pathlib import Path

from search_core.deadline import within
from search_core.encoder.config import FILES, check_weights
from search_core.types import StudioError


def hub_model(repo_id: str, timeout_s: float) -> Path:
    """The folder of a Hub model in the Hub's own cache.

    Raises StudioError for a malformed, unknown, gated or pickled model, and after
    `timeout_s` where the Hub (HF_ENDPOINT) does not answer.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    check_hub_id(repo_id)
    try:
        cached = Path(snapshot_download(repo_id, local_files_only=True, allow_patterns=list(FILES)))
    except LocalEntryNotFoundError:
        return _download(repo_id, timeout_s)
    return cached if _has_weights(cached) else _download(repo_id, timeout_s)


def check_hub_id(repo_id: str) -> None:
    """Raises StudioError for a malformed one; the Hub is not asked."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise StudioError(
            f"{repo_id!r} is neither minilm, studio, a folder, nor a Hub id such as intfloat/e5-base-v2."
        ) from error


def _has_weights(snapshot: Path) -> bool:
    """Another program may have left a snapshot that holds, say, only the tokeniser."""
    return snapshot.joinpath("config.json").exists() and any(snapshot.glob("model*.safetensors"))


def _download(repo_id: str, timeout_s: float) -> Path:
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        # Asked first: a download retries much longer, and this tells what it would bring.
        info = within(timeout_s, lambda: HfApi().model_info(repo_id, timeout=timeout_s))
        check_weights(repo_id, [file.rfilename for file in info.siblings or ()])
        return Path(snapshot_download(repo_id, allow_patterns=list(FILES)))
    except GatedRepoError as error:
        raise StudioError(
            f"Model {repo_id} is gated: ask for access on its page and log in with `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise StudioError(
            f"There is no model {repo_id!r}: no such folder, and no public model on the Hub."
        ) from error
    except HfHubHTTPError as error:
        raise StudioError(f"The Hugging Face Hub refused {repo_id}: {_first_line(error)}") from error
    except (OSError, httpx2.HTTPError) as error:
        raise StudioError(
            f"Model {repo_id} is not on this machine and cannot be fetched from the Hugging Face Hub "
            f"({_first_line(error)}): go online, or use minilm or a local folder."
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
