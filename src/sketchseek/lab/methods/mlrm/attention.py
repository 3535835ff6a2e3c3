"""LAMA: attention maps for the regions of an image (section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

INDICATOR_HIDDEN = 32
ATTENTION_HIDDEN = 16
SHARED_INPUT_SCALE = 0.3  # factor on the initial weights of inputs equal for all regions, if inputs are standardised


class IndicatorEncoder(nn.Module):
    """E^v: ``forward() -> [N, channels]``, the conditions added to F'2 so that Block4 attends to region r.

    The output of the layers is multiplied by ``scale``.
    """

    def __init__(self, regions: int, channels: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Linear(regions, INDICATOR_HIDDEN), nn.ReLU(), nn.Linear(INDICATOR_HIDDEN, channels)
        )
        self.register_buffer("indicators", torch.eye(regions), persistent=False)
        self.indicators: Tensor

    def forward(self) -> Tensor:
        conditions: Tensor = self.scale * self.layers(self.indicators)
        return conditions


class AttentionMaps(nn.Module):
    """``forward(shared, conditioned) -> maps [B, N, h, w]`` in 0..1, float32. One CNN serves all regions.

    ``shared`` are level maps ``[B, C_l, h, w]``, equal for all regions. ``conditioned [N, B, C, h, w]`` is Block4's
    output for each region. Exactly ``tau`` cells of a map are at least one half, and none is zero. The gradient also
    flows through the threshold. ``tau`` = 0 means a plain sigmoid.

    ``standardise`` normalises the CNN's inputs to mean 0 and variance 1, without parameters, and starts with small
    weights on the inputs that are equal for all regions.
    """

    def __init__(self, shared: int, tau: int, standardise: bool) -> None:
        super().__init__()
        self.tau = tau
        inputs = 2 * (shared + 1)
        self.standardise = nn.BatchNorm2d(inputs, affine=False) if standardise else nn.Identity()
        first = nn.Conv2d(inputs, ATTENTION_HIDDEN, 7, padding=3, bias=False)
        if standardise:
            with torch.no_grad():
                first.weight.unflatten(1, (2, shared + 1))[:, :, :shared] *= SHARED_INPUT_SCALE
        self.layers = nn.Sequential(
            first,
            nn.BatchNorm2d(ATTENTION_HIDDEN),
            nn.ReLU(),
            nn.Conv2d(ATTENTION_HIDDEN, 1, 7, padding=3, bias=False),
        )

    def forward(self, shared: Sequence[Tensor], conditioned: Tensor) -> Tensor:
        regions = len(conditioned)
        pooled = [
            *(m.mean(1).expand(regions, -1, -1, -1) for m in shared),
            conditioned.mean(2),
            *(m.amax(1).expand(regions, -1, -1, -1) for m in shared),
            conditioned.amax(2),
        ]
        scores = self.layers(self.standardise(torch.stack(pooled, dim=2).flatten(0, 1))).float()
        scores = scores.view(regions, -1, *scores.shape[2:]).transpose(0, 1)
        if self.tau:
            scores = scores - scores.flatten(2).topk(self.tau).values[..., -1, None, None]
        return scores.sigmoid()
