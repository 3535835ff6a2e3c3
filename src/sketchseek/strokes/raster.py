"""The one rasteriser, and partial sketches.

Pixel for pixel the rasteriser of the on-the-fly retrieval line of work (Bhunia et al., CVPR 2020): Bresenham lines on a
256 x 256 canvas, then one dilation with the 3 x 3 cross. It draws no lines one after another: every pixel of every line
is computed at once, together with the index of the point that inked it. The smallest such index per pixel, spread by
the cross, says *when* each pixel first turned to ink, so any number of partial sketches costs one comparison each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.sketch import CANVAS, Sketch

NEVER = np.iinfo(np.int32).max


def inked_at(sketch: Sketch) -> NDArray[np.int32]:
    """The index of the point that first inked each pixel, ``[256, 256]`` indexed ``[y, x]``; ``NEVER`` without ink.

    A pixel is ink after point ``i`` was drawn where ``inked_at(sketch) <= i``.
    """
    first = np.full((CANVAS, CANVAS), NEVER, dtype=np.int32)
    if not sketch.strokes:
        return first
    xy = np.rint(sketch.points[:, :2] * CANVAS).clip(-4 * CANVAS, 5 * CANVAS).astype(np.int32)
    stroke = sketch.stroke_of_point
    starts = np.empty_like(xy)
    starts[1:] = xy[:-1]
    begins = np.ones(len(xy), dtype=bool)
    begins[1:] = stroke[1:] != stroke[:-1]
    starts[begins] = xy[begins]  # the first point of a stroke inks its own pixel only

    delta = xy - starts
    steps = np.abs(delta)
    x_is_major = steps[:, 0] > steps[:, 1]
    major = np.where(x_is_major, steps[:, 0], steps[:, 1])
    minor = np.where(x_is_major, steps[:, 1], steps[:, 0])
    point = np.repeat(np.arange(len(xy), dtype=np.int32), major + 1)
    line_start = np.repeat(np.cumsum(major + 1) - (major + 1), major + 1)
    along = np.arange(len(point)) - line_start
    # Bresenham with its error kept in closed form: after k steps along the major axis the minor axis has taken
    # floor((2 k minor + major) / (2 major)) steps.
    across = (2 * along * minor[point] + major[point]) // np.maximum(2 * major[point], 1)
    sign = np.where(delta > 0, 1, -1)
    x = starts[point, 0] + sign[point, 0] * np.where(x_is_major[point], along, across)
    y = starts[point, 1] + sign[point, 1] * np.where(x_is_major[point], across, along)

    inside = (x > 0) & (x < CANVAS) & (y > 0) & (y < CANVAS)  # row 0 and column 0 are never written
    pixel = y[inside] * CANVAS + x[inside]
    # Assigned last to first, so that the earliest point to touch a pixel is the one that stays.
    first.reshape(-1)[pixel[::-1]] = point[inside][::-1]
    return _spread_by_cross(first)


def _spread_by_cross(first: NDArray[np.int32]) -> NDArray[np.int32]:
    """Binary dilation with the 4-neighbourhood at every moment at once: the minimum over the cross."""
    spread = first.copy()
    np.minimum(spread[1:], first[:-1], out=spread[1:])
    np.minimum(spread[:-1], first[1:], out=spread[:-1])
    np.minimum(spread[:, 1:], first[:, :-1], out=spread[:, 1:])
    np.minimum(spread[:, :-1], first[:, 1:], out=spread[:, :-1])
    return spread


def rasterise(sketch: Sketch) -> NDArray[np.bool_]:
    """The complete sketch as ink, ``[256, 256]`` bool indexed ``[y, x]``, True where there is ink."""
    return inked_at(sketch) != NEVER


def last_points(points: int, steps: int) -> NDArray[np.intp]:
    """The index of the last point drawn in each of ``steps`` partial sketches of ``points`` points, ``[steps]``.

    Step j of 1..steps holds the points 0..round(j points / steps), half to even, and the last step all of them, so a
    step may cut through a stroke. A sketch with fewer points than steps repeats itself; the step axis never shrinks.
    """
    if points < 1 or steps < 1:
        raise ValueError("a partial sketch needs at least one point and one step")
    last = np.rint(np.arange(1, steps + 1) * points / steps).astype(np.intp)
    return np.minimum(last, points - 1)


def episode(sketch: Sketch, steps: int = 20) -> NDArray[np.bool_]:
    """Partial sketches at ``steps`` moments, ``[steps, 256, 256]`` bool; the last one is the complete sketch.

    Raises ValueError for a sketch without points.
    """
    return inked_at(sketch) <= last_points(len(sketch), steps)[:, None, None]
