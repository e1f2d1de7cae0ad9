"""Which documents of a corpus a search may find."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pathspec
from numpy.typing import NDArray

from search_core.types import Corpus, SearchFilter, StudioError


def admitted(filter: SearchFilter, corpus: Corpus) -> NDArray[np.bool_]:
    """(n_documents,) bool: what the filter lets through.

    Raises StudioError for a language or kind that the corpus does not have, and for a glob that is none.
    """
    _check_known("in language", filter.language, corpus.languages)
    _check_known("of kind", filter.kind, corpus.kinds)
    matches = _path_matcher(filter.path)
    return np.array(
        [
            filter.language in (None, document.language)
            and filter.kind in (None, document.kind)
            and matches(document.path)
            for document in corpus.documents
        ],
        bool,
    )


def _check_known(what: str, name: str | None, known: Collection[str]) -> None:
    if name is not None and name not in known:
        raise StudioError(f"No documents {what} {name!r}; this corpus has: {', '.join(known) or 'none'}.")


def _path_matcher(glob: str | None) -> Callable[[str | None], bool]:
    if glob is None:
        return lambda path: True
    try:
        spec = pathspec.GitIgnoreSpec.from_lines([glob])
    except ValueError as error:
        raise StudioError(f"Path filter {glob!r} is not a gitignore-style glob: {error}") from error
    return lambda path: path is not None and spec.match_file(path)
