"""Every knob, read from the environment once. Everyone else receives values."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs

from search_core.types import StudioError

Backend = Literal["auto", "torch", "openvino"]
IndexKind = Literal["auto", "exact", "ivf"]

VARIABLES: dict[str, tuple[str, str]] = {
    "workspace": ("CODESEARCH_HOME", "folder for indexed corpora, vectors, reports and runs"),
    "backend": ("CODESEARCH_BACKEND", "encoder runtime: auto, torch or openvino"),
    "device": ("CODESEARCH_DEVICE", "torch device: auto, cpu, cuda, cuda:N or mps"),
    "threads": ("CODESEARCH_THREADS", "processor threads for encoding and search; 0 takes every core"),
    "index_kind": ("CODESEARCH_INDEX", "index: auto (by corpus size), exact or ivf"),
    "recall_target": ("CODESEARCH_RECALL", "recall@10 an approximate index must reach against exact search"),
    "hub_timeout_s": (
        "CODESEARCH_HUB_TIMEOUT",
        "seconds to wait for the Hugging Face Hub before saying it is unreachable",
    ),
    "prose": (
        "CODESEARCH_PROSE",
        "Markdown and reStructuredText are searched too, by section: true or false",
    ),
    "max_files": ("CODESEARCH_MAX_FILES", "most source files that one corpus may have"),
    "max_source_mb": (
        "CODESEARCH_MAX_SOURCE_MB",
        "most megabytes that a git repository may send, or an archive or a repository unpack to",
    ),
    "git_timeout_s": ("CODESEARCH_GIT_TIMEOUT", "seconds a git repository may take to arrive"),
    "allow_private_hosts": (
        "CODESEARCH_ALLOW_PRIVATE_HOSTS",
        "git repositories from private addresses, other ports and over http too: true or false",
    ),
    "train_processes": (
        "CODESEARCH_TRAIN_PROCESSES",
        "processes a run trains with; 0: one for each GPU",
    ),
    "archive": (
        "CODESEARCH_ARCHIVE",
        "folder of a mounted bucket that keeps finished runs, reports, marks and what was added",
    ),
    "admin_token": (
        "CODESEARCH_ADMIN_TOKEN",
        "makes whoever presents it the page's owner, at least 16 characters",
    ),
}
"""Field of Settings → (environment variable, what it is). docs/reference.md lists them; a test compares."""
SECRETS = ("admin_token",)
"""Fields that are never shown, nor handed to another process."""
LEAST_SECRET = 16
"""Characters."""


@dataclass(frozen=True)
class Settings:
    workspace: Path = Path(platformdirs.user_cache_dir("code-search-studio"))
    backend: Backend = "auto"
    device: str = "auto"
    threads: int = 0
    index_kind: IndexKind = "auto"
    recall_target: float = 0.95
    hub_timeout_s: float = 5.0
    prose: bool = False
    max_files: int = 50_000
    max_source_mb: int = 1_000
    git_timeout_s: float = 300.0
    allow_private_hosts: bool = False
    train_processes: int = 0
    archive: Path | None = None
    admin_token: str | None = dataclasses.field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
        """Overrides (say, from the command line) win over the environment; None means not given.

        Raises StudioError naming every variable that holds an unusable value.
        """
        given: dict[str, Any] = {}
        problems: list[str] = []
        for field in fields(cls):
            variable, _ = VARIABLES[field.name]
            if text := environment.get(variable, "").strip():
                try:
                    given[field.name] = _parsed(field.name, text)
                except ValueError as error:
                    shown = variable if field.name in SECRETS else f"{variable}={text!r}"
                    problems.append(f"{shown} ({error})")
        if problems:
            raise StudioError("Unusable settings: " + "; ".join(problems))
        return cls(**given | {name: value for name, value in overrides.items() if value is not None})

    def as_environment(self) -> dict[str, str]:
        """The variables from which `from_environment` makes these settings again, say in another process.

        Secrets are blank: put over an environment that holds them, this takes them out.
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        values = {name: "" if value is None else str(value) for name, value in given.items()}
        return {VARIABLES[name][0]: value for name, value in (values | dict.fromkeys(SECRETS, "")).items()}

    @property
    def thread_count(self) -> int:
        """Threads to use: the setting, or the cores this process may run on."""
        if self.threads:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parsed(name: str, text: str) -> Any:
    match name:
        case "workspace" | "archive":
            return _path(text)
        case "backend":
            return _one_of(text, get_args(Backend))
        case "index_kind":
            return _one_of(text, get_args(IndexKind))
        case "threads" | "train_processes":
            return _at_least(int(text), 0)
        case "recall_target":
            value = float(text)
            if not 0 < value <= 1:
                raise ValueError("must be above 0 and at most 1")
            return value
        case "hub_timeout_s" | "git_timeout_s":
            return _at_least(_finite(text), 0.1)
        case "max_files" | "max_source_mb":
            return _at_least(int(text), 1)
        case "prose" | "allow_private_hosts":
            return _one_of(text.lower(), ("true", "false")) == "true"
        case "admin_token":
            if len(text) < LEAST_SECRET or not text.isascii():
                raise ValueError(f"must have at least {LEAST_SECRET} characters, all of them ASCII")
            return text
        case _:
            return text


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError("is in the home of nobody") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("must be finite")
    return value


def _one_of(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError("choose from " + ", ".join(choices))
    return text


def _at_least(value: Any, least: float) -> Any:
    if value < least:
        raise ValueError(f"must be at least {least}")
    return value
