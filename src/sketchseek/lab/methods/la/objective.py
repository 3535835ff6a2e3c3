"""A triplet loss on the same distance that retrieval uses, trained in one phase."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sketchseek.lab.methods.la.config import Config
from sketchseek.lab.methods.la.network import LocalMapNetwork
from sketchseek.lab.network import matcher_of
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase


def phases(config: Config, network: LocalMapNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget."""
    matcher = matcher_of(network)

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = trained(batch.ink, batch.photos)
        return {"loss": triplet_loss(matcher.similarity(sketches, photos), config.margin)}

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss)]


def triplet_loss(similarity: Tensor, margin: float) -> Tensor:
    """Triplet loss from the similarities ``[B, B]`` of a batch, sketches by photos, matching pairs on the diagonal.

    For each sketch, the mean of ``relu(margin + s_an - s_ap)`` over the other photos of the batch that violate the
    margin (0 if none does); then the mean over sketches.
    """
    violation = (margin + similarity - similarity.diagonal()[:, None]).relu()
    violation = violation * (1 - torch.eye(len(violation), device=violation.device))
    return (violation.sum(1) / (violation > 0).sum(1).clamp_min(1)).mean()
