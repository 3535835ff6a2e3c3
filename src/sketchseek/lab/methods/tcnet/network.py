"""One encoder shared by sketches and photos: the average of the last map, projected, not normalised."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.tcnet.config import Config
from sketchseek.lab.network import Network
from sketchseek.lab.training.loop import TRAINING_ONLY


class TCNet(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3])`` gives the vectors of both, ``[B, D]`` float32, and the logits of
    the classifier used in training for both, ``[B, classes]``.

    Both are encoded in one pass, so they share batch norm statistics.
    """

    matcher = "euclidean"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, (config.tap,), config.size, weights)
        self.embedding = nn.Linear(self.backbone.channels[0], config.embedding)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": self._embed(self.inputs.sketches(ink))}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": self._embed(self.inputs.photos(photos))}

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[Tensor, ...]:
        vectors = self._embed(torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)]))
        # In the forward pass instead of the loss, because DDP only shares gradients of parameters used in forward.
        instances: Any = getattr(self, TRAINING_ONLY)
        with torch.autocast(vectors.device.type, enabled=False):
            logits = instances.classifier(vectors)
        return *vectors.chunk(2), *logits.chunk(2)

    def _embed(self, images: Tensor) -> Tensor:
        (last,) = self.backbone(images.contiguous(memory_format=torch.channels_last))
        # DenseNet's features end with a norm without ReLU. Other backbones' maps are at least 0, so it changes nothing.
        return self.embedding(last.relu().mean(dim=(2, 3))).float()


def build(config: Config, weights: Weights = "random") -> TCNet:
    """The network with its backbone's weights loaded."""
    return TCNet(config, weights).to(memory_format=torch.channels_last)
