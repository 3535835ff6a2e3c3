"""The rasteriser: whole sketches, growing ones, and partial sketches.

Pixel for pixel the rasteriser of the on-the-fly retrieval line of work (Bhunia et al., CVPR 2020): Bresenham lines on a
256 x 256 canvas, then one dilation with the 3 x 3 cross. The pixels of all lines are computed in one pass, each with
the index of the point that inked it. The smallest such index per pixel, spread by the cross, says *when* each pixel
first turned to ink, so each partial sketch costs one comparison.

A drawing only gains ink while lines are added, so ``InkCanvas`` draws the new lines alone: a sketch of a thousand
strokes costs no more than one of ten to add to. Removing ink takes a new canvas.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.sketch import CANVAS, Sketch

NEVER = np.iinfo(np.int32).max
REACH = 4  # canvas widths; points that lie farther off the canvas are moved to this distance

# Drawn with one row and column more, so that the cross around a pixel stays on the canvas and nothing wraps around.
_SIDE = CANVAS + 1
_CROSS = np.array([0, -1, 1, -_SIDE, _SIDE], dtype=np.int32)


class InkCanvas:
    """The ink of a drawing that grows by lines. In any pieces, the pixels are those of ``rasterise`` of the whole."""

    def __init__(self) -> None:
        self._inked = np.zeros((_SIDE, _SIDE), dtype=np.bool_)

    def add(self, lines: Sequence[NDArray[np.float64]]) -> None:
        """Draw polylines, arrays ``[n, 2 or more]`` with x and y first, in canvas widths. A single point is a dot.

        To continue a stroke, begin the new polyline with the stroke's last point.
        """
        pixel, _ = _line_pixels(lines)
        self._inked.reshape(-1)[pixel[:, None] + _CROSS] = True

    def ink(self) -> NDArray[np.uint8]:
        """The pixels now, a copy: ``[256, 256]`` indexed ``[y, x]``, 255 where there is ink, else 0."""
        return self._inked[:-1, :-1] * np.uint8(255)


def rasterise(sketch: Sketch) -> NDArray[np.bool_]:
    """The complete sketch as ink, ``[256, 256]`` bool indexed ``[y, x]``, True where there is ink."""
    canvas = InkCanvas()
    canvas.add(sketch.strokes)
    return canvas.ink() > 0


def inked_at(sketch: Sketch) -> NDArray[np.int32]:
    """The index of the point that first inked each pixel, ``[256, 256]`` indexed ``[y, x]``; ``NEVER`` without ink.

    A pixel is ink after point ``i`` was drawn where ``inked_at(sketch) <= i``.
    """
    first = np.full((_SIDE, _SIDE), NEVER, dtype=np.int32)
    pixel, point = _line_pixels(sketch.strokes)
    # Assigned last to first, so that the earliest point to touch a pixel is the one that stays.
    first.reshape(-1)[pixel[::-1, None] + _CROSS] = point[::-1, None]
    return first[:-1, :-1].copy()


def _line_pixels(lines: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """All pixels of polylines before the dilation, in drawing order with repeats, and the index of each one's point.

    Pixels ``[n]`` are flat indices into the canvas of ``_SIDE``; points are counted over all polylines.
    """
    if not lines:
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    points = np.concatenate([line[:, :2] for line in lines])
    xy = np.rint(points * CANVAS).clip(-REACH * CANVAS, (1 + REACH) * CANVAS).astype(np.int32)
    starts = np.empty_like(xy)
    starts[1:] = xy[:-1]
    begins = np.cumsum([0, *(len(line) for line in lines[:-1])])
    starts[begins] = xy[begins]  # the first point inks its own pixel only

    way = np.abs(xy - starts)
    sign = np.where(xy > starts, np.int32(1), np.int32(-1))
    major, minor = np.maximum(way[:, 0], way[:, 1]), np.minimum(way[:, 0], way[:, 1])
    length = major + 1

    def each(of_line: NDArray) -> NDArray:
        return np.repeat(of_line, length)

    point = each(np.arange(len(xy), dtype=np.int32))
    along = np.arange(len(point), dtype=np.int32) - each(np.cumsum(length, dtype=np.int32) - length)
    # Bresenham with its error kept in closed form: after k steps along the major axis the minor axis has taken
    # floor((2 k minor + major) / (2 major)) steps.
    across = (along * each(2 * minor) + each(major)) // each(np.maximum(2 * major, 1))
    x_is_major = each(way[:, 0] > way[:, 1])
    x = each(starts[:, 0]) + each(sign[:, 0]) * np.where(x_is_major, along, across)
    y = each(starts[:, 1]) + each(sign[:, 1]) * np.where(x_is_major, across, along)
    drawn = (x > 0) & (x < CANVAS) & (y > 0) & (y < CANVAS)  # row 0 and column 0 are never drawn on
    return (y * _SIDE + x)[drawn], point[drawn]


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
    return inked_at(sketch) <= last_points(len(sketch), steps).astype(np.int32)[:, None, None]
