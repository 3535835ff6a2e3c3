"""How large a drawing, a text or a frame may be. Whoever asks over the network could make a server work without end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.strokes._files import Most
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
    top: int = 200  # photos in one where the page asks for more, as whoever scrolls to the last does

    @property
    def most(self) -> Most:
        """What a reader of drawings may read at most."""
        return Most(self.strokes, self.points)

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
        self.check(len(sketch.strokes), len(sketch), line_lengths(sketch.strokes)[0])


LIMITS = Limits()


def line_lengths(lines: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """The length of lines in canvas widths: as the rasteriser steps along them, and Euclidean.

    ``lines`` are arrays ``[n, 2 or more]``, n >= 1, with x and y first. The rasteriser takes one step for each pixel of
    the longer of a segment's width and height.
    """
    if not lines:
        return 0.0, 0.0
    steps = np.diff(np.concatenate([line[:, :2] for line in lines]), axis=0)
    steps[np.cumsum([len(line) for line in lines[:-1]], dtype=np.intp) - 1] = 0  # from a line to the next
    return float(np.abs(steps).max(axis=1).sum()), float(np.hypot(*steps.T).sum())
