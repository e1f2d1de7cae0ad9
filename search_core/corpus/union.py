"""Unions: several corpora of code, searched as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from search_core.corpus.spec import UnionSource, corpus_id
from search_core.types import Corpus


def union_of(source: UnionSource, corpora: Sequence[Corpus]) -> Corpus:
    """The parts under names of their own: `NAME/` opens the ids and paths of each.

    It has an id, for its indexes; its documents are stored with the parts.
    """
    named = list(zip(source.names, corpora, strict=True))
    return Corpus(
        source.spec,
        documents=tuple(
            replace(document, id=f"{name}/{document.id}", path=f"{name}/{document.path}")
            for name, corpus in named
            for document in corpus.documents
        ),
        files=sum(corpus.files for corpus in corpora),
        skipped=tuple(
            replace(file, path=f"{name}/{file.path}") for name, corpus in named for file in corpus.skipped
        ),
        id=corpus_id(source),
        parts=source.names,
    )
