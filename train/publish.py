"""A finished run → a model repository on the Hugging Face Hub."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from search_core.encoder import adapter
from search_core.encoder.config import FILES, read_config
from search_core.types import Progress, StudioError, silent
from train.finished_run import FinishedRun, read_finished_run, shareable_files
from train.hub import check_name, connect, explained
from train.loss_picture import loss_picture
from train.model_card import HEADLINE, PICTURE, What, render_card

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, HfApi

ADAPTER_FILES = (adapter.CONFIG, adapter.WEIGHTS)
COMMIT_WAITS_S = (1.0, 2.0)
"""Before a commit is tried again whose answer did not come."""


@dataclass(frozen=True)
class Published:
    """url: of the repository, or of the pull request. files: paths in the repository."""

    url: str
    commit: str
    files: tuple[str, ...]


def publish(
    folder: Path,
    repo_id: str,
    *,
    private: bool = False,
    create_pr: bool = False,
    revision: str | None = None,
    token: str | None = None,
    what: What = "merged",
    progress: Progress = silent,
) -> Published:
    """Create or update a model repository with a run's model, its card and its figures, in one commit.

    Files of another model there are removed, an adapter's where the merged model goes and the other
    way round, too: `SentenceTransformer(repo_id)` would mix them. What is no model's stays.

    folder: of a finished run. private: for a repository that is created; an existing public one is
    refused. revision: a branch, made where there is none. token: the login's, or HF_TOKEN, where
    left out. progress counts files. What has arrived is not sent again, so that a repeat continues.

    Raises StudioError for a folder that holds no finished run, a name or a combination that the Hub
    would refuse, and where the Hub cannot be reached or refuses.
    """
    _check_request(repo_id, create_pr, revision)
    run = read_finished_run(folder)
    contents = _contents(run, repo_id, what)
    with explained(repo_id):
        api = connect(token)
        _prepare_repository(api, repo_id, private=private, branch=None if create_pr else revision)
        commit = _upload(
            api,
            repo_id,
            contents,
            message=_commit_message(run, what),
            create_pr=create_pr,
            revision=revision,
            progress=progress,
        )
    return Published(commit.pr_url or f"{api.endpoint}/{repo_id}", commit.oid, tuple(contents))


def _check_request(repo_id: str, create_pr: bool, revision: str | None) -> None:
    check_name(repo_id)
    if create_pr and revision not in (None, "main"):
        raise StudioError("A pull request is always against main: leave out the revision, or create_pr.")


def _commit_message(run: FinishedRun, what: What) -> str:
    found = run.effect.metrics[HEADLINE]
    return f"Publish {what} model: nDCG@10 {found.a:.4f} before training, {found.b:.4f} after"


def _contents(run: FinishedRun, repo_id: str, what: What) -> dict[str, Path | bytes]:
    """Path in the repository → its content: a file of the run, or what was made of one."""
    texts = shareable_files(run, repo_id) | {"README.md": render_card(run, repo_id, what)}
    return {
        **_model_files(run, what),
        **{name: text.encode() for name, text in texts.items()},
        PICTURE: loss_picture(run.events),
    }


def _model_files(run: FinishedRun, what: What) -> dict[str, Path | bytes]:
    root = run.folder if what == "merged" else run.folder / "adapter"
    patterns = FILES if what == "merged" else ADAPTER_FILES
    if what == "merged":
        read_config(str(root), root)  # raises unless it is a whole model, in safetensors
    elif missing := [name for name in ADAPTER_FILES if not (root / name).is_file()]:
        raise StudioError(f"{root} holds no adapter, it lacks {missing[0]}: publish the merged model.")
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {
        name: _shareable(root / name, run)
        for name in names
        if any(fnmatch(name, pattern) for pattern in patterns)
    }


def _shareable(path: Path, run: FinishedRun) -> Path | bytes:
    """The file, or its content without the folders that transformers and peft note as a model's origin."""
    if not path.match("*config.json"):
        return path
    config = json.loads(path.read_text("utf-8"))
    local = [key for key, value in config.items() if key.endswith("name_or_path") and _is_local(value)]
    return json.dumps(config | dict.fromkeys(local, run.base_name), indent=2).encode() if local else path


def _is_local(origin: object) -> bool:
    return isinstance(origin, str) and origin != "" and (Path(origin).is_absolute() or Path(origin).exists())


def _prepare_repository(api: HfApi, repo_id: str, *, private: bool, branch: str | None) -> None:
    api.create_repo(repo_id, private=private or None, exist_ok=True)
    if private and not api.model_info(repo_id).private:
        raise StudioError(
            f"{repo_id} exists and is public: make it private in its settings first, or choose another name."
        )
    if branch and not branch.startswith("refs/"):
        api.create_branch(repo_id, branch=branch, exist_ok=True)


def _upload(
    api: HfApi,
    repo_id: str,
    contents: Mapping[str, Path | bytes],
    *,
    message: str,
    create_pr: bool,
    revision: str | None,
    progress: Progress,
) -> CommitInfo:
    """Large files one by one, then everything in one commit: nobody ever sees half a model."""
    import httpx2
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    additions = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in contents.items()
    ]
    for done, operation in enumerate(additions, start=1):
        api.preupload_lfs_files(
            repo_id, [operation], create_pr=create_pr, revision=revision, free_memory=False
        )
        progress(done, len(additions))
    stale = _stale(api.list_repo_files(repo_id, revision=revision), contents)
    operations = [*additions, *(CommitOperationDelete(path_in_repo=name) for name in stale)]
    commit = partial(api.create_commit, repo_id, operations, commit_message=message, revision=revision)
    if create_pr:
        return commit(create_pr=True)  # tried once: another try might open another pull request
    for wait_s in COMMIT_WAITS_S:
        try:
            return commit()
        except httpx2.TransportError:  # uploads are repeated by the client itself, a commit is not
            time.sleep(wait_s)
    return commit()


def _stale(held: Sequence[str], contents: Mapping[str, Path | bytes]) -> list[str]:
    """What loading would read of a repository's files that are not of this model.

    >>> _stale(["LICENSE", "adapter_model.safetensors", "config.json", "1_Pooling/config.json"],
    ...        {"config.json": b"", "1_Pooling/config.json": b""})
    ['adapter_model.safetensors']
    """
    read = (*FILES, *ADAPTER_FILES)
    return [name for name in held if name not in contents and any(fnmatch(name, pattern) for pattern in read)]
