"""One encoder shared by sketches and photos: the normalised cells of an intermediate feature map."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.methods.candidates import CandidateProjection
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.la.config import Config
from sketchseek.lab.network import Network

# For the single-vector form the map is pooled to the first of these sides with at most MAX_POOLED numbers. With
# MobileNetV2 these are 1,536 numbers. A projection of the whole map, 18,816 numbers, would be ten times as large as the
# network.
POOLED_SIDES = (4, 2, 1)
MAX_POOLED = 5120
BATCH = 32  # photos encoded together in ``fit``


class LocalMapNetwork(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3])`` gives ``{"cells": [B, h w, C]}`` of both, float32, row by row.

    Each cell has unit length. ``encode_sketch`` and ``encode_photo`` add ``"vector" [B, <= 512]``, the single-vector
    form for candidates. In ``forward`` both are encoded in one pass, so they share batch norm statistics.
    """

    matcher = "local"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.matcher_parameters = {"norm": config.norm}
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, (config.tap,), config.size, weights)
        channels, side = self.backbone.channels[0], self.backbone.sides[0]
        pooled = next(s for s in POOLED_SIDES if channels * s * s <= MAX_POOLED or s == 1)
        self.register_buffer("pooling", _pooling(side, pooled), persistent=False)
        self.pooling: Tensor
        self.candidates = CandidateProjection(channels * pooled * pooled)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self._features(self._cells(self.inputs.sketches(ink)))

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return self._features(self._cells(self.inputs.photos(photos)))

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        sketch, photo = self._cells(images).split([len(ink), len(photos)])
        return {"cells": sketch}, {"cells": photo}

    def fit(self, photos: NDArray[np.uint8]) -> None:
        """Fit the projection of the single-vector form to training photos ``[n, S, S, 3]``."""
        was_training = self.training
        self.eval()
        pooled = []
        with torch.no_grad():
            for start in range(0, len(photos), BATCH):
                batch = torch.from_numpy(np.array(photos[start : start + BATCH]))  # a copy: the array may be read-only
                pooled.append(self._pooled(self._cells(self.inputs.photos(batch.to(self.pooling.device)))))
        self.candidates.fit(torch.cat(pooled))
        self.train(was_training)

    def _cells(self, images: Tensor) -> Tensor:
        (local,) = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return F.normalize(local.flatten(2).transpose(1, 2).float(), dim=2)

    def _features(self, cells: Tensor) -> dict[str, Tensor]:
        return {"cells": cells, "vector": self.candidates(self._pooled(cells))}

    def _pooled(self, cells: Tensor) -> Tensor:
        return (self.pooling @ cells).flatten(1)


def _pooling(side: int, pooled: int) -> Tensor:
    """The matrix ``[pooled^2, side^2]`` that averages a map of ``side`` x ``side`` cells to ``pooled`` x ``pooled``."""
    each = torch.eye(side * side).view(-1, 1, side, side)
    return F.adaptive_avg_pool2d(each, pooled).flatten(1).T.contiguous()


def build(config: Config, weights: Weights = "random") -> LocalMapNetwork:
    """The network with its backbone's weights loaded."""
    return LocalMapNetwork(config, weights).to(memory_format=torch.channels_last)
