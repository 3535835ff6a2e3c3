"""Contrast between pairs, by the vector, by the cells and by both; between categories; in one phase."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.methods.seek.config import Config
from sketchseek.lab.methods.seek.network import Classifier, SeekNetwork
from sketchseek.lab.training.loop import TRAINING_ONLY, Phase
from sketchseek.lab.training.optimizers import body_and_new, build_optimizer, schedule
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.matching import FeaturesOf, get_matcher

CLIP = 5.0  # of the gradient's norm


@dataclass(frozen=True)
class MixedBatch:
    """The first ``pairs`` of ``ink [B, S, S]`` and of ``photos [P, S, S, 3]`` are pairs; what follows shares only a
    category. ``of_sketches [B]`` and ``of_photos [P]`` are categories by number, -1 where none is known.
    """

    pairs: int
    ink: Tensor
    photos: Tensor
    of_sketches: Tensor
    of_photos: Tensor


def phases(config: Config, network: SeekNetwork, pairs: TrainingPairs) -> list[Phase]:
    """One phase over the training budget. Where there are categories to train with, gives the network the classifier,
    which only training has.
    """
    if config.categories:
        network.add_module(TRAINING_ONLY, Classifier(len(pairs.categories), config.vector, config.category_temperature))

    def batch(step: int, device: torch.device) -> MixedBatch:
        paired = pairs.at(step, device)
        known = torch.from_numpy(pairs.category_of_photo).to(device)[paired.photo]
        if not config.categories:
            return MixedBatch(len(known), paired.ink, paired.photos, known, known)
        others = pairs.by_category(step, config.categories, config.drawings, device)
        return MixedBatch(
            len(known),
            torch.cat([paired.ink, others.ink]),
            torch.cat([paired.photos, others.photos]),
            torch.cat([known, others.of_sketches]),
            torch.cat([known, others.of_photos]),
        )

    def loss(trained: nn.Module, batch: MixedBatch, fraction: float) -> dict[str, Tensor]:
        ink, photos = batch.ink, batch.photos
        if fraction < config.small_share:
            ink = _resized(ink[:, None], config.small_size)[:, 0]
            photos = _resized(photos.permute(0, 3, 1, 2), config.small_size).permute(0, 2, 3, 1)
        return losses(config, batch, *trained(ink, photos))

    groups = body_and_new(network, network.backbone, config.training)
    return [
        Phase(
            name="train",
            steps=config.training.steps,
            batch=batch,
            loss=loss,
            optimizers={"all": build_optimizer(groups, config.training)},
            schedule=schedule(config.training.schedule),
            clip=CLIP,
        )
    ]


def losses(
    config: Config, batch: MixedBatch, sketches: FeaturesOf[Tensor], photos: FeaturesOf[Tensor]
) -> dict[str, Tensor]:
    """``pairs``: ``pair_loss`` by the global vector, by the cells and by their sum, added up. With categories:
    ``categories``, ``category_loss`` by the vector and by the sum, and ``classes``, the cross-entropy of the
    classifier over all images of a known category.
    """
    vectors = get_matcher("inked-cells", cells_weight=0.0).similarity(sketches, photos)
    cells = get_matcher("inked-cells", global_weight=0.0).similarity(sketches, photos)
    both = vectors + config.cells_weight * cells
    pairs = torch.stack([pair_loss(s, batch.pairs, config.temperature) for s in (vectors, cells, both)]).sum()
    if not config.categories:
        return {"loss": pairs}
    categories = torch.stack(
        [
            category_loss(s[batch.pairs :], batch.of_sketches[batch.pairs :], batch.of_photos, config)
            for s in (vectors, both)
        ]
    ).mean()
    category = torch.cat([batch.of_sketches, batch.of_photos])
    classes = F.cross_entropy(torch.cat([sketches["logits"], photos["logits"]]), category, ignore_index=-1)
    total = pairs + config.category_weight * (categories + classes)
    return {"loss": total, "pairs": pairs, "categories": categories, "classes": classes}


def pair_loss(similarity: Tensor, pairs: int, temperature: float) -> Tensor:
    """InfoNCE by similarities ``[B, P]``, whose first ``pairs`` rows and columns are pairs: of each sketch against all
    photos and of each photo of a pair against the sketches of the pairs, their mean.
    """
    logits = similarity[:pairs] / temperature
    target = torch.arange(pairs, device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits[:, :pairs].T, target)) / 2


def category_loss(similarity: Tensor, of_sketches: Tensor, of_photos: Tensor, config: Config) -> Tensor:
    """Supervised contrast (Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, Eq. 2) by similarities
    ``[B, P]``: of each sketch the mean of -log softmax over the photos of its category, then the mean over the
    sketches whose category a photo of the batch has (0 where there are none).
    """
    positive = (of_sketches[:, None] == of_photos) & (of_photos >= 0)
    logs = (similarity / config.category_temperature).log_softmax(dim=1)
    of_each = (logs * positive).sum(dim=1) / positive.sum(dim=1).clamp_min(1)
    return -of_each.sum() / positive.any(dim=1).sum().clamp_min(1)


def _resized(images: Tensor, size: int) -> Tensor:
    """``[B, C, S, S]`` to another size, antialiased, as preprocessing does it."""
    return F.interpolate(images.float(), size=(size, size), mode="bilinear", antialias=True, align_corners=False)
