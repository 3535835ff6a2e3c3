"""Label maps: which stroke each pixel of ink belongs to, one byte a pixel.

A label map is uint8 ``[h, w]``: 0 where there is no ink, 1..254 the strokes, ``LOOSE`` for ink that belongs to none.
It covers the ink exactly, so what moves, removes or bends strokes leaves no grey fringe of them behind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.extraction import extract_strokes
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import CANVAS, Sketch

LOOSE = 255  # the ink that a cut between two strokes went through, and strokes beyond the 254 largest

LabelMap = NDArray[np.uint8]

_CORE = 0.5  # of the darkest ink; what is fainter is the smoothed edge of a line


def extracted_labels(ink: Ink, strokes: int = 10) -> LabelMap:
    """The strokes that ``extract_strokes`` finds in ink, uint8 ``[h, w]``, as a label map ``[h, w]``.

    Strokes are found in the ink of at least half the darkest; fainter pixels join the highest label among their
    neighbours.
    """
    core = (ink > 0) & (ink >= _CORE * ink.max(initial=0))
    found = extract_strokes(core, strokes)
    return covering(np.where(core & (found == 0), np.uint8(LOOSE), _largest(found)), ink)


def drawn_labels(sketch: Sketch, ink: Ink) -> LabelMap:
    """The strokes as they were drawn, later ones over earlier ones, as a label map ``[h, w]`` of the sketch's ``ink``.

    ``ink``, uint8 ``[h, w]``, is the rasterised sketch, resized or not. Labels rise in drawing order.
    """
    canvas = np.zeros((CANVAS, CANVAS), dtype=np.int32)
    for number, stroke in enumerate(sketch.strokes, start=1):
        canvas[rasterise(Sketch((stroke,)))] = number
    height, width = ink.shape
    rows = (2 * np.arange(height) + 1) * CANVAS // (2 * height)  # the nearest pixel of the canvas, centre to centre
    columns = (2 * np.arange(width) + 1) * CANVAS // (2 * width)
    return covering(_largest(canvas)[rows[:, None], columns], ink)


def grid_labels(ink: Ink, cells: int) -> LabelMap:
    """A grid of ``cells`` x ``cells`` in place of strokes, CSR's contrast to them: the cell of each ink pixel.

    Raises ValueError for more than 15 cells on a side, which have no room in a byte.
    """
    if not 1 <= cells <= 15:
        raise ValueError(f"a grid has 1 to 15 cells on a side, not {cells}")
    height, width = ink.shape
    rows, columns = np.arange(height) * cells // max(height, 1), np.arange(width) * cells // max(width, 1)
    return np.where(ink > 0, rows[:, None] * cells + columns + 1, 0).astype(np.uint8)


def inked(labels: LabelMap) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of a batch of label maps ``[B, h, w]``: the flat index of each ink pixel and 256 times its image + its label.

    Drawings are mostly paper, so what follows from these few per cent of the pixels is fast. Both are ``[pixels]``.
    """
    place = np.flatnonzero(labels != 0)
    image = place // max(labels[:1].size, 1)
    return place, image * 256 + labels.reshape(-1)[place].astype(np.intp)


def stroke_sizes(labels: LabelMap, stroke: NDArray[np.intp]) -> NDArray[np.intp]:
    """Pixels of each stroke, ``[B, 256]``, 0 for ``LOOSE``; ``stroke`` comes from ``inked(labels)``."""
    sizes = np.bincount(stroke, minlength=len(labels) * 256).reshape(-1, 256)
    sizes[:, LOOSE] = 0
    return sizes


def best(score: NDArray[np.float64], count: NDArray[np.integer]) -> NDArray[np.bool_]:
    """The ``count [B]`` largest of each row of ``score [B, n]``, as a mask ``[B, n]``."""
    return (-score).argsort(axis=1).argsort(axis=1) < count[:, None]


def covering(labels: LabelMap, ink: Ink) -> LabelMap:
    """``labels`` where there is ``ink`` and nowhere else (both ``[h, w]``).

    Ink without a label takes the highest one of its 3 x 3 neighbourhood, ``LOOSE`` where there is none.
    """
    padded = np.pad(labels, 1)
    across = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    near = np.maximum(np.maximum(across[:-2], across[1:-1]), across[2:])
    near[near == 0] = LOOSE
    return np.where(ink > 0, np.where(labels > 0, labels, near), np.uint8(0))


def _largest(labels: NDArray[np.integer]) -> LabelMap:
    """Labels of any number as 1..254 in the same order, of which the smallest strokes become LOOSE if they must."""
    sizes = np.bincount(labels.reshape(-1), minlength=1)
    sizes[0] = 0
    kept = np.zeros(len(sizes), dtype=np.bool_)
    kept[np.argsort(-sizes, kind="stable")[: LOOSE - 1]] = True
    kept &= sizes > 0
    numbers = np.where(kept, np.cumsum(kept), LOOSE).astype(np.uint8)
    numbers[0] = 0
    return numbers[labels]
