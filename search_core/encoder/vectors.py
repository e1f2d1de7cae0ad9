"""The vector cache: what a model made of a text, kept under the text's content key.

A model's folder holds segments, each an artifact that is written once: whole, or not
there. A damaged segment is dropped and its texts are encoded again.
"""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_core.encoder.protocol import Encoder, Vectors
from search_core.store import Workspace, WriteFile, read_artifact, write_artifact
from search_core.types import Corpus, Progress, content_key, silent

CHECKPOINT_S = 20.0
"""About how much encoding an interruption can lose."""
FIRST_CHECKPOINT = 256
LARGEST_CHECKPOINT = 65_536
"""Texts between checkpoints: the first, from which the speed is learnt, and the most."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CorpusVectors:
    """A corpus as one model sees it.

    keys: distinct content keys in the order of their first document.
    vectors: (len(keys), dim) float32, rows of length 1.
    encoded, seconds: texts that were not in the cache, further ones included, and how long encoding took.
    beside: (n, dim) float32, of the further texts.
    """

    keys: tuple[str, ...]
    vectors: Vectors
    encoded: int
    seconds: float
    beside: Vectors


def encode_corpus(
    encoder: Encoder,
    corpus: Corpus,
    workspace: Workspace,
    progress: Progress = silent,
    beside: Sequence[str] = (),
) -> CorpusVectors:
    """The vectors of a corpus: from the cache where they are there, else encoded and kept.

    What is encoded is stored every CHECKPOINT_S or so. Two processes share the work: the second
    waits and finds it done. progress: of the texts that must be encoded. beside: further texts.
    Raises StudioError where the workspace cannot be written.
    """
    keys, others = tuple(corpus.texts), [content_key(text) for text in beside]
    texts = {**corpus.texts, **dict(zip(others, beside, strict=True))}
    cache = VectorCache(workspace.folder("vectors", encoder.fingerprint[:16]), encoder.dim)
    encoded, seconds = 0, 0.0
    if cache.missing(texts):
        with workspace.writing(cache.folder):
            cache.reload(repair=True)
            missing = cache.missing(texts)
            started = time.perf_counter()
            for portion, vectors in _encoded(encoder, missing, texts, progress):
                cache.append(portion, vectors)
            encoded, seconds = len(missing), time.perf_counter() - started
    return CorpusVectors(keys, cache.vectors(keys), encoded, seconds, cache.vectors(others))


def _encoded(
    encoder: Encoder, missing: Sequence[str], texts: Mapping[str, str], progress: Progress
) -> Iterator[tuple[Sequence[str], Vectors]]:
    """Keys and (n, dim) vectors, in portions that take about CHECKPOINT_S each."""
    done, size = 0, FIRST_CHECKPOINT
    while done < len(missing):
        keys = missing[done : done + size]
        started = time.perf_counter()
        so_far = done  # bound now: the encoder reports progress within this portion
        vectors = encoder.encode_documents(
            [texts[key] for key in keys], lambda n, _, so_far=so_far: progress(so_far + n, len(missing))
        )
        size = round(len(keys) * CHECKPOINT_S / (time.perf_counter() - started))
        size = min(max(size, FIRST_CHECKPOINT), LARGEST_CHECKPOINT)
        done += len(keys)
        yield keys, vectors


@dataclass(frozen=True)
class Segment:
    """keys: (n,) void32, SHA-256 of each text; vectors: (n, dim) float32. Both mapped from disk."""

    folder: Path
    keys: NDArray[np.void]
    vectors: Vectors


class VectorCache:
    """One model's vectors on disk. Reading needs no lock; `append` and repair need the folder's."""

    def __init__(self, folder: Path, dim: int) -> None:
        self.folder = folder
        self._dim = dim
        self._segments: list[Segment] = []
        self._rows: dict[str, Vectors] = {}
        self.reload()

    def reload(self, repair: bool = False) -> None:
        """See what is there now; of segments, which never change, only new ones are read.

        repair: delete what is damaged.
        """
        known = {segment.folder: segment for segment in self._segments}
        folders = [path for path in self.folder.glob("*") if path.is_dir()]
        segments = {folder: known.get(folder) or self._read(folder) for folder in folders}
        if repair:
            for folder, segment in segments.items():
                if segment is None:
                    shutil.rmtree(folder)
        self._segments = sorted(filter(None, segments.values()), key=lambda segment: -len(segment.keys))
        for segment in self._segments:
            if segment.folder not in known:
                self._rows.update(zip(_hexadecimal(segment.keys), segment.vectors, strict=True))

    def missing(self, keys: Collection[str]) -> list[str]:
        return [key for key in keys if key not in self._rows]

    def vectors(self, keys: Sequence[str]) -> Vectors:
        """(len(keys), dim) float32, in memory. Raises KeyError for a key that is missing."""
        gathered = np.empty((len(keys), self._dim), np.float32)
        for row, key in enumerate(keys):
            gathered[row] = self._rows[key]
        return gathered

    def append(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Store (len(keys), dim) vectors as a new segment, merging it with smaller ones.

        A segment is at least twice as large as the next: few segments, and each vector is
        rewritten no more than a logarithmic number of times.
        """
        new = self._write(np.frombuffer(bytes.fromhex("".join(keys)), "V32"), vectors)
        while self._segments and len(self._segments[-1].keys) < 2 * len(new.keys):
            new = self._merged(self._segments.pop(), new)
        self._segments.append(new)
        self._rows.update(zip(_hexadecimal(new.keys), new.vectors, strict=True))

    def _merged(self, old: Segment, new: Segment) -> Segment:
        merged = self._write(np.concatenate([old.keys, new.keys]), np.concatenate([old.vectors, new.vectors]))
        for segment in (old, new):
            shutil.rmtree(segment.folder)
        return merged

    def _write(self, keys: NDArray[np.void], vectors: Vectors) -> Segment:
        folder = self.folder / uuid.uuid4().hex
        files: dict[str, WriteFile] = {
            "keys.npy": lambda path: np.save(path, keys),
            "vectors.npy": lambda path: np.save(path, vectors),
        }
        write_artifact(folder, files, {"rows": len(keys)})
        return Segment(folder, keys, vectors)

    def _read(self, folder: Path) -> Segment | None:
        """The segment in a folder, or None where it is damaged or of another shape."""
        artifact = read_artifact(folder)
        if artifact is None:
            return None
        try:
            keys, vectors = (
                np.load(artifact.files[name], mmap_mode="r") for name in ("keys.npy", "vectors.npy")
            )
        except FileNotFoundError:  # merged by another process just now
            return None
        if keys.dtype != "V32" or vectors.dtype != np.float32 or vectors.shape != (len(keys), self._dim):
            logger.warning("%s holds vectors of another shape and is left out", folder)
            return None
        return Segment(folder, np.asarray(keys), np.asarray(vectors))  # rows of a memmap are slow to make


def _hexadecimal(keys: NDArray[np.void]) -> list[str]:
    digits = keys.tobytes().hex()
    return [digits[start : start + 64] for start in range(0, len(digits), 64)]
