"""Leave out what is not the drawing: specks of dust, accidental taps and page numbers far from it.

A piece of ink is a stray where it is tiny beside the largest piece and lies far outside the box of the others. A dot
within that box or near it, such as an eye or a castor, stays, and so does everything where the strays would be more
than a small share of the ink.
"""

from __future__ import annotations

from typing import overload

import cc3d
import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.ink import LEAST_INK, Ink
from sketchseek.strokes.sketch import Sketch

_TINY = 0.08  # extent over that of the largest piece
_FAR = 0.15  # gap to the box of all that is not tiny, over the box's longer side
_LEAST_SHARE = 0.02  # of the ink or the length of line


@overload
def without_strays(drawing: Sketch) -> Sketch: ...


@overload
def without_strays(drawing: Sketch | Ink) -> Sketch | Ink: ...


def without_strays(drawing: Sketch | Ink) -> Sketch | Ink:
    """A drawing without its strays: a sketch loses such strokes, ink ``[s, s]`` such connected pieces."""
    if isinstance(drawing, Sketch):
        if not drawing.strokes:
            return drawing
        low = np.array([stroke[:, :2].min(axis=0) for stroke in drawing.strokes])
        high = np.array([stroke[:, :2].max(axis=0) for stroke in drawing.strokes])
        length = np.array([np.hypot(*np.diff(stroke[:, :2], axis=0).T).sum() for stroke in drawing.strokes])
        stray = _strays(low, high, length)
        return Sketch(tuple(stroke for stroke, out in zip(drawing.strokes, stray, strict=True) if not out))
    labels, count = cc3d.connected_components((drawing >= LEAST_INK).astype(np.uint8), connectivity=8, return_N=True)
    if count < 2:
        return drawing
    found = cc3d.statistics(labels)
    boxes = np.array([[(s.start, s.stop - 1) for s in box] for box in found["bounding_boxes"][1:]], dtype=np.float64)
    stray = _strays(boxes[:, :, 0], boxes[:, :, 1], found["voxel_counts"][1:].astype(np.float64))
    return np.where(np.concatenate([[False], stray])[labels], np.uint8(0), drawing) if stray.any() else drawing


def _strays(low: NDArray[np.float64], high: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pieces are strays, ``[n]``, of boxes from ``low`` to ``high``, ``[n, 2]``, and with ``size [n]`` of ink."""
    extent = (high - low).max(axis=1)
    large = extent >= _TINY * extent.max()
    least, most = low[large].min(axis=0), high[large].max(axis=0)
    gap = np.maximum(least - high, low - most).max(axis=1)
    stray = ~large & (gap > _FAR * (most - least).max())
    return stray if size[stray].sum() <= _LEAST_SHARE * size.sum() else np.zeros_like(stray)
