"""One encoder shared by sketches and photos: feature maps are pooled, concatenated, projected and normalised."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.backbones.attention import SpatialAttention
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.siamese.config import Config
from sketchseek.lab.network import Network


class SiameseNetwork(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3])`` gives the features of both, ``{"vector": [B, D]}``, unit vectors.

    Both are encoded in one pass, so they share batch norm statistics.
    """

    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, config.taps, config.size, weights)
        channels = self.backbone.channels
        self.attention = nn.ModuleList([SpatialAttention(c, c // 4) for c in channels] if config.attention else [])
        self.pool = config.pool
        self.head = nn.Linear(sum(channels), config.head) if config.head else nn.Identity()

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": self._embed(self.inputs.sketches(ink))}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": self._embed(self.inputs.photos(photos))}

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        sketch, photo = self._embed(images).split([len(ink), len(photos)])
        return {"vector": sketch}, {"vector": photo}

    def _embed(self, images: Tensor) -> Tensor:
        maps = self.backbone(images.contiguous(memory_format=torch.channels_last))
        for index, attention in enumerate(self.attention):
            maps[index] = attention(maps[index])
        pooled = [m.amax(dim=(2, 3)) if self.pool == "max" else m.mean(dim=(2, 3)) for m in maps]
        return F.normalize(self.head(torch.cat(pooled, dim=1)).float(), dim=1)


def build(config: Config, weights: Weights = "random") -> SiameseNetwork:
    """The network with its backbone's weights loaded."""
    return SiameseNetwork(config, weights).to(memory_format=torch.channels_last)
