"""Rasterise triangles with a depth buffer, all at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.synthetic.shapes import Array

NO_TRIANGLE = -1


def rasterise_triangles(xy: Array, depth: Array, size: int) -> tuple[NDArray[np.int64], Array]:
    """The nearest triangle at each pixel's centre, and its depth there.

    ``xy`` ``[t, 3, 2]`` are corners in pixels, y down; ``depth`` ``[t, 3]`` is linear on the screen, smaller is nearer.
    Returns the index of the triangle ``[size, size]``, ``NO_TRIANGLE`` where there is none, and the depth
    ``[size, size]``, infinite there.

    Every triangle is split into rows and every row into pixels; each pixel keeps its smallest (depth, triangle).
    """
    triangle_at = np.full(size * size, NO_TRIANGLE, dtype=np.int64)
    depth_at = np.full(size * size, np.inf)
    x, y = xy[..., 0], xy[..., 1]
    top = np.ceil(y.min(axis=1) - 0.5).clip(0, size).astype(np.int64)
    bottom = np.floor(y.max(axis=1) - 0.5).clip(-1, size - 1).astype(np.int64)
    row_count = (bottom - top + 1).clip(0)
    triangle = np.repeat(np.arange(len(xy)), row_count)
    row = np.arange(len(triangle)) - np.repeat(np.cumsum(row_count) - row_count, row_count) + top[triangle]

    # A point is inside where the edge functions a x + b y + c of all three sides, times the orientation, are >= 0.
    turn = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    sign = np.where(turn < 0, -1.0, 1.0)
    left, right = np.full(len(row), -1e9), np.full(len(row), 1e9)
    for k in range(3):
        m = (k + 1) % 3
        a = (y[:, k] - y[:, m]) * sign
        rest = ((x[:, m] - x[:, k]) * sign)[triangle] * (row + 0.5 - y[triangle, k])
        slope = a[triangle]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = x[triangle, k] - rest / slope
        left = np.where(slope > 0, np.maximum(left, crossing), left)
        right = np.where(slope < 0, np.minimum(right, crossing), right)
        right = np.where((slope == 0) & (rest < 0), -1e9, right)
    first = np.ceil(left - 0.5).clip(0, size).astype(np.int64)
    last = np.floor(right - 0.5).clip(-1, size - 1).astype(np.int64)
    count = (last - first + 1).clip(0)
    along = np.repeat(np.arange(len(row)), count)
    column = np.arange(len(along)) - np.repeat(np.cumsum(count) - count, count) + first[along]
    owner = triangle[along]
    if not len(owner):
        return triangle_at.reshape(size, size), depth_at.reshape(size, size)

    a, b, c = plane(xy, depth)
    value = a[owner] * (column + 0.5) + b[owner] * (row[along] + 0.5) + c[owner]
    low, high = float(depth.min()), float(depth.max())
    level = ((value - low) / max(high - low, 1e-12) * 2.0**36).clip(0, 2.0**37).astype(np.int64)
    nearest = np.full(size * size, np.iinfo(np.int64).max)
    pixel = row[along] * size + column
    np.minimum.at(nearest, pixel, (level << 24) | owner)
    seen = nearest < np.iinfo(np.int64).max
    triangle_at[seen] = nearest[seen] & ((1 << 24) - 1)
    rows, columns = np.divmod(np.flatnonzero(seen), size)
    hit = triangle_at[seen]
    depth_at[seen] = a[hit] * (columns + 0.5) + b[hit] * (rows + 0.5) + c[hit]
    return triangle_at.reshape(size, size), depth_at.reshape(size, size)


def plane(xy: Array, values: Array) -> tuple[Array, Array, Array]:
    """Coefficients a, b, c, ``[t]`` each: value = a x + b y + c on each triangle, from its corner values ``[t, 3]``."""
    d1, d2 = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    v1, v2 = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
    area = d1[:, 0] * d2[:, 1] - d2[:, 0] * d1[:, 1]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    a = (v1 * d2[:, 1] - v2 * d1[:, 1]) / area
    b = (v2 * d1[:, 0] - v1 * d2[:, 0]) / area
    return a, b, values[:, 0] - a * xy[:, 0, 0] - b * xy[:, 0, 1]
