"""The multi-scale convolutional attention module."""

from __future__ import annotations

from torch import Tensor, nn

from sketchseek.lab.backbones.attention import SpatialAttention


class MultiScaleAttention(nn.Module):
    """``forward(maps [B, C, h, w]) -> [B, channels]``, where ``maps`` are the concatenated maps of all taps.

    A 3 x 3 convolution of stride 2, without norm or activation, is followed by residual spatial attention over its
    cells and a global maximum.
    """

    def __init__(self, joined: int, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(joined, channels, kernel_size=3, stride=2)
        self.attention = SpatialAttention(channels, channels // 4)

    def forward(self, maps: Tensor) -> Tensor:
        return self.attention(self.convolution(maps)).amax(dim=(2, 3))
