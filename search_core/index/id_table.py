"""The string id of each row of an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REMOVED = b""


class IdTable:
    """Row → id, as fixed-width UTF-8: a million content keys take 64 MB, half of what strings would.

    ids: (n_rows,) bytes; `REMOVED` marks a row whose entry is gone.
    """

    def __init__(self, ids: NDArray[np.bytes_]) -> None:
        self._ids = ids

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdTable:
        """Raises ValueError for an id that is empty, repeated or ends in NUL (the padding)."""
        if len(set(ids)) != len(ids):
            raise ValueError(f"Ids must be distinct; given twice: {_first_repeated(ids)!r}")
        for unusable in (id for id in ids if not id or id.endswith("\0")):
            raise ValueError(f"Not usable as an id: {unusable!r}")
        return cls(np.array([_encoded(id) for id in ids], dtype=np.bytes_))

    @classmethod
    def load(cls, path: Path) -> IdTable:
        """Mapped into memory: rows are read when they are first asked for."""
        return cls(np.load(path, mmap_mode="r", allow_pickle=False))

    def save(self, path: Path) -> None:
        np.save(path, self._ids, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._ids)

    def at(self, rows: NDArray[np.int64]) -> list[str]:
        ids: list[bytes] = self._ids[rows].tolist()
        try:
            return list(map(bytes.decode, ids))  # a fifth of the time
        except UnicodeDecodeError:
            return [id.decode("utf-8", "surrogatepass") for id in ids]

    def mask(self, ids: Collection[str]) -> NDArray[np.bool_]:
        """(n_rows,): which rows hold one of the ids."""
        wanted = {_encoded(id) for id in ids}
        return np.fromiter((id in wanted for id in self._ids), dtype=np.bool_, count=len(self))

    def extended(self, new: IdTable) -> IdTable:
        """Raises ValueError where an id of the new rows is here already."""
        clashes = np.flatnonzero(self.mask(new.at(np.arange(len(new)))))
        if len(clashes):
            raise ValueError(f"Already in the index: {self.at(clashes[:1])[0]!r}")
        return IdTable(np.concatenate([self._ids, new._ids]))

    def without(self, rows: NDArray[np.int64]) -> IdTable:
        """Later rows move up."""
        return IdTable(np.delete(self._ids, rows))

    def blanked(self, rows: NDArray[np.int64]) -> IdTable:
        """Every other row stays where it is."""
        ids = self._ids.copy()
        ids[rows] = REMOVED
        return IdTable(ids)


def _encoded(id: str) -> bytes:
    return id.encode("utf-8", "surrogatepass")


def _first_repeated(ids: Sequence[str]) -> str:
    return next(id for id, times in Counter(ids).items() if times > 1)
