"""One encoder, shared by sketch and photo: a global vector of both taps, and the projected cells of the first."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.seek.config import Config
from sketchseek.lab.network import Network
from sketchseek.lab.training.loop import TRAINING_ONLY

# The share of a cell's pixels under ink from which it counts in full; a line of three pixels across a cell of 32, as at
# 256 px, covers 0.09.
FULL_INK = 0.04


class SeekNetwork(Network):
    """``forward(ink [B, S, S], photos [P, S, S, 3])`` gives the features of both, float32: ``global`` ``[n, D]`` and
    ``cells``, row by row, both of unit length. Of sketches the cells are ``[n, h w, C]``, of photos they are pooled to
    ``[n, grid^2, C]`` if the map is larger than the grid. Sketches also have ``coverage`` ``[n, h w]``, the weights of
    the cells, which sum to 1 (all 0 without ink). While training with categories, ``logits [n, classes]`` too.

    Both go through the encoder in one pass, so batch statistics are joint. S is any size that the backbone takes.
    """

    matcher = "inked-cells"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, config.taps, config.size, weights)
        if config.fold:
            fold_batch_norms(self.backbone)
        for name, parameter in self.backbone.network.named_parameters():
            if name.startswith(config.frozen):
                parameter.requires_grad_(False)
        local, deep = self.backbone.channels
        self.head = nn.Linear(local + deep, config.vector)
        self.lateral = nn.Conv2d(local, config.channels, 1, bias=False)
        self.top = nn.Conv2d(deep, config.channels, 1, bias=False)  # what lies around a cell, as in a feature pyramid
        nn.init.orthogonal_(self.lateral.weight)
        nn.init.normal_(self.top.weight, std=0.003)
        self.matcher_parameters = {"cells_weight": config.cells_weight}
        self.grid = config.grid
        full = self.backbone.sides[0]
        for side in {full, full * config.small_size // config.size}:  # of the maps, at both sizes
            self.register_buffer(f"pooling_{side}", _pooling(side, min(side, config.grid)), persistent=False)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self._of_sketches(ink, *self._encode(self.inputs.sketches(ink)))

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        vectors, maps = self._encode(self.inputs.photos(photos))
        return {"global": vectors, "cells": self._pooled(_cells(maps))}

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        counts = [len(ink), len(photos)]
        vectors, maps = (part.split(counts) for part in self._encode(images))
        sketches = self._of_sketches(ink, vectors[0], maps[0])
        of_photos = {"global": vectors[1], "cells": self._pooled(_cells(maps[1]))}
        # Here and not in the loss: several processes share the gradients of what a forward pass uses.
        classifier: Any = getattr(self, TRAINING_ONLY, None)
        if classifier is not None:
            for features in (sketches, of_photos):
                features["logits"] = classifier(features["global"])
        return sketches, of_photos

    def _encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The global vectors ``[n, D]``, of unit length, and the projected maps ``[n, C, h, w]``."""
        local, deep = (m.float() for m in self.backbone(images.contiguous(memory_format=torch.channels_last)))
        with torch.autocast(images.device.type, enabled=False):
            pooled = torch.cat([m.mean(dim=(2, 3)) for m in (local, deep)], dim=1)
            around = F.interpolate(self.top(deep), size=local.shape[2:], mode="bilinear", align_corners=False)
            return F.normalize(self.head(pooled), dim=1), self.lateral(local) + around

    def _pooled(self, cells: Tensor) -> Tensor:
        """The cells of photos, ``[n, h w, C]``, averaged to the grid, ``[n, grid^2, C]``, of unit length again."""
        side = math.isqrt(cells.shape[1])
        return cells if side <= self.grid else F.normalize(getattr(self, f"pooling_{side}") @ cells, dim=2)

    def _of_sketches(self, ink: Tensor, vectors: Tensor, maps: Tensor) -> dict[str, Tensor]:
        return {"global": vectors, "cells": _cells(maps), "coverage": ink_weights(ink, maps.shape[2])}


def ink_weights(ink: Tensor, side: int) -> Tensor:
    """How much each of ``side`` x ``side`` cells counts, row by row, ``[B, side^2]``, of ``ink [B, S, S]`` in 0..255:
    the share of its pixels under ink, up to ``FULL_INK``, so that thick lines count as thin ones do; then scaled to a
    sum of 1. All 0 where there is no ink.
    """
    covered = F.interpolate(ink[:, None].float() / 255, size=(side, side), mode="area").flatten(1)
    weights = (covered / FULL_INK).clamp(max=1)
    return weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-3)


def _cells(maps: Tensor) -> Tensor:
    """``[n, C, h, w]`` to cells of unit length, ``[n, h w, C]``."""
    return F.normalize(maps, dim=1).flatten(2).transpose(1, 2)


def _pooling(side: int, grid: int) -> Tensor:
    """The matrix ``[grid^2, side^2]`` that averages a map of ``side`` cells a side to ``grid`` a side."""
    each = torch.eye(side * side).view(-1, 1, side, side)
    return F.adaptive_avg_pool2d(each, grid).flatten(1).T.contiguous()


class Classifier(nn.Module):
    """Cosines to one learnt unit vector a class, over the temperature: ``[n, D]`` gives logits ``[n, classes]``."""

    def __init__(self, classes: int, dimensions: int, temperature: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, dimensions))
        self.temperature = temperature

    def forward(self, vectors: Tensor) -> Tensor:
        return vectors @ F.normalize(self.weight, dim=1).T / self.temperature


def build(config: Config, weights: Weights = "random") -> SeekNetwork:
    """The network with its backbone's weights loaded."""
    return SeekNetwork(config, weights).to(memory_format=torch.channels_last)
