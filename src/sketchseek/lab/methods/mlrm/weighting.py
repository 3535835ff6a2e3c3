"""RLA: the weights of regions, and of levels within a region (section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDTH = 128
LAYERS = 3
HEADS = 4
GEOMETRY_HIDDEN = 32
HEAD_HIDDEN = 32


class RegionLevelAttention(nn.Module):
    """``forward(features, positions) -> W [B, N, L]``, at least 0, with sum 1 for each image.

    W is the region's weight a_r times the level's weight within the region, w_{l,r}. ``features`` are those of the
    levels, ``[B, N, C_l]``, not normalised. There is a token for each pair of level and region, level by level, then
    one for each region, the mean of its levels. Attention is between the tokens of an image.
    """

    def __init__(self, channels: Sequence[int], side: int, geometry: bool, dropout: float) -> None:
        super().__init__()
        self.reducers = nn.ModuleList(nn.Linear(c, WIDTH) for c in channels)
        self.geometry = GeometryEncoder(len(channels), side) if geometry else None
        self.transformer = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(WIDTH, HEADS, WIDTH, dropout, batch_first=True, norm_first=True)
                for _ in range(LAYERS)
            )
        )
        self.level_head, self.region_head = _head(), _head()

    def positions(self, maps: Tensor) -> Tensor | None:
        """The positional embedding ``[B, (L+1) N, 128]`` of attention maps ``[B, N, h, w]``; None without geometry.

        No gradient flows back into the maps, as in the released code; the paper does not state it.
        """
        return self.geometry(maps.detach()) if self.geometry is not None else None

    def forward(self, features: Sequence[Tensor], positions: Tensor | None) -> Tensor:
        reduced = torch.stack([reduce(f) for reduce, f in zip(self.reducers, features, strict=True)], dim=1)
        levels, regions = reduced.shape[1:3]
        tokens = torch.cat([reduced, reduced.mean(1, keepdim=True)], dim=1).flatten(1, 2)
        if positions is not None:
            tokens = tokens + positions
        tokens = self.transformer(tokens).unflatten(1, (levels + 1, regions))
        # Scores of level and region, [B, L, N], and of region, [B, N].
        of_level = self.level_head(tokens[:, :levels].flatten(0, 2)).float().view(-1, levels, regions)
        of_region = self.region_head(tokens[:, levels].flatten(0, 1)).float().view(-1, regions)
        return of_region.softmax(1)[:, :, None] * of_level.softmax(1).transpose(1, 2)


class GeometryEncoder(nn.Module):
    """E^G: ``forward(maps [B, N, h, w]) -> [B, (L+1) N, 128]``, the positions of RLA's tokens.

    The geometry map of token (l, r) is M_r in channel l and zero in the others; that of a region's own token is M_r in
    all channels. Only a CNN, as in the released code; the paper adds an MLP.
    """

    def __init__(self, levels: int, side: int) -> None:
        super().__init__()
        # The paper's 8 cells a side are reduced to 3, then to 1. Maps with fewer than 7 need padding.
        padding = 0 if side >= 7 else 1
        self.layers = nn.Sequential(
            nn.Conv2d(levels, GEOMETRY_HIDDEN, 3, stride=2, padding=padding),
            nn.BatchNorm2d(GEOMETRY_HIDDEN),
            nn.ReLU(),
            nn.Conv2d(GEOMETRY_HIDDEN, WIDTH, 3, stride=2, padding=padding),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.register_buffer("channels", torch.cat([torch.eye(levels), torch.ones(1, levels)]), persistent=False)
        self.channels: Tensor  # [L+1, L]: which channels hold the map, for each kind of token

    def forward(self, maps: Tensor) -> Tensor:
        tokens, levels = self.channels.shape
        geometry = maps[:, None, :, None] * self.channels.view(1, tokens, 1, levels, 1, 1)
        encoded: Tensor = self.layers(geometry.flatten(0, 2))
        return encoded.view(maps.shape[0], -1, WIDTH)  # len() would fix the batch size of the exported graph


def _head() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(WIDTH, HEAD_HIDDEN), nn.BatchNorm1d(HEAD_HIDDEN), nn.ReLU(), nn.Linear(HEAD_HIDDEN, 1)
    )
