"""Contrast between pairs, by the vector, by the cells and by both; between categories; in one phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.cache import Arrays
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods.seek.batches import SeekPairs
from sketchseek.lab.methods.seek.config import Config
from sketchseek.lab.methods.seek.network import KIND_WEIGHT, SeekNetwork
from sketchseek.lab.training.frozen import frozen_features
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.optimizers import body_and_new, build_optimizer, schedule
from sketchseek.matching import FeaturesOf, get_matcher

CLIP = 5.0  # of the gradient's norm
DROPPED = 0.2  # share of a photo's recognised features that are zero in training


@dataclass(frozen=True)
class MixedBatch:
    """The first ``pairs`` of ``ink [B, S, S]`` and of ``photos [P, S, S, 3]`` are pairs; what follows shares only a
    category. ``of_sketches [B]`` and ``of_photos [P]`` are categories by number, -1 where none is known.

    ``recognised [R, F]``, R >= P, are the recogniser's features of the photos and of further ones; ``classes [R, C]``
    are its probabilities of its classes, ``of_recognised [R]`` the categories.
    """

    pairs: int
    ink: Tensor
    photos: Tensor
    of_sketches: Tensor
    of_photos: Tensor
    recognised: Tensor | None = None
    classes: Tensor | None = None
    of_recognised: Tensor | None = None


def training_pairs(config: Config, splits: Sequence[Split], seed: int) -> SeekPairs:
    """The pairs of all data sets, in the shares of the config."""
    return SeekPairs(splits, config, seed)


def phases(config: Config, network: SeekNetwork, pairs: SeekPairs) -> list[Phase]:
    """One phase over the training budget. With ``kinds``, gives the network the names that it learns: the categories
    of the data, then the classes of the recogniser.
    """
    recognised = _recognise(config, network, pairs) if config.kinds else None

    def batch(step: int, device: torch.device) -> MixedBatch:
        paired = pairs.at(step, device)
        photo = paired.photo.cpu().numpy()
        ink, photos = paired.ink, paired.photos
        of_sketches = of_photos = torch.from_numpy(pairs.category_of_photo[photo]).to(device)
        if config.categories:
            others = pairs.by_category(step, config.categories, config.drawings, device)
            ink, photos = torch.cat([ink, others.ink]), torch.cat([photos, others.photos])
            photo = np.concatenate([photo, others.photo.cpu().numpy()])
            of_sketches = torch.cat([of_sketches, others.of_sketches])
            of_photos = torch.cat([of_photos, others.of_photos])
        if recognised is None:
            return MixedBatch(len(paired.photo), ink, photos, of_sketches, of_photos)
        random = np.random.default_rng([pairs.seed, step, config.recognised])
        photo = np.concatenate([photo, random.integers(len(pairs.photos), size=config.recognised)])
        views = np.array(["plain", "mirrored"])[random.integers(2, size=len(photo))]
        features = np.stack([recognised[view][p] for view, p in zip(views, photo, strict=True)])
        of_each = torch.from_numpy(features).to(device, torch.float32)
        with torch.no_grad():
            classes = network.recogniser.classify(of_each).softmax(dim=1)
        return MixedBatch(
            len(paired.photo),
            ink,
            photos,
            of_sketches,
            of_photos,
            F.dropout(of_each, DROPPED),
            classes,
            torch.from_numpy(pairs.category_of_photo[photo]).to(device),
        )

    def loss(trained: nn.Module, batch: MixedBatch, fraction: float) -> dict[str, Tensor]:
        ink, photos = batch.ink, batch.photos
        if fraction < config.small_share:
            ink = _resized(ink[:, None], config.small_size)[:, 0]
            photos = _resized(photos.permute(0, 3, 1, 2), config.small_size).permute(0, 2, 3, 1)
        return losses(config, batch, *trained(ink, photos, batch.recognised))

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


def _recognise(config: Config, network: SeekNetwork, pairs: SeekPairs) -> Arrays:
    """Give the network its names, and compute what the recogniser makes of all photos, plain and mirrored."""
    from timm.data.imagenet_info import ImageNetInfo

    imagenet = ImageNetInfo()
    classes = network.recogniser.classifier.out_features
    named = [imagenet.index_to_label_name(c) for c in range(classes)] if classes == imagenet.num_classes() else []
    drawn = set(range(len(pairs.categories))) - set(pairs.category_of_photo.tolist())
    network.names.begin([*pairs.categories, *named], {pairs.categories[category] for category in drawn})

    def photo(seek: SeekNetwork, pixels: Tensor) -> dict[str, Tensor]:
        images = seek.inputs.photos(pixels)
        return {"plain": seek.recogniser(images), "mirrored": seek.recogniser(images.flip(3))}

    settings = (config.recogniser, config.recogniser_tap, config.normalisation)
    return frozen_features(network, [network.recogniser], pairs.split, config.size, 1, settings, None, photo)


def losses(
    config: Config, batch: MixedBatch, sketches: FeaturesOf[Tensor], photos: FeaturesOf[Tensor]
) -> dict[str, Tensor]:
    """``pairs``: ``pair_loss`` by the shape (the global vector without its kind), by the cells and by all, added up.
    With categories: ``categories``, the mean of ``category_loss`` by the kind (by the global vector if there is none)
    and by all.

    With kinds: ``named``, the cross-entropy of the categories' names, of sketches and of recognised photos; and
    ``classes``, the cross-entropy between the recogniser's probabilities and those by the names of its classes, so that
    the kind of a photo keeps what the recogniser knows.
    """
    shape = config.vector - config.kinds
    cells = get_matcher("inked-cells", global_weight=0.0).similarity(sketches, photos)
    shapes = _cosines(sketches["global"][:, :shape], photos["global"][:, :shape])
    kinds = _cosines(sketches["global"][:, shape:], photos["global"][:, shape:]) if config.kinds else shapes
    both = shapes + config.cells_weight * cells + (KIND_WEIGHT * kinds if config.kinds else 0.0)
    pairs = torch.stack([pair_loss(s, batch.pairs, config.temperature) for s in (shapes, cells, both)]).sum()
    values = {"pairs": pairs}
    if config.categories:
        rest = slice(batch.pairs, None)
        values["categories"] = torch.stack(
            [category_loss(s[rest], batch.of_sketches[rest], batch.of_photos, config) for s in (kinds, both)]
        ).mean()
    if batch.recognised is not None:
        assert batch.classes is not None and batch.of_recognised is not None
        own = sketches["names"].shape[1] - batch.classes.shape[1]  # the categories' names are the first
        of_sketches, of_photos = (f["names"] / config.category_temperature for f in (sketches, photos))
        values["named"] = F.cross_entropy(of_sketches[:, :own], batch.of_sketches, ignore_index=-1) + F.cross_entropy(
            of_photos[:, :own], batch.of_recognised, ignore_index=-1
        )
        values["classes"] = F.cross_entropy(of_photos[:, own:], batch.classes)
    by_kind = [value for name, value in values.items() if name != "pairs"]
    total = pairs + config.category_weight * torch.stack(by_kind).sum() if by_kind else pairs
    return {"loss": total, **values}


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


def _cosines(sketches: Tensor, photos: Tensor) -> Tensor:
    return F.normalize(sketches, dim=1) @ F.normalize(photos, dim=1).T


def _resized(images: Tensor, size: int) -> Tensor:
    """``[B, C, S, S]`` to another size, antialiased, as preprocessing does it."""
    return F.interpolate(images.float(), size=(size, size), mode="bilinear", antialias=True, align_corners=False)
