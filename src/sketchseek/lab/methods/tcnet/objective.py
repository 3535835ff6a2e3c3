"""Triplet loss, classification of the training photos, and centre loss, trained in one phase."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.methods.tcnet.config import Config
from sketchseek.lab.methods.tcnet.network import TCNet
from sketchseek.lab.training.loop import TRAINING_ONLY, Phase
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase


def phases(config: Config, network: TCNet, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget. Adds the classifier and the centres to the network, for training only."""
    instances = InstanceClasses(len(pairs.split.photos), config.embedding, config.centre_rate)
    network.add_module(TRAINING_ONLY, instances)

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos, of_sketches, of_photos = trained(batch.ink, batch.photos)
        values = {
            "triplet": triplet_loss(sketches, photos, config.margin),
            "softmax": softmax_loss(of_sketches, of_photos, batch.photo),
            "centre": instances.centre_loss(sketches, photos, batch.photo),
        }
        weights = (config.triplet_weight, config.softmax_weight, config.centre_weight)
        total = torch.stack([weight * value for weight, value in zip(weights, values.values(), strict=True)]).sum()
        return {"loss": total, **values}

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss)]


def triplet_loss(sketches: Tensor, photos: Tensor, margin: float) -> Tensor:
    """Mean over pairs of ``relu(margin + |s - p|^2 - |s - n|^2)`` for vectors ``[B, D]``.

    n is the photo of another pair of the batch. Batches are random, so n is a random other photo of the training set.
    """
    negatives = photos.roll(int(torch.randint(1, len(photos), ())), 0)
    own, other = ((sketches - p).square().sum(1) for p in (photos, negatives))
    return (margin + own - other).relu().mean()


def softmax_loss(sketches: Tensor, photos: Tensor, photo: Tensor) -> Tensor:
    """Cross-entropy of logits ``[B, classes]`` for the classes ``photo [B]``: mean over sketches + mean over photos."""
    return F.cross_entropy(sketches, photo) + F.cross_entropy(photos, photo)


class InstanceClasses(nn.Module):
    """A classifier of the training photos, and a centre for each class. A photo and its sketches are a class."""

    def __init__(self, count: int, dimensions: int, centre_rate: float) -> None:
        super().__init__()
        self.classifier = nn.Linear(dimensions, count)
        self.centre_rate = centre_rate
        self.register_buffer("centres", torch.zeros(count, dimensions))
        self.centres: Tensor

    def centre_loss(self, sketches: Tensor, photos: Tensor, photo: Tensor) -> Tensor:
        """Squared distance of vectors ``[B, D]`` to the centres of their classes ``photo [B]``.

        The result is the mean over sketches + the mean over photos. Afterwards each centre c moves by
        ``rate sum(x - c) / (1 + n)`` over the n = 2 members x of its class in the batch, which contains a class at most
        once (Wen et al., A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016, Eq. 4).
        """
        centres = self.centres[photo]
        distances = [(vectors - centres).square().sum(1).mean() for vectors in (sketches, photos)]
        with torch.no_grad():
            self.centres[photo] += self.centre_rate * (sketches + photos - 2 * centres) / 3
        return torch.stack(distances).sum()
