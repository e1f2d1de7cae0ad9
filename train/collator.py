"""Pairs as the trainer takes them: texts in a data set, and their tokens made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import datasets
from sentence_transformers import SentenceTransformer
from torch import Tensor

from train.pairs import Pair

QUERY, POSITIVE, NEGATIVE = "query", "positive", "negative"


def pair_table(pairs: Sequence[Pair]) -> datasets.Dataset:
    """Columns query, positive, negative_1, ...; every pair has as many negatives as the first."""
    columns = {QUERY: [pair.query for pair in pairs], POSITIVE: [pair.positive for pair in pairs]}
    negatives = zip(*(pair.negatives for pair in pairs), strict=True)
    columns |= {f"{NEGATIVE}_{number}": list(texts) for number, texts in enumerate(negatives, 1)}
    return datasets.Dataset.from_dict(columns)


class TokenCollator:
    """Rows of texts → padded tensors, as sentence-transformers' own collator, without tokenising anew.

    Texts get the model's prompts (query, and document for the rest) and are cut to max_length.
    """

    valid_label_columns: Sequence[str] = ()
    """Asked for by the trainer: pairs have no labels."""

    def __init__(self, model: SentenceTransformer, pairs: Sequence[Pair], max_length: int | None) -> None:
        """max_length: tokens; None, or more than the model reads, is the model's own."""
        self._tokenizer = model.tokenizer
        own = model.max_seq_length or self._tokenizer.model_max_length
        self._max_length = min(max_length or own, own)
        queries = dict.fromkeys(pair.query for pair in pairs)
        documents = dict.fromkeys(text for pair in pairs for text in (pair.positive, *pair.negatives))
        prompts = model.prompts or {}
        self._queries = self._tokenized(prompts.get("query") or "", list(queries))
        self._documents = self._tokenized(prompts.get("document") or "", list(documents))

    def _tokenized(self, prompt: str, texts: Sequence[str]) -> dict[str, dict[str, list[int]]]:
        if not texts:
            return {}
        prompted = [prompt + text for text in texts]
        encoded = self._tokenizer(prompted, truncation=True, max_length=self._max_length)
        return {text: {name: encoded[name][row] for name in encoded} for row, text in enumerate(texts)}

    def __call__(self, rows: Sequence[Mapping[str, str]]) -> dict[str, Tensor]:
        """Tensors (rows, length) named query_input_ids, positive_attention_mask, ..."""
        batch: dict[str, Tensor] = {}
        for column in rows[0]:
            tokens = self._queries if column == QUERY else self._documents
            padded = self._tokenizer.pad([tokens[row[column]] for row in rows], return_tensors="pt")
            batch |= {f"{column}_{name}": tensor for name, tensor in padded.items()}
        return batch
