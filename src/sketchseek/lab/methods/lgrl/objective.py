"""Two phases. Stage 1 trains trunk, attention and the heads of photos with losses on whole images and on regions.
Stage 2 freezes these and trains new heads for sketches on the features of every step of every training sketch.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam

from sketchseek.lab.cache import Arrays
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods.lgrl.config import Config
from sketchseek.lab.methods.lgrl.network import LGRLNetwork, StageOneVectors
from sketchseek.lab.training.frozen import frozen_features, in_parts
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.losses import info_nce
from sketchseek.lab.training.optimizers import schedule
from sketchseek.lab.training.pairs import PairBatch, TrainingPairs
from sketchseek.lab.training.phases import budget_phase
from sketchseek.matching.distances import aligned_distances

STEPS = 20  # partial sketches in an episode
# Stage 2, as in the released code:
SKETCHES = 20  # in an update
RATE = 0.01  # learning rate
CLIP = 40.0  # norm to which gradients are clipped

INK_SAMPLE = 2_000  # about how many sketches are used to estimate the ink of a complete one


def phases(config: Config, network: LGRLNetwork, pairs: TrainingPairs) -> list[Phase]:
    """Stage 1 over the training budget and, if there is a second stage, ``head_epochs`` over the training episodes.

    Also measures the network's ``typical_ink``. Before stage 2, the network's sketch heads are random, so it is
    validated in stage 2 only.
    """
    sample = pairs.ink[:: -(-len(pairs.ink) // INK_SAMPLE)]
    network.typical_ink.fill_(float(np.median(sample.mean(axis=(1, 2)))) / 255)

    def stage1(trained: nn.Module, batch: PairBatch, fraction: float) -> dict[str, Tensor]:
        return stage1_losses(config, trained(1, batch.ink, batch.photos))

    def stage1_mode(trained: nn.Module) -> None:
        trained.train()
        if config.batch_norm == "frozen":
            for module in network.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    first = budget_phase(
        network,
        network.backbone,
        config.training,
        pairs.at,
        stage1,
        name="stage 1",
        train_mode=stage1_mode,
        validated=not config.second_stage,
    )
    if not config.second_stage:
        return [first]

    episodes = Episodes(network, pairs.split, config.size, pairs.seed)

    def stage2(trained: nn.Module, batch: EpisodeBatch, fraction: float) -> dict[str, Tensor]:
        whole, regions = trained(2, batch.whole, batch.regions)
        weight = batch.weight if config.ink_weighted_training else None
        return stage2_losses(whole, regions, batch.positive, batch.negative, config.head_margin, weight)

    second = Phase(
        name="stage 2",
        steps=max(1, config.head_epochs * len(episodes.sketches) // SKETCHES),
        batch=episodes.at,
        loss=stage2,
        optimizers={
            "global": Adam(network.sketch_head.parameters(), lr=RATE),
            "local": Adam(network.sketch_region_head.parameters(), lr=RATE),
        },
        schedule=schedule(config.training.schedule),
        clip=CLIP,
        train_mode=nn.Module.eval,
    )
    return [first, second]


def stage1_losses(config: Config, embedded: StageOneVectors) -> dict[str, Tensor]:
    """Losses with other photos of the batch as negatives: mean over whole images + mean over regions.

    Each region is compared with the same region of the photo. For the triplet loss with ``negatives="one"``, the
    negative is one random other photo of the batch, which is a random other photo of the training set; otherwise all
    others are negatives.
    """
    count, device = len(embedded.sketch), embedded.sketch.device
    other = ~torch.eye(count, dtype=torch.bool, device=device)
    if config.negatives == "one":
        shift = torch.randint(1, count, (count,), device=device)
        other = F.one_hot((torch.arange(count, device=device) + shift) % count, count).bool()
    margin = config.margin

    def mean(sketches: Tensor, photos: Tensor) -> Tensor:
        if config.objective == "infonce":
            places = zip(sketches.unbind(1), photos.unbind(1), strict=True)
            return torch.stack([info_nce(s, p, config.temperature) for s, p in places]).mean()
        distance = aligned_distances(sketches, photos)  # [places, B, B]
        return (distance.diagonal(dim1=1, dim2=2)[:, :, None] - distance + margin).relu()[:, other].mean()

    parts = {
        "global": mean(embedded.sketch[:, None], embedded.photo[:, None]),
        "local": mean(embedded.sketch_regions, embedded.photo_regions),
    }
    return {"loss": parts["global"] + parts["local"], **parts}


def stage2_losses(
    whole: Tensor,
    regions: Tensor,
    positive: tuple[Tensor, Tensor],
    negative: tuple[Tensor, Tensor],
    margin: float,
    weight: Tensor | None = None,
) -> dict[str, Tensor]:
    """Triplet losses at every step, summed over the steps as in the released code.

    ``whole [B, T, d]`` and ``regions [B, T, R, d]`` are vectors of sketches; ``positive`` and ``negative`` are those of
    their photos and of other photos, ``[B, d]`` and ``[B, R, d]``. The local term is the mean over regions, or their
    sum weighted by ``weight [B, T, R]``.
    """
    local = _triplet(regions, positive[1][:, None], negative[1][:, None], margin)
    parts = {
        "global": _triplet(whole, positive[0][:, None], negative[0][:, None], margin).sum(1).mean(),
        "local": (local.mean(2) if weight is None else (weight * local).sum(2)).sum(1).mean(),
    }
    return {"loss": parts["global"] + parts["local"], **parts}


def _triplet(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Triplet losses of vectors along the last axis, with L2 distances; the other axes broadcast."""
    return (F.pairwise_distance(anchor, positive) - F.pairwise_distance(anchor, negative) + margin).relu()


class EpisodeBatch(NamedTuple):
    """Episodes of B sketches, float32."""

    whole: Tensor  # [B, T, C], attended features of whole images
    regions: Tensor  # [B, T, R, C'], attended features of regions
    weight: Tensor  # [B, T, R], weights of regions in the distance
    positive: tuple[Tensor, Tensor]  # vectors of the sketches' photos, [B, d] and [B, R, d]
    negative: tuple[Tensor, Tensor]  # vectors of other photos


class Episodes:
    """The training data of stage 2: features of the frozen part for every step of the training sketches, and photos.

    They are computed, or read from the cache, for the first batch, when stage 1 is finished. Sketches without steps are
    left out; if no sketch has steps, an episode is just the complete sketch.
    """

    def __init__(self, network: LGRLNetwork, split: Split, size: int, seed: int) -> None:
        self.network, self.size, self.seed = network, size, seed
        grown = tuple(s for s in split.sketches if s.strokes is not None or s.frames)
        self.photos, self.sketches = split.photos, grown or split.sketches
        self.steps = STEPS if grown else 1
        self.photo = np.array([sketch.photo for sketch in self.sketches])

    def at(self, step: int, device: torch.device | str = "cpu") -> EpisodeBatch:
        """The batch of an update; it depends only on (seed, step).

        Sketches are in a new order in every epoch, each with a random other photo as the negative.
        """
        sketch = self._order(step)
        photo = self.photo[sketch]
        random = np.random.default_rng([self.seed, step])
        other = (photo + random.integers(1, max(len(self.photos), 2), len(photo))) % len(self.photos)

        def take(name: str, rows: NDArray[np.intp]) -> Tensor:
            return torch.from_numpy(self.features[name][rows]).to(device).float()

        positive, negative = ((take("photo", rows), take("photo_regions", rows)) for rows in (photo, other))
        return EpisodeBatch(take("whole", sketch), take("regions", sketch), take("weight", sketch), positive, negative)

    def _order(self, step: int) -> NDArray[np.intp]:
        """The indices of the sketches of an update; a batch may span the end of an epoch and the start of the next."""
        epoch, place = np.divmod(np.arange(step * SKETCHES, (step + 1) * SKETCHES), len(self.sketches))
        orders = {e: np.random.default_rng([self.seed, e]).permutation(len(self.sketches)) for e in np.unique(epoch)}
        return np.array([orders[e][p] for e, p in zip(epoch, place, strict=True)])

    @cached_property
    def features(self) -> Arrays:
        """Cached arrays ``whole``, ``regions``, ``weight`` of sketches, and ``photo``, ``photo_regions`` of photos."""
        network = self.network

        def sketch(network: LGRLNetwork, ink: Tensor) -> dict[str, Tensor]:
            return {
                "whole": in_parts(lambda part: network.attend_whole(network.inputs.sketches(part)), ink),
                "regions": network.map_regions(
                    ink, lambda crops: network.attend_regions(network.inputs.sketches(crops))
                ),
                "weight": network.weights(ink),
            }

        def photo(network: LGRLNetwork, photos: Tensor) -> dict[str, Tensor]:
            encoded = network.encode_photo(photos)
            return {"photo": encoded["global"], "photo_regions": encoded["local"]}

        return frozen_features(
            network,
            (network.backbone, network.attention, network.region_attention, network.head, network.region_head),
            Split(self.photos, self.sketches),
            self.size,
            self.steps,
            settings={
                "typical ink": f"{float(network.typical_ink):.8f}",
                "regions": (network.regions, network.region_size),
                "inputs": (network.inputs.polarity, network.inputs.scale.tolist()),
            },
            sketch=sketch,
            photo=photo,
        )
