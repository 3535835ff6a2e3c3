"""The grid of regions by which some networks see a sketch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cut(ink: NDArray[np.uint8], grid: int) -> NDArray[np.uint8]:
    """Drawings ``[n, S, S]`` cut into ``grid x grid`` regions, row by row: ``[n, grid grid, c, c]`` with c = S // grid.

    The pixels that are left over at the right and at the bottom belong to no region (LGRL, section 3).
    """
    side = ink.shape[1] // grid
    cells = ink[:, : grid * side, : grid * side].reshape(-1, grid, side, grid, side)
    return cells.swapaxes(2, 3).reshape(-1, grid * grid, side, side)
