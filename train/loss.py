"""The loss: each query should score its own function above all others of the batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from torch import Tensor, nn

TEXTS_AT_ONCE = 8
"""Texts of like length in one forward pass on a processor; a GPU is faster with all at once."""


def ranking_loss(
    model: SentenceTransformer, scale: float, mini_batch_size: int | None, gather: bool
) -> nn.Module:
    """MultipleNegativesRankingLoss (van den Oord et al., 2018, arXiv:1807.03748), in the form that suits.

    scale: factor on the cosines. mini_batch_size: a number for the cached form (Gao et al., 2021,
    arXiv:2101.06983), which embeds so many texts at a time. gather: whether the functions of other
    processes' batches are negatives, too.
    """
    if mini_batch_size:
        return CachedMultipleNegativesRankingLoss(
            model, scale, mini_batch_size=mini_batch_size, gather_across_devices=gather
        )
    if model.device.type == "cpu":
        return SortedRankingLoss(model, scale, gather_across_devices=gather)
    return MultipleNegativesRankingLoss(model, scale, gather_across_devices=gather)


class SortedRankingLoss(MultipleNegativesRankingLoss):  # type: ignore[misc]
    """The same value, for less work: short texts are not padded to the longest of the batch.

    Every process runs the same number of forward passes for the same number of texts, as
    DistributedDataParallel needs.
    """

    def forward(self, sentence_features: Iterable[Mapping[str, Tensor]], labels: Tensor | None) -> Tensor:
        """sentence_features: queries, positives, first negatives, ...; each (batch, length) tensors."""
        return self.compute_loss_from_embeddings([self._embed(one) for one in sentence_features], labels)

    def _embed(self, features: Mapping[str, Tensor]) -> Tensor:
        """(batch, dim), in the order given."""
        mask = features["attention_mask"]
        order = mask.sum(dim=1).argsort(stable=True)
        parts = []
        for rows in order.split(TEXTS_AT_ONCE):
            used = mask[rows].any(dim=0)
            parts.append(self.model({name: tensor[rows][:, used] for name, tensor in features.items()}))
        return torch.cat([part["sentence_embedding"] for part in parts])[order.argsort()]
