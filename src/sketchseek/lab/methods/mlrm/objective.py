"""Local and global triplets over regions and images, and the overlap penalty, in one phase (section 3.4).

All distances are plain L2; the image's is that of the matcher, so training and retrieval agree.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods.mlrm.config import Config
from sketchseek.lab.methods.mlrm.network import Encoded, MLRMNetwork
from sketchseek.lab.network import matcher_of
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.optimizers import body_and_new, build_optimizer, schedule
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.matching import Matcher

PARTS = ("local", "global", "overlap_sketch", "overlap_photo")


def phases(config: Config, network: MLRMNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget. Raises InputError where every loss has weight 0."""
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
        """The backbone's batch norms keep ImageNet's statistics, so a pass of Block4 does not depend on the others in
        its batch; the new ones learn theirs.
        """
        trained.train()
        for module in network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    groups = body_and_new(network, network.backbone, config.training)
    return [
        Phase(
            name="train",
            steps=config.training.steps,
            batch=pairs.at,
            loss=loss,
            optimizers={"all": build_optimizer(groups, config.training)},
            schedule=schedule(config.training.schedule),
            train_mode=train_mode,
        )
    ]


def losses(config: Config, matcher: Matcher, encoded: Encoded) -> dict[str, Tensor]:
    """The weighted sum, ``loss``, and its parts; parts of weight 0 are left out."""
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
    """Regions ``[B, N, C]`` of one level, the ``index``-th enabled one, from 1 (section 3.4, local triplet loss).

    The anchor is a region of a sketch, the positive the same region of its photo. Negatives are all regions of other
    photos at margin (1 + e^-index) m and, with region-negatives, the other regions of its own photo at a share alpha
    of that. The mean is over all triplets, those of loss 0 included.
    """
    batch, regions = sketches.shape[:2]
    # By the difference, not by a matrix product: features are not of unit length, and it is a small part of a step.
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


def global_triplet(encoded: Encoded, matcher: Matcher, margin: float, share: float) -> Tensor:
    """Images by the matcher's distance (section 3.4, global triplet loss): every other photo of the batch is a negative
    at margin m and, where they were constructed, the photo itself with one region replaced at margin beta m.
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
    """How much the regions of attention maps ``[B, N, h, w]`` overlap; 0 with one region.

    ``lama``: the sum over cells of each map times the largest of the others, summed over regions, over N (N - 1), as in
    the released code (the paper divides by N^2). ``cama``: the sum over cells of the product of all maps, over N.
    """
    regions = maps.shape[1]
    if regions == 1:
        return maps.new_zeros(())
    if kind == "cama":
        return maps.prod(1).sum((1, 2)).mean() / regions
    others = [torch.cat([maps[:, :r], maps[:, r + 1 :]], dim=1).amax(1) for r in range(regions)]
    return (maps * torch.stack(others, dim=1)).sum((1, 2, 3)).mean() / (regions * (regions - 1))
