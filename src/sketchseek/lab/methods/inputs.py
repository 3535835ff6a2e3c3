"""Input normalisation as a part of the network: polarity of sketches, and mean and scale for the backbone.

So every exported model takes the same pixels.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Polarity = Literal["black-on-white", "white-on-black"]
Normalisation = Literal["unit", "imagenet", "raw"]

MEAN_AND_STD = {
    "unit": ([0.5], [0.5]),
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "raw": ([0.0], [1.0]),
}


class Inputs(nn.Module):
    """Converts ``ink [B, S, S]`` and ``photos [B, S, S, 3]``, uint8 or float 0..255, to float images ``[B, 3, S, S]``.

    ``unit`` is x / 127.5 - 1; ``imagenet`` divides by 255 and applies ImageNet's mean and standard deviation; ``raw``
    only divides by 255.
    """

    def __init__(self, polarity: Polarity, normalisation: Normalisation) -> None:
        super().__init__()
        self.polarity = polarity
        mean, std = MEAN_AND_STD[normalisation]
        self.register_buffer("scale", 1 / (255 * torch.tensor(std)).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("shift", -(torch.tensor(mean) / torch.tensor(std)).view(1, -1, 1, 1), persistent=False)
        self.scale: Tensor
        self.shift: Tensor

    def sketches(self, ink: Tensor) -> Tensor:
        ink = ink.to(torch.float32)
        grey = 255 - ink if self.polarity == "black-on-white" else ink
        return grey[:, None].expand(-1, 3, -1, -1) * self.scale + self.shift

    def photos(self, photos: Tensor) -> Tensor:
        return photos.to(torch.float32).permute(0, 3, 1, 2) * self.scale + self.shift
