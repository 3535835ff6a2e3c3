"""One encoder with attention for sketches and photos, and HOLEF, a learnt energy of a sketch and a photo."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.backbones.attention import SpatialAttention
from sketchseek.lab.methods.dssa.config import Config
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.network import Network

ATTENTION_HIDDEN = 256


class DSSA(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3])`` gives the energies ``[B, B]`` of sketches and photos, float32,
    and how far the energy is from the squared L2 distance (a scalar, 0 without HOLEF).

    Retrieval ranks by the same energy, through vectors whose Euclidean distances have its order.
    """

    matcher = "euclidean"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, (config.tap,), config.size, weights)
        found, side = self.backbone.channels[0], self.backbone.sides[0]
        channels = config.channels or found
        self.reduce = nn.Conv2d(found, channels, 1) if config.channels else nn.Identity()
        self.attention = SpatialAttention(channels, ATTENTION_HIDDEN) if config.attention else nn.Identity()
        self.coarse = nn.Sequential(
            nn.Linear(channels * side * side, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.embedding)
        )
        self.fusion = config.fusion
        self.energy = None
        if config.holef:
            self.energy = Energy(config.embedding + (channels if config.fusion else 0), 2 if config.fusion else 1)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        sketches = self._embed(self.inputs.sketches(ink))
        return {"vector": sketches if self.energy is None else F.pad(sketches, (0, 1))}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        vectors = self._embed(self.inputs.photos(photos))
        return {"vector": vectors if self.energy is None else self.energy.of_photos(vectors)}

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
        sketches, others = self._embed(torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])).chunk(2)
        with torch.autocast(sketches.device.type, enabled=False):
            if self.energy is None:
                return squared_distances(sketches, others), sketches.new_zeros(())
            return self.energy(sketches, others), self.energy.distance_from_identity()

    def _embed(self, images: Tensor) -> Tensor:
        (found,) = self.backbone(images.contiguous(memory_format=torch.channels_last))
        attended = self.attention(self.reduce(found))
        coarse = F.normalize(self.coarse(attended.flatten(1)).float(), dim=1)
        if not self.fusion:
            return coarse
        return torch.cat([coarse, F.normalize(attended.float().sum(dim=(2, 3)), dim=1)], dim=1)


class Energy(nn.Module):
    """HOLEF: ``E(s, p) = sum_ij W_ij (s_i - p_j)^2`` of vectors ``[B, D]``, each pair of entries with a learnt weight.

    W is the identity at first, so E is the squared L2 distance. ``squared_length`` is that of the vectors.
    """

    def __init__(self, dimensions: int, squared_length: int) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(dimensions, dimensions))  # W minus the identity
        self.squared_length = squared_length

    def forward(self, sketches: Tensor, photos: Tensor) -> Tensor:
        """The energies ``[B, B]``, from ``sum_i s_i^2 sum_j W_ij + sum_j p_j^2 sum_i W_ij - 2 s W p``."""
        weights = self._weights()
        of_sketches, of_photos = sketches.square() @ weights.sum(1), photos.square() @ weights.sum(0)
        return of_sketches[:, None] + of_photos[None] - 2 * sketches @ weights @ photos.T

    def of_photos(self, photos: Tensor) -> Tensor:
        """Vectors ``[B, D + 1]`` whose squared L2 distance from ``[s, 0]`` is the energy plus a number that depends on
        s only: ``[W p, t]`` with ``t^2 = K + sum_j p_j^2 sum_i W_ij - |W p|^2``.

        K makes it at least 0 for all p: a bound of the largest eigenvalue of the difference by its row sums.
        """
        weights = self._weights()
        excess = weights.T @ weights - torch.diag(weights.sum(0))
        bound = self.squared_length * excess.abs().sum(1).max()
        moved = photos @ weights.T
        rest = bound + photos.square() @ weights.sum(0) - moved.square().sum(1)
        return torch.cat([moved, rest.clamp_min(0).sqrt()[:, None]], dim=1)

    def distance_from_identity(self) -> Tensor:
        """The sum of the absolute values of W minus the identity, plus its Frobenius norm."""
        return self.change.abs().sum() + self.change.square().sum().clamp_min(1e-12).sqrt()

    def _weights(self) -> Tensor:
        return self.change + torch.eye(len(self.change), device=self.change.device)


def squared_distances(sketches: Tensor, photos: Tensor) -> Tensor:
    """Squared L2 distances ``[B, D], [B, D] -> [B, B]``."""
    return sketches.square().sum(1)[:, None] + photos.square().sum(1)[None] - 2 * sketches @ photos.T


def build(config: Config, weights: Weights = "random") -> DSSA:
    """The network with its backbone's weights loaded."""
    return DSSA(config, weights).to(memory_format=torch.channels_last)
