"""Four NT-Xent terms, between and within the two domains, and the recycling losses, trained in one phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sketchseek.lab.datasets.base import Photo, Split, merge, split_of_pairs
from sketchseek.lab.methods.arnet.config import Config
from sketchseek.lab.methods.arnet.mstr import recycling_loss
from sketchseek.lab.methods.arnet.network import ARNet, EncoderOutputs
from sketchseek.lab.training.augmentation import augmented_views
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import nt_xent
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.lab.training.phases import budget_phase


class ViewBatch(NamedTuple):
    """B pairs, and another view of each sketch and photo; pixels are 0..255."""

    ink: Tensor  # [B, S, S]
    photos: Tensor  # [B, S, S, 3]
    ink_views: Tensor | None
    photo_views: Tensor | None
    identity: Tensor  # [B], a number for the pair's photo, the same for its copies


def training_pairs(config: Config, splits: Sequence[Split], seed: int) -> TrainingPairs:
    """The pairs of the splits; with ``batch="sketches"`` an epoch shows every sketch once, else every photo."""
    if config.batch == "sketches":
        splits = [split_of_pairs(merge(splits))]
    return TrainingPairs(splits, config.size, config.training, seed)


def phases(config: Config, network: ARNet, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget."""
    first: dict[Photo, int] = {}
    photo_of = torch.tensor([first.setdefault(photo, index) for index, photo in enumerate(pairs.split.photos)])

    def batch(step: int, device: torch.device) -> ViewBatch:
        drawn = pairs.at(step, device)
        ink, photos = augmented_views(drawn.ink, drawn.photos) if config.augmented_views else (None, None)
        return ViewBatch(drawn.ink, drawn.photos, ink, photos, photo_of.to(device)[drawn.photo])

    def loss(trained: nn.Module, batch: ViewBatch, fraction: float) -> dict[str, Tensor]:
        sketches, photos = trained(batch.ink, batch.photos, batch.ink_views, batch.photo_views)
        return losses(config, network, sketches, photos, batch.identity)

    return [
        budget_phase(network, nn.ModuleList([network.sketch.trunk, network.photo.trunk]), config.training, batch, loss)
    ]


def losses(
    config: Config, network: ARNet, sketches: EncoderOutputs, photos: EncoderOutputs, identity: Tensor
) -> dict[str, Tensor]:
    """The total loss and its terms.

    With NT-Xent X, ``multi`` is X(e_s, e_i), ``inter`` is X(c_s, c_i), and ``intra_*`` is X(c', c) within a domain,
    each with weight 1. ``recycling_*`` are MSTR's losses. Gradients flow through all branches.
    """
    same = identity if config.id_aware else None
    values = {
        "multi": nt_xent(sketches.embedding, photos.embedding, config.temperature, same),
        "inter": nt_xent(sketches.vector, photos.vector, config.temperature, same),
    }
    total = values["multi"] + values["inter"]
    for domain, encoded, encoder in (("sketch", sketches, network.sketch), ("photo", photos, network.photo)):
        if encoded.view is not None:
            values[f"intra_{domain}"] = nt_xent(encoded.view, encoded.vector, config.temperature, same)
            total = total + values[f"intra_{domain}"]
        if encoded.groups is not None and encoder.recycling is not None:
            values[f"recycling_{domain}"] = recycling_loss(encoded.groups, encoder.recycling.target)
            total = total + config.recycling_weight * values[f"recycling_{domain}"]
    return {"loss": total, **values}
