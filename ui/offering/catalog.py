"""What was added and removed on the page, kept in the workspace for the next start."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from search_core.store import write_text

FILE = "studio.json"
FORMAT = 1

Kind = Literal["corpora", "models"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    """Specs that were added, and those of the defaults that were removed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def offered(self, named: Sequence[str] | None, defaults: Sequence[str]) -> tuple[str, ...]:
        """What to offer at start: what the command line names, or the defaults, and what was added.

        Never nothing: without anything else the defaults come back.
        """
        first = named or [spec for spec in defaults if spec not in self.removed]
        return tuple(dict.fromkeys([*first, *self.added])) or tuple(defaults)

    def adding(self, spec: str) -> Changes:
        return Changes((*_without(self.added, spec), spec), _without(self.removed, spec))

    def removing(self, spec: str) -> Changes:
        return Changes(_without(self.added, spec), (*_without(self.removed, spec), spec))


class Catalog:
    """The changes of one workspace. Its methods may be called from any thread."""

    def __init__(self, workspace: Path) -> None:
        self._file = workspace / FILE
        self._lock = threading.Lock()

    def read(self, kind: Kind) -> Changes:
        """None where there is no file, or, with a log line, none that can be used."""
        return self._read()[kind]

    def add(self, kind: Kind, spec: str) -> None:
        """Raises StudioError where the workspace cannot be written."""
        with self._lock:
            changes = self._read()
            self._write(changes | {kind: changes[kind].adding(spec)})

    def remove(self, kind: Kind, spec: str) -> None:
        """Raises StudioError where the workspace cannot be written."""
        with self._lock:
            changes = self._read()
            self._write(changes | {kind: changes[kind].removing(spec)})

    def _read(self) -> dict[Kind, Changes]:
        try:
            stored = json.loads(self._file.read_text("utf-8"))
            if stored["format"] != FORMAT:
                raise ValueError(f"format {stored['format']!r}, expected {FORMAT}")
            return {"corpora": _changes(stored["corpora"]), "models": _changes(stored["models"])}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning(
                "%s cannot be used, what was added on the page is not offered: %s", self._file, error
            )
        return {"corpora": Changes(), "models": Changes()}

    def _write(self, changes: dict[Kind, Changes]) -> None:
        stored = {kind: {"added": one.added, "removed": one.removed} for kind, one in changes.items()}
        write_text(self._file, json.dumps({"format": FORMAT, **stored}, indent=1))


def _changes(stored: Any) -> Changes:
    added, removed = stored["added"], stored["removed"]
    if {type(spec) for spec in (*added, *removed)} - {str}:
        raise ValueError("a spec is no string")
    return Changes(tuple(added), tuple(removed))


def _without(specs: tuple[str, ...], spec: str) -> tuple[str, ...]:
    return tuple(other for other in specs if other != spec)
