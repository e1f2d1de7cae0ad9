"""Making an index, and loading a stored one. FAISS is imported only then."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_core.index.kinds import kind_for
from search_core.index.protocol import Index
from search_core.settings import Settings
from search_core.store import read_artifact

logger = logging.getLogger(__name__)


def build_index(
    ids: Sequence[str],
    vectors: NDArray[np.float32],
    settings: Settings,
    sample_queries: NDArray[np.float32] | None = None,
) -> Index:
    """An index of unit vectors, of the kind that the settings name or that fits their number.

    ids: (n,), distinct, not empty. vectors: (n, dim).
    sample_queries: (m, dim), real queries on which an approximate index measures its recall;
        without them it uses `ivf.stand_in_queries`.
    Raises ValueError for shapes that do not fit, values that are not finite, and repeated ids.
    """
    from search_core.index.exact import ExactIndex
    from search_core.index.ivf import IvfIndex

    if kind_for(len(ids), settings) == "exact":
        return ExactIndex.build(ids, vectors, settings.thread_count)
    return IvfIndex.build(ids, vectors, settings.thread_count, settings.recall_target, sample_queries)


def load_index(folder: Path, settings: Settings, *, source: str) -> Index | None:
    """The index stored in a folder, its arrays mapped rather than read.

    None where there is none, it is damaged (with a log line), was made from another source, or is
    not what the settings ask for: build it anew.
    """
    artifact = read_artifact(folder)
    if artifact is None or artifact.metadata.get("source") != source:
        return None
    from search_core.index.exact import ExactIndex
    from search_core.index.ivf import IvfIndex

    try:
        wanted = kind_for(artifact.metadata["size"], settings)
        if artifact.metadata["kind"] != wanted:
            return None
        if wanted == "exact":
            return ExactIndex.open(artifact, settings.thread_count)
        index = IvfIndex.open(artifact, settings.thread_count)
        return index if index.tuning.recall_target == settings.recall_target else None
    except (KeyError, TypeError, ValueError, OSError, RuntimeError) as error:
        logger.warning("%s holds no usable index and will be rebuilt: %s", folder, error)
        return None
