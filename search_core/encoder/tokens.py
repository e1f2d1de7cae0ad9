"""Texts to token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TokenRules:
    """All that turning text into token ids needs, as sentence-transformers would do it.

    definition: the tokenizer.json of the Rust tokeniser, lower-casing included.
    """

    definition: str
    max_length: int
    pad_id: int


class BulkTokenizer:
    """The Rust tokeniser: many texts in one call, on all cores, without padding."""

    def __init__(self, rules: TokenRules) -> None:
        from tokenizers import Tokenizer

        self.pad_id = rules.pad_id
        self._tokenizer = Tokenizer.from_str(rules.definition)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(rules.max_length)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        # File names and damaged files bring lone surrogates, which the tokeniser refuses.
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(clean)]
