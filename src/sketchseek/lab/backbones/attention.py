"""Residual spatial attention, shared by several methods."""

from __future__ import annotations

from torch import Tensor, nn


class SpatialAttention(nn.Module):
    """``y = x + x * mask`` with a mask that sums to 1 over all positions; ``x`` and ``y`` are ``[B, C, H, W]``.

    Logits are Conv1x1(C -> hidden) -> BN -> ReLU -> Conv1x1(hidden -> 1). Convolutions are initialised Kaiming-normal.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.logits = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.BatchNorm2d(hidden), nn.ReLU(), nn.Conv2d(hidden, 1, 1)
        )
        for module in self.logits:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, maps: Tensor) -> Tensor:
        logits = self.logits(maps)
        mask = logits.flatten(2).softmax(dim=2).view_as(logits)
        return maps + maps * mask
