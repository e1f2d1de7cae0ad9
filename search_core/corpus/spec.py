"""Corpus specs: one string names a corpus on the command line, in the page and in the API."""

from __future__ import annotations

import hashlib
import re
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from search_core.types import StudioError

ACCEPTED = "stdlib, package:NAME, dataset:ID_OR_PATH or a folder"
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
REPOSITORY = re.compile(r"(https?|ssh|git)://|git@")
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class CodeSource:
    """Source files on this machine. name: of the distribution for a package, else of the folder."""

    spec: str
    kind: Literal["stdlib", "package", "folder"]
    root: Path
    name: str

    @property
    def identity(self) -> str:
        return f"{self.kind}\0{self.root}\0{self.name}"


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A retrieval data set. name: a Hub id (`OWNER/NAME`), or the local folder as an absolute path."""

    spec: str
    name: str
    local: bool

    @property
    def identity(self) -> str:
        return f"dataset\0{self.name}"


Source = CodeSource | DatasetSource


def parse_spec(spec: str) -> Source:
    """What a spec names. Reserved words win, then an existing local folder (`./stdlib` is one).

    Raises StudioError where it names nothing, and says which forms are accepted.
    """
    prefix, colon, name = spec.partition(":")
    if spec == "stdlib":
        return CodeSource(spec, "stdlib", Path(sysconfig.get_path("stdlib")), spec)
    if colon and prefix == "package":
        return CodeSource(spec, "package", Path(sysconfig.get_path("purelib")), name)
    if colon and prefix == "dataset":
        return _dataset_source(spec, name)
    if spec.strip() and (folder := _existing_folder(spec)):
        return CodeSource(spec, "folder", folder, folder.name)
    if REPOSITORY.match(spec) or spec.lower().endswith(ARCHIVES):
        raise StudioError(
            f"Corpus {spec!r}: git repositories and archives are not supported by this version. "
            "Clone or unpack it and give the folder."
        )
    raise StudioError(f"Unknown corpus {spec!r}: no folder of that name exists. Give {ACCEPTED}.")


def corpus_id(source: Source) -> str:
    """Name of the corpus' folder in the workspace: readable, and different for different places."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", source.name)[-40:].strip("-") or "corpus"
    return f"{readable}-{hashlib.sha256(source.identity.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def _dataset_source(spec: str, name: str) -> DatasetSource:
    if name.strip() and (folder := _existing_folder(name)):
        return DatasetSource(spec, str(folder), local=True)
    if HUB_ID.fullmatch(name):
        return DatasetSource(spec, name, local=False)
    raise StudioError(
        f"Data set {name!r} is neither an existing folder nor a Hub id. "
        "Give dataset:OWNER/NAME, for example dataset:CoIR-Retrieval/cosqa, or dataset:FOLDER."
    )


def _existing_folder(text: str) -> Path | None:
    with suppress(OSError, ValueError, RuntimeError):  # too long, a NUL byte, an unknown ~user
        path = Path(text).expanduser()
        return path.resolve(strict=True) if path.is_dir() else None
    return None
