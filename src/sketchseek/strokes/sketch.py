"""The ``Sketch`` class: a list of strokes on a unit canvas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CANVAS = 256  # side of the rasteriser's canvas in pixels; QMUL's coordinate files use the same canvas
FITTED_SIDE = 190  # canvas pixels: the longer side of a drawing after ``Sketch.fitted``, as large as QMUL's drawings


@dataclass(frozen=True, eq=False)
class Sketch:
    """Strokes in the order in which they were drawn.

    Each stroke is a float64 array ``[n, 4]``, n >= 1, with the columns x, y, time, pressure. x runs to the right and y
    down. The unit square is the frame of the photo; points outside it are allowed but not rasterised. Time is in
    milliseconds from the first point of the sketch, pressure in 0..1. Both are 0 where the source does not record them.
    """

    strokes: tuple[NDArray[np.float64], ...] = ()

    @classmethod
    def from_arrays(cls, strokes: Iterable[ArrayLike]) -> Sketch:
        """Build a sketch from arrays ``[n, 2]`` (x, y), ``[n, 3]`` (x, y, time) or ``[n, 4]``; drops empty strokes.

        Raises ValueError for any other shape and for values that are not finite.
        """
        kept = []
        for stroke in strokes:
            points = np.asarray(stroke, dtype=np.float64)
            if points.size == 0:
                continue
            if points.ndim != 2 or not 2 <= points.shape[1] <= 4:
                raise ValueError(f"a stroke is an array [points, 2 to 4], not {list(points.shape)}")
            if not np.isfinite(points).all():
                raise ValueError("a stroke holds a value that is not a finite number")
            full = np.zeros((len(points), 4))
            full[:, : points.shape[1]] = points
            full.setflags(write=False)
            kept.append(full)
        return cls(tuple(kept))

    @property
    def points(self) -> NDArray[np.float64]:
        """All points in drawing order, ``[points, 4]``."""
        return np.concatenate(self.strokes) if self.strokes else np.zeros((0, 4))

    @property
    def stroke_of_point(self) -> NDArray[np.intp]:
        """The index of each point's stroke, ``[points]``."""
        return np.repeat(np.arange(len(self.strokes)), [len(s) for s in self.strokes])

    def __len__(self) -> int:
        return sum(len(stroke) for stroke in self.strokes)

    def first_points(self, count: int) -> Sketch:
        """The partial sketch of the first ``count`` points; the last stroke may be cut short."""
        kept = []
        for stroke in self.strokes:
            if count <= 0:
                break
            kept.append(stroke[:count])
            count -= len(stroke)
        return Sketch(tuple(kept))

    def fitted(self, longest_side: float = FITTED_SIDE / CANVAS) -> Sketch:
        """A copy, centred and scaled so that the longer side of its bounding box is ``longest_side`` of the canvas.

        Use it for drawings whose coordinates have no relation to a photo's frame (an SVG, a QuickDraw file). Strokes
        drawn live or read from a data set are in the photo's frame already and must not be fitted. A drawing of almost
        no extent, such as a dot, is centred but not scaled.
        """
        if not self.strokes:
            return self
        xy = self.points[:, :2]
        low, high = xy.min(axis=0), xy.max(axis=0)
        extent = float((high - low).max())
        scale = longest_side / extent if extent > 1e-9 else 1.0  # smaller: scaling would magnify rounding errors
        moved = []
        for stroke in self.strokes:
            new = stroke.copy()
            new[:, :2] = (stroke[:, :2] - (low + high) / 2) * scale + 0.5
            moved.append(new)
        return Sketch.from_arrays(moved)
