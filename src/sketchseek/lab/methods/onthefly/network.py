"""A trunk shared by sketches and photos, a supervised head, and the policy, which encodes sketches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.onthefly.config import Config
from sketchseek.lab.methods.onthefly.policy import Policy
from sketchseek.lab.network import Network


class OnTheFlyNetwork(Network):
    """Encodes sketches by the mean of the policy, and photos by the supervised head.

    ``forward(ink [B, S, S], photos [B, S, S, 3])`` is for the supervised phase: it encodes both by the supervised head,
    unit vectors ``[B, E]``, in one pass, so they share batch norm statistics.
    """

    for_partial_sketches = True
    matcher = "cosine"  # for unit vectors, equivalent to the Euclidean distance

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, (config.tap,), config.size, weights)
        (channels,) = self.backbone.channels
        self.head = nn.Linear(channels, config.embedding)
        self.policy = Policy(channels, config.embedding)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": F.normalize(self.policy.mean(self.states(ink)), dim=1)}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": self._supervised(self._pooled(self.inputs.photos(photos)))}

    def states(self, ink: Tensor) -> Tensor:
        """The policy's states of sketches ``[B, S, S]``: the trunk's pooled map, ``[B, D]``, not normalised."""
        return self._pooled(self.inputs.sketches(ink))

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        sketch, photo = self._supervised(self._pooled(images)).split([len(ink), len(photos)])
        return sketch, photo

    def _pooled(self, images: Tensor) -> Tensor:
        (maps,) = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return maps.mean(dim=(2, 3)).float()

    def _supervised(self, pooled: Tensor) -> Tensor:
        return F.normalize(self.head(F.normalize(pooled, dim=1)).float(), dim=1)


def build(config: Config, weights: Weights = "random") -> OnTheFlyNetwork:
    """The network with its backbone's weights loaded."""
    return OnTheFlyNetwork(config, weights).to(memory_format=torch.channels_last)
