"""How large a drawing, a text or a frame may be. Whoever asks over the network could make a server work without end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.strokes.raster import REACH
from sketchseek.strokes.sketch import Sketch


@dataclass(frozen=True)
class Limits:
    """The largest of everything that the live session takes and gives; the page is told them when it connects."""

    strokes: int = 2_000
    points: int = 200_000
    length: float = 4_000.0  # canvas widths of all lines; rasterising costs time and memory by the pixel
    reach: float = REACH  # canvas widths that a point may lie beyond the canvas
    words: int = 500  # characters
    message: int = 8 * 2**20  # characters of one frame; the largest drawing allowed fits
    results: int = 24  # photos in a results frame: full rows of a grid 2, 3, 4 or 6 wide

    def check(self, strokes: int, points: int, length: float) -> None:
        """Raise InputError for a drawing of so many strokes, points and canvas widths of line if that is too many."""
        if strokes > self.strokes:
            raise InputError(f"drawing: at most {self.strokes:,} strokes; simplify it")
        if points > self.points:
            raise InputError(f"drawing: at most {self.points:,} points; simplify it")
        if length > self.length:
            raise InputError(f"drawing: its lines are longer than {self.length:,.0f} canvas widths; simplify it")

    def check_sketch(self, sketch: Sketch) -> None:
        """Raise InputError for a drawing that would cost a server too much to search."""
        self.check(len(sketch.strokes), len(sketch), raster_length(sketch.strokes))


LIMITS = Limits()


def raster_length(lines: Sequence[NDArray[np.float64]]) -> float:
    """The canvas widths of line that the rasteriser steps along: of each segment the longer of its width and height.

    ``lines`` are arrays ``[n, 2 or more]`` with x and y first.
    """
    return sum(float(np.abs(np.diff(line[:, :2], axis=0)).max(axis=1).sum()) for line in lines if len(line) > 1)


def drawn_length(lines: Sequence[NDArray[np.float64]]) -> float:
    """The Euclidean length of lines, in canvas widths. ``lines`` are as for ``raster_length``."""
    return sum(float(np.hypot(*np.diff(line[:, :2], axis=0).T).sum()) for line in lines)
