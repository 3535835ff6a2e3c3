"""Two encoders of the same architecture, for sketches and for photos; each encodes an image and its augmented view."""

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


class EncoderOutputs(NamedTuple):
    """The result of ``Encoder`` for B images of one domain; vectors are not normalised."""

    embedding: Tensor  # e, [B, E]
    vector: Tensor  # c, [B, D], of the backbone
    view: Tensor | None  # c', [B, D], of the augmented view, if given
    groups: Tensor | None  # [B, T, 16], channel means of the recycled tokens; None without MSTR


class Encoder(nn.Module):
    """``forward(images [B, 3, S, S], views [B, 3, S, S] | None) -> EncoderOutputs``, in one pass for both."""

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

    def forward(self, images: Tensor, views: Tensor | None = None) -> EncoderOutputs:
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
        return EncoderOutputs(self.head(final), vector, view, groups)


class ARNet(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3], ink_views, photo_views)`` gives the outputs of both encoders.

    Views have the shape of the images, or are None. Retrieval compares embeddings by cosine similarity.
    """

    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.sketch = Encoder(config, weights)
        # Both encoders start with equal weights, including new layers, so that similar images have similar embeddings
        # even before training.
        self.photo = copy.deepcopy(self.sketch)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": F.normalize(self.sketch(self.inputs.sketches(ink)).embedding.float(), dim=1)}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": F.normalize(self.photo(self.inputs.photos(photos)).embedding.float(), dim=1)}

    def forward(
        self, ink: Tensor, photos: Tensor, ink_views: Tensor | None = None, photo_views: Tensor | None = None
    ) -> tuple[EncoderOutputs, EncoderOutputs]:
        sketch_views = None if ink_views is None else self.inputs.sketches(ink_views)
        views = None if photo_views is None else self.inputs.photos(photo_views)
        return self.sketch(self.inputs.sketches(ink), sketch_views), self.photo(self.inputs.photos(photos), views)


def build(config: Config, weights: Weights = "random") -> ARNet:
    """The network, both backbones with the same weights."""
    return ARNet(config, weights).to(memory_format=torch.channels_last)
