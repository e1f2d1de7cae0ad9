"""Which documents of a corpus a search may find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pathspec
from numpy.typing import NDArray

from search_core.types import Corpus, SearchFilter, StudioError


def admitted(filter: SearchFilter, corpus: Corpus) -> NDArray[np.bool_]:
    """(n_documents,) bool: what the filter lets through.

    Raises StudioError for a language that the corpus does not have, and for a glob that is none.
    """
    if filter.language is not None and filter.language not in corpus.languages:
        known = ", ".join(corpus.languages) or "none"
        raise StudioError(f"No documents in language {filter.language!r}; this corpus has: {known}.")
    matches = _path_matcher(filter.path)
    return np.array(
        [
            (filter.language is None or document.language == filter.language) and matches(document.path)
            for document in corpus.documents
        ],
        bool,
    )


def _path_matcher(glob: str | None) -> Callable[[str | None], bool]:
    if glob is None:
        return lambda path: True
    try:
        spec = pathspec.GitIgnoreSpec.from_lines([glob])
    except ValueError as error:
        raise StudioError(f"Path filter {glob!r} is not a gitignore-style glob: {error}") from error
    return lambda path: path is not None and spec.match_file(path)
