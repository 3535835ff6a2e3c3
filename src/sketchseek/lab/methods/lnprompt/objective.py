"""A triplet loss inside a category, and patch shuffling, on the parts of a frozen network that are trained."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods.lnprompt.config import Config
from sketchseek.lab.methods.lnprompt.network import LNPrompt
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import random_of
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase


def training_pairs(config: Config, splits: Sequence[Split], seed: int) -> TrainingPairs:
    """The pairs of the splits, each batch from as few categories as possible."""
    return TrainingPairs(splits, config.size, config.training, seed, within_category=True)


def phases(config: Config, network: LNPrompt, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget; none where nothing is trained."""
    if not any(parameter.requires_grad for parameter in network.parameters()):
        return []
    category = torch.from_numpy(pairs.category_of_photo)

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        count, parts = len(batch.ink), config.shuffle_grid**2
        order = torch.rand(count, parts).argsort(1)
        other = order.roll(int(torch.randint(1, parts, ())), 1)  # differs everywhere
        ink = [batch.ink, shuffled(batch.ink, order)]
        photos = [batch.photos, shuffled(batch.photos, order), shuffled(batch.photos, other)]
        sketches, of_photos = trained(torch.cat(ink), torch.cat(photos))  # one forward, as DDP requires
        (s, s_shuffled), (p, p_alike, p_other) = sketches.split(count), of_photos.split(count)
        values = {
            "triplet": category_triplet(s, p, category.to(batch.photo.device)[batch.photo], config.margin),
            "shuffle": (config.margin - (s_shuffled * p_alike).sum(1) + (s_shuffled * p_other).sum(1)).relu().mean(),
        }
        return {"loss": values["triplet"] + config.shuffle_weight * values["shuffle"], **values}

    body = nn.Module()  # the norms, which have weights already; prompts are new
    body.add_module("norms", nn.ModuleList(m for m in network.modules() if not list(m.children())))
    # Frozen, so statistics of batch norm stay, and there is no dropout.
    return [budget_phase(network, body, config.training, pairs.at, loss, train_mode=nn.Module.eval)]


def category_triplet(sketches: Tensor, photos: Tensor, category: Tensor, margin: float) -> Tensor:
    """Mean over sketches of ``relu(margin + d(s, p) - d(s, n))`` for unit vectors ``[B, D]``, d the cosine distance.

    n is another photo of the same ``category [B]``; of any, where the batch has none.
    """
    distances = 1 - sketches @ photos.T
    others = ~torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    alike = others & (category[:, None] == category)
    allowed = torch.where(alike.any(1, keepdim=True), alike, others)
    negative, _ = random_of(distances, allowed)
    return (margin + distances.diagonal() - negative).relu().mean()


def shuffled(images: Tensor, order: Tensor) -> Tensor:
    """Images ``[B, S, S, ...]`` cut into g x g parts; place i, row by row, gets the part ``order[:, i]`` of
    ``order [B, g^2]``.
    """
    grid = int(order.shape[1] ** 0.5)
    side = images.shape[1] // grid
    parts = images.unflatten(2, (grid, side)).unflatten(1, (grid, side)).transpose(2, 3).flatten(1, 2)
    parts = parts[torch.arange(len(images), device=images.device)[:, None], order.to(images.device)]
    return parts.unflatten(1, (grid, grid)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
