"""Archives that were uploaded on the page, kept in the workspace."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from search_core.corpus.spec import ARCHIVES
from search_core.settings import Settings
from search_core.store import Removed, Workspace
from search_core.types import StudioError

UPLOADS = "uploads"


def keep_upload(file: Path, settings: Settings) -> str:
    """Move an uploaded archive into a folder of its own, and return its spec.

    What is in it is checked when it is read. Raises StudioError for a file that is no archive by its name,
    or larger than the settings allow.
    """
    if not file.name.lower().endswith(ARCHIVES):
        raise StudioError(f"{file.name!r} is no archive: upload one of {', '.join(ARCHIVES)}.")
    if file.stat().st_size > settings.max_source_mb * 1_000_000:
        raise StudioError(
            f"{file.name!r} has more than {settings.max_source_mb:,} MB: leave something out of it, "
            "or raise CODESEARCH_MAX_SOURCE_MB."
        )
    name = re.sub(r"[^\w.+-]+", "-", file.name)[-80:]
    digest = hashlib.sha256(f"{name}\0".encode())  # two names are two corpora
    with file.open("rb") as opened:
        hashlib.file_digest(opened, lambda: digest)
    kept = settings.workspace.resolve() / UPLOADS / digest.hexdigest()[:12] / name
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_name(".arriving")
        shutil.move(file, beside)
        beside.replace(kept)
    except OSError as error:
        raise StudioError(
            f"{file.name!r} cannot be kept: {error.strerror or error}. Free some space."
        ) from error
    return str(kept)


def is_upload(archive: Path, workspace: Path) -> bool:
    return archive.parent.parent == workspace.resolve() / UPLOADS


def delete_upload(archive: Path, workspace: Path) -> Removed:
    """Nothing happens to an archive that lies elsewhere. Raises StudioError where it cannot be deleted."""
    if not is_upload(archive, workspace):
        return Removed()
    return Workspace(workspace).delete(UPLOADS, archive.parent.name)
