"""One encoder, shared by sketch and photo: a global vector of both taps, and the projected cells of the first.

With ``kinds``, a part of the global vector says what kind of thing it is; a photo's comes from a recogniser.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.seek.config import Config
from sketchseek.lab.methods.seek.recogniser import Names, Recogniser
from sketchseek.lab.network import Network
from sketchseek.model.encoder import Query
from sketchseek.model.names import Names as KnownNames

# The share of a cell's pixels under ink from which it counts in full; a line of three pixels across a cell of 32, as at
# 256 px, covers 0.09.
FULL_INK = 0.04
# Of the softmax over the cosines of a kind with all names, by which the kind is made the mean of the names' vectors.
NAMED_TEMPERATURE = 0.1
KIND_WEIGHT = 0.5  # of the kinds' cosine in the similarity; the shapes' has 1
KIND_LENGTH = math.sqrt(KIND_WEIGHT / (1 + KIND_WEIGHT))  # of the global vector's part that is the kind
# Beside a sketch, the cosine of words with the kind of a photo counts this much, and no further than this cosine: all
# photos of the kind are to come forward, and the sketch to tell them apart.
WORDS_WEIGHT, WORDS_CAP = 0.5, 0.5


class SeekNetwork(Network):
    """``forward(ink [B, S, S], photos [P, S, S, 3])`` gives the features of both, float32: ``global`` ``[n, D]`` and
    ``cells``, row by row, both of unit length. Of sketches the cells are ``[n, h w, C]``, of photos they are pooled to
    ``[n, grid^2, C]`` if the map is larger than the grid. Sketches also have ``coverage`` ``[n, h w]``, the weights of
    the cells, which sum to 1 (all 0 without ink).

    With ``kinds`` K, ``global`` has D - K numbers for the shape and K for the kind, so that the cosine of two is the
    mean of both parts' cosines, in which the kind's counts ``KIND_WEIGHT`` times the shape's. The kind is the mean of
    the names' vectors, each weighed by how probable the name is. So things of one kind are near each other, and only
    the shape and the cells tell them apart.

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
        self.head = nn.Linear(local + deep, config.vector - config.kinds)
        self.lateral = nn.Conv2d(local, config.channels, 1, bias=False)
        self.top = nn.Conv2d(deep, config.channels, 1, bias=False)  # what lies around a cell, as in a feature pyramid
        nn.init.orthogonal_(self.lateral.weight)
        nn.init.normal_(self.top.weight, std=0.003)
        self.kinds = config.kinds
        if config.kinds:
            of_recogniser = "random" if weights == "random" else config.recogniser_weights
            self.recogniser = Recogniser(config.recogniser, config.recogniser_tap, config.size, of_recogniser)
            self.kind_of_sketch = nn.Linear(local + deep, config.kinds)
            self.kind_of_photo = nn.Linear(self.recogniser.classifier.in_features, config.kinds)
            self.names = Names(config.kinds)
        of_both = 1 + KIND_WEIGHT if config.kinds else 1.0
        self.matcher_parameters = {"global_weight": of_both, "cells_weight": config.cells_weight}
        self.grid = config.grid
        full = self.backbone.sides[0]
        for side in {full, full * config.small_size // config.size}:  # of the maps, at both sizes
            self.register_buffer(f"pooling_{side}", _pooling(side, min(side, config.grid)), persistent=False)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        pooled, maps = self._encode(self.inputs.sketches(ink))
        return self._of_sketches(ink, pooled, maps)

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        images = self.inputs.photos(photos)
        pooled, maps = self._encode(images)
        return self._of_photos(pooled, maps, self.recogniser(images) if self.kinds else None)

    def forward(
        self, ink: Tensor, photos: Tensor, recognised: Tensor | None = None
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """``recognised [P or more, F]`` are the recogniser's features of the photos, then of further photos. With
        ``kinds`` both results have ``names [n, names]`` too, the cosines with the vectors of the names, of photos for
        all that were recognised.
        """
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        counts = [len(ink), len(photos)]
        pooled, maps = (part.split(counts) for part in self._encode(images))
        sketches = self._of_sketches(ink, pooled[0], maps[0])
        of_photos = self._of_photos(pooled[1], maps[1], None if recognised is None else recognised[: len(photos)])
        # Here and not in the loss: several processes share the gradients of what a forward pass uses.
        if recognised is not None:
            sketches["names"] = self.names(F.normalize(self.kind_of_sketch(pooled[0]), dim=1))
            of_photos["names"] = self.names(F.normalize(self.kind_of_photo(recognised), dim=1))
        return sketches, of_photos

    def _encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The averages of both taps ``[n, F]``, and the projected maps ``[n, C, h, w]``."""
        local, deep = (m.float() for m in self.backbone(images.contiguous(memory_format=torch.channels_last)))
        with torch.autocast(images.device.type, enabled=False):
            pooled = torch.cat([m.mean(dim=(2, 3)) for m in (local, deep)], dim=1)
            around = F.interpolate(self.top(deep), size=local.shape[2:], mode="bilinear", align_corners=False)
            return pooled, self.lateral(local) + around

    def _of_sketches(self, ink: Tensor, pooled: Tensor, maps: Tensor) -> dict[str, Tensor]:
        kind = self._named(self.kind_of_sketch(pooled)) if self.kinds else None
        return {
            "global": _joined(self.head(pooled), kind),
            "cells": _cells(maps),
            "coverage": ink_weights(ink, maps.shape[2]),
        }

    def _of_photos(self, pooled: Tensor, maps: Tensor, recognised: Tensor | None) -> dict[str, Tensor]:
        kind = None if recognised is None else self._named(self.kind_of_photo(recognised))
        return {"global": _joined(self.head(pooled), kind), "cells": self._pooled(_cells(maps))}

    def _named(self, kinds: Tensor) -> Tensor:
        """Kinds ``[n, K]`` as means of the vectors of the names."""
        if not self.names.names:
            return kinds
        probable = (self.names(F.normalize(kinds, dim=1)) / NAMED_TEMPERATURE).softmax(dim=1)
        return probable @ F.normalize(self.names.vectors, dim=1)

    def _pooled(self, cells: Tensor) -> Tensor:
        """The cells of photos, ``[n, h w, C]``, averaged to the grid, ``[n, grid^2, C]``, of unit length again."""
        side = math.isqrt(cells.shape[1])
        return cells if side <= self.grid else F.normalize(getattr(self, f"pooling_{side}") @ cells, dim=2)


class WordSeekNetwork(SeekNetwork):
    """With ``kinds``: names of kinds are words, which are compared with the kind of a photo."""

    fusion = "added"
    query: Query = "sketch"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__(config, weights)
        self.matcher_parameters = {**self.matcher_parameters, "words_cap": WORDS_CAP * KIND_LENGTH}

    @property
    def tokenizer(self) -> KnownNames | None:
        return self.names.vocabulary or None

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """Tokens ``[B, 8]`` to ``words [B, D]``: no shape, and as kind the mean of what they stand for. Its length
        makes the product with a photo's global vector, whose kind is ``KIND_LENGTH`` long, ``WORDS_WEIGHT`` times the
        cosine.
        """
        kinds = self.names.vectors_of(tokens) * (tokens > 0).unsqueeze(2)
        mean = F.normalize(kinds.sum(dim=1), dim=1)
        return {"words": F.pad(WORDS_WEIGHT / KIND_LENGTH * mean, (self.head.out_features, 0))}


def _joined(shape: Tensor, kind: Tensor | None) -> Tensor:
    """Vectors of shape and kind, ``[n, D - K]`` and ``[n, K]``, as one of unit length."""
    if kind is None:
        return F.normalize(shape, dim=1)
    of_shape = math.sqrt(1 - KIND_LENGTH**2)
    return torch.cat([F.normalize(shape, dim=1) * of_shape, F.normalize(kind, dim=1) * KIND_LENGTH], dim=1)


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


def build(config: Config, weights: Weights = "random") -> SeekNetwork:
    """The network with its backbone's weights loaded."""
    kind = WordSeekNetwork if config.kinds else SeekNetwork
    return kind(config, weights).to(memory_format=torch.channels_last)
