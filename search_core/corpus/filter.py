"""Which documents of a corpus a search may find."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from search_core.corpus.path_glob import path_pattern
from search_core.types import Corpus, SearchFilter, StudioError


def admitted(filter: SearchFilter, corpus: Corpus) -> NDArray[np.bool_]:
    """(n_documents,) bool: what the filter lets through.

    Raises StudioError for a language or kind that the corpus does not have, and for a glob that is none.
    """
    _check_known("in language", filter.language, corpus.languages)
    _check_known("of kind", filter.kind, corpus.kinds)
    paths = None if filter.path is None else _matching(filter.path, corpus)
    return np.array(
        [
            filter.language in (None, document.language)
            and filter.kind in (None, document.kind)
            and (paths is None or document.path in paths)
            for document in corpus.documents
        ],
        bool,
    )


def _check_known(what: str, name: str | None, known: Collection[str]) -> None:
    if name is not None and name not in known:
        raise StudioError(f"No documents {what} {name!r}; this corpus has: {', '.join(known) or 'none'}.")


def _matching(glob: str, corpus: Corpus) -> frozenset[str]:
    """The paths that the glob holds for."""
    pattern = path_pattern(glob)
    paths = {document.path for document in corpus.documents if document.path is not None}
    return frozenset(path for path in paths if pattern.match(path))
