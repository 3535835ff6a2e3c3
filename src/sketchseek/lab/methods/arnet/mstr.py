"""MSTR (multi-scale token recycling): add the tokens that an encoder otherwise discards to the image's vector.

The ``side x side`` cells of the final map are averaged over blocks, which gives two coarser grids. Each of the three
grids has its own transformer, and a weighted sum over all tokens joins them. The recycling loss makes a token similar
to its parent and children in the other grids, and dissimilar to all other tokens.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError

SCALES = (1, 2, 7)  # block sides: 14, 7 and 2 cells on a side for the paper's 14
LAYERS = 2  # of each transformer
FEEDFORWARD = 8 / 3  # width of a transformer's hidden layer relative to a token: 2048 for 768 in the paper
DROPOUT = 0.1
GROUPS = 16  # groups of neighbouring channels; the loss compares tokens by their means over groups
RELATED = 0.5  # target similarity of parent and child


class MultiScaleRecycling(nn.Module):
    """``forward(cells [B, side^2, width]) -> (recycled [B, out], groups [B, T, 16])``.

    ``recycled`` is added to the image's vector. ``groups`` are means over groups of channels of all T tokens (249 for
    a side of 14), for the recycling loss. Attention is between the tokens of one image. Raises InputError unless
    ``heads`` and 16 divide ``width``.
    """

    def __init__(self, side: int, width: int, heads: int, out: int) -> None:
        super().__init__()
        if width % heads or width % GROUPS:
            raise InputError(
                f"arnet: recycled tokens have {width} channels, which must be a multiple of {GROUPS} and of "
                f"recycling_heads, {heads}"
            )
        self.sides = grid_sides(side)
        coarser = [_parents(side, s) for s in self.sides[1:]]
        # A matrix instead of pooling layers, which cannot be exported for some input sizes.
        self.register_buffer("pooling", torch.cat([c / c.sum(1, keepdim=True) for c in coarser]), persistent=False)
        self.register_buffer("target", target_map(self.sides), persistent=False)
        self.pooling: Tensor
        self.target: Tensor  # [T, T]
        self.transformers = nn.ModuleList(
            nn.Sequential(
                *(
                    nn.TransformerEncoderLayer(width, heads, round(FEEDFORWARD * width), DROPOUT, batch_first=True)
                    for _ in range(LAYERS)
                )
            )
            for _ in self.sides
        )
        self.across = nn.Linear(len(self.target), 1)
        # In a CNN the cells have fewer channels than the final vector.
        self.widen = nn.Linear(width, out) if width != out else nn.Identity()

    def forward(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        tokens = torch.cat([cells, self.pooling.to(cells.dtype) @ cells], dim=1)
        by_scale = tokens.split([side**2 for side in self.sides], dim=1)
        tokens = torch.cat([t(x) for t, x in zip(self.transformers, by_scale, strict=True)], dim=1)
        recycled = self.across(tokens.transpose(1, 2)).squeeze(2)
        return self.widen(recycled), tokens.unflatten(2, (GROUPS, -1)).mean(3)


def grid_sides(side: int) -> tuple[int, ...]:
    """The number of cells on a side of each scale's grid, the finest first."""
    return tuple(max(1, side // scale) for scale in SCALES)


def target_map(sides: tuple[int, ...]) -> Tensor:
    """The target similarity of every two tokens, ``[T, T]``, symmetric.

    It is 1 for a token with itself, 0.5 for cells of different grids if one contains the other's centre, and else 0.
    """
    counts = [side**2 for side in sides]
    starts = [sum(counts[:i]) for i in range(len(sides))]
    target = torch.eye(sum(counts))
    for fine, coarse in combinations(range(len(sides)), 2):
        related = RELATED * _parents(sides[fine], sides[coarse])
        rows = slice(starts[coarse], starts[coarse] + counts[coarse])
        columns = slice(starts[fine], starts[fine] + counts[fine])
        target[rows, columns] = related
        target[columns, rows] = related.T
    return target


def recycling_loss(groups: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference between the Gram matrices of ``groups [B, T, 16]`` and ``target [T, T]``.

    Computed as ``|X X' - M|^2 = |X' X|^2 - 2 <X, M X> + |M|^2``, which needs no T x T matrix for each image.
    """
    groups = groups.float()
    gram = (groups.transpose(1, 2) @ groups).square().sum()
    side_by_side = groups.transpose(0, 1).flatten(1)  # [T, B x 16]: one product, so the target is not copied per image
    cross = (side_by_side * (target @ side_by_side)).sum()
    return ((gram - 2 * cross) / len(groups) + target.square().sum()) / target.numel()


def _parents(fine: int, coarse: int) -> Tensor:
    """Which cells of a ``fine x fine`` grid have their centre in each cell of a ``coarse x coarse`` grid.

    Returns ``[coarse^2, fine^2]`` of 0 and 1; cells are numbered row by row. A centre on a border belongs to the cell
    after it.
    """
    along = (2 * torch.arange(fine) + 1) * coarse // (2 * fine)
    holds = torch.nn.functional.one_hot(along, coarse).T.float()
    return torch.kron(holds, holds)
