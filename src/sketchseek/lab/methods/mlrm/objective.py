"""Triplet losses on regions (local) and images (global), and the overlap penalty, trained in one phase (section 3.4).

All distances are L2. The distance of images is the matcher's, so training and retrieval use the same.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods.mlrm.config import Config
from sketchseek.lab.methods.mlrm.network import MLRMNetwork, PairOutputs
from sketchseek.lab.network import matcher_of
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase
from sketchseek.matching import Matcher

PARTS = ("local", "global", "overlap_sketch", "overlap_photo")


def phases(config: Config, network: MLRMNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget. Raises InputError if every loss has weight 0."""
    if not any(getattr(config, f"weight_{name}") for name in PARTS):
        raise InputError("mlrm: every loss has weight 0, so there is nothing to train")
    matcher = matcher_of(network)
    constructs = config.weight_global > 0 and config.global_region_negatives and config.regions > 1

    def loss(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        device = batch.ink.device
        replaced = torch.randint(config.regions, (len(batch.ink),), device=device) if constructs else None
        encoded = trained(batch.ink, batch.photos, replaced)
        return losses(config, matcher, encoded)

    def train_mode(trained: nn.Module) -> None:
        """Train everything except the statistics of the backbone's batch norms, which stay ImageNet's.

        So the passes of Block4 for different regions, which share a batch, do not influence each other.
        """
        trained.train()
        for module in network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    return [budget_phase(network, network.backbone, config.training, pairs.at, loss, train_mode=train_mode)]


def losses(config: Config, matcher: Matcher, encoded: PairOutputs) -> dict[str, Tensor]:
    """The weighted sum, ``loss``, and its terms; terms of weight 0 are left out."""
    sketches, photos = encoded.sketches, encoded.photos
    values = {}
    if config.weight_local:
        values["local"] = torch.stack(
            [
                local_triplet(sketches[f"level{level}"], photos[f"level{level}"], index, config)
                for index, level in enumerate(config.levels, start=1)
            ]
        ).sum()
    if config.weight_global:
        values["global"] = global_triplet(encoded, matcher, config.margin, config.global_share)
    for name, features in (("sketch", sketches), ("photo", photos)):
        if getattr(config, f"weight_overlap_{name}"):
            values[f"overlap_{name}"] = overlap(features["maps"], config.overlap)
    total = torch.stack([getattr(config, f"weight_{name}") * value for name, value in values.items()]).sum()
    return {"loss": total, **values}


def local_triplet(sketches: Tensor, photos: Tensor, index: int, config: Config) -> Tensor:
    """The local triplet loss on regions ``[B, N, C]`` of the ``index``-th enabled level, from 1 (section 3.4).

    The anchor is a region of a sketch, the positive the same region of its photo. Negatives are all regions of other
    photos, with margin (1 + e^-index) m, and, with region-negatives, the other regions of its own photo, with alpha
    times that margin. The mean is over all triplets, including those with loss 0.
    """
    batch, regions = sketches.shape[:2]
    # From differences instead of a matrix product, because features are not normalised. The cost is small in a step.
    distance = torch.cdist(sketches.flatten(0, 1), photos.flatten(0, 1), compute_mode="donot_use_mm_for_euclid_dist")
    instance = torch.arange(batch, device=distance.device).repeat_interleave(regions)
    same = instance[:, None] == instance[None, :]
    other_region = same & ~torch.eye(len(distance), dtype=torch.bool, device=distance.device)
    margin = (1 + math.exp(-index)) * config.margin * torch.where(same, config.local_share, 1.0)
    violation = (distance.diagonal()[:, None] - distance + margin).relu()
    if not config.local_region_negatives or regions == 1:
        return violation[~same].mean()
    if config.local_mean == "separate":
        return violation[~same].mean() + violation[other_region].mean()
    return violation[~same | other_region].mean()


def global_triplet(encoded: PairOutputs, matcher: Matcher, margin: float, share: float) -> Tensor:
    """The global triplet loss on images, with the matcher's distance (section 3.4).

    Negatives are all other photos of the batch, with margin m, and, if they were constructed, the matching photo with
    one region replaced, with margin beta m (``share`` is beta).
    """
    distance = -matcher.similarity(encoded.sketches, encoded.photos)
    own = distance.diagonal()
    others = ~torch.eye(len(own), dtype=torch.bool, device=own.device)
    loss = (own[:, None] - distance + margin).relu()[others].mean()
    if encoded.negatives is not None:
        constructed = -matcher.similarity(encoded.sketches, encoded.negatives).diagonal()
        loss = loss + (own - constructed + share * margin).relu().mean()
    return loss


def overlap(maps: Tensor, kind: Literal["lama", "cama"]) -> Tensor:
    """The overlap penalty of attention maps ``[B, N, h, w]``; 0 with one region.

    ``lama``: each map times the maximum of the others, summed over cells and regions, divided by N (N - 1) as in the
    released code (the paper divides by N^2). ``cama``: the product of all maps, summed over cells, divided by N.
    """
    regions = maps.shape[1]
    if regions == 1:
        return maps.new_zeros(())
    if kind == "cama":
        return maps.prod(1).sum((1, 2)).mean() / regions
    others = [torch.cat([maps[:, :r], maps[:, r + 1 :]], dim=1).amax(1) for r in range(regions)]
    return (maps * torch.stack(others, dim=1)).sum((1, 2, 3)).mean() / (regions * (regions - 1))
