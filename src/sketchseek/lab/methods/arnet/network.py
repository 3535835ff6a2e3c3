"""Two encoders of one architecture, for sketches and for photos; each is shared by an image and its augmented view."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.lab.backbones import Weights
from sketchseek.lab.methods.arnet.config import Config
from sketchseek.lab.methods.arnet.mstr import MultiScaleRecycling
from sketchseek.lab.methods.arnet.trunk import build_trunk
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.network import Network


class Encoded(NamedTuple):
    """Of B images of one domain: the ``embedding [B, E]`` (e) and the backbone's ``vector [B, D]`` (c), neither of unit
    length; the vector of the augmented ``view [B, D]`` (c'), None where there was none; and the channel means of the
    recycled tokens, ``groups [B, T, 16]``, None without MSTR.
    """

    embedding: Tensor
    vector: Tensor
    view: Tensor | None
    groups: Tensor | None


class Encoder(nn.Module):
    """``forward(images [B, 3, S, S], views [B, 3, S, S] | None) -> Encoded``; one pass for both."""

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.trunk = build_trunk(config.backbone, config.size, weights)
        self.recycling = None
        if config.recycling:
            self.recycling = MultiScaleRecycling(
                self.trunk.side, self.trunk.cell_width, config.recycling_heads, self.trunk.width
            )
        self.share = config.recycling_share
        self.head = nn.Linear(self.trunk.width, config.embedding)

    def forward(self, images: Tensor, views: Tensor | None = None) -> Encoded:
        if views is None:
            vector, cells = self.trunk(images)
            view = None
        else:
            vector, cells = self.trunk(torch.cat([images, views]))
            vector, view = vector.split([len(images), len(views)])
            cells = cells[: len(images)]
        final, groups = vector, None
        if self.recycling is not None:
            recycled, groups = self.recycling(cells)
            final = (1 - self.share) * vector + self.share * recycled
        return Encoded(self.head(final), vector, view, groups)


class ARNet(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3], ink_views, photo_views)`` gives what the losses compare, of
    sketches and of photos; the views are shaped as what they show, or None. Retrieval compares embeddings by their
    cosine.
    """

    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.sketch = Encoder(config, weights)
        # Both begin as the same function, new layers included: even before training a drawing is nearest to what looks
        # like it.
        self.photo = copy.deepcopy(self.sketch)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": F.normalize(self.sketch(self.inputs.sketches(ink)).embedding.float(), dim=1)}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": F.normalize(self.photo(self.inputs.photos(photos)).embedding.float(), dim=1)}

    def forward(
        self, ink: Tensor, photos: Tensor, ink_views: Tensor | None = None, photo_views: Tensor | None = None
    ) -> tuple[Encoded, Encoded]:
        sketch_views = None if ink_views is None else self.inputs.sketches(ink_views)
        views = None if photo_views is None else self.inputs.photos(photo_views)
        return self.sketch(self.inputs.sketches(ink), sketch_views), self.photo(self.inputs.photos(photos), views)


def build(config: Config, weights: Weights = "random") -> ARNet:
    """The network, both backbones with the same weights."""
    return ARNet(config, weights).to(memory_format=torch.channels_last)
