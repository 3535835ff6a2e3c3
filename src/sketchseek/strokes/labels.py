"""Label maps: the stroke that each ink pixel belongs to, one byte a pixel.

A label map is uint8 ``[h, w]``: 0 where there is no ink, 1..254 for strokes, ``UNASSIGNED`` (255) for ink of no stroke.
Every pixel with any ink has a label, also the grey antialiased edges of lines. So moving, removing or deforming a
stroke takes its edges along and leaves no grey fringe behind.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.extraction import extract_strokes
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import CANVAS, Sketch

UNASSIGNED = 255  # ink in the cuts between extracted strokes, and ink of strokes beyond the 254 largest

LabelMap = NDArray[np.uint8]

_CORE = 0.5  # share of the darkest ink; fainter pixels are the antialiased edges of lines


def extracted_labels(ink: Ink, strokes: int = 10) -> LabelMap:
    """The strokes that ``extract_strokes`` finds in ``ink`` (uint8 ``[h, w]``), as a label map ``[h, w]``.

    Strokes are extracted from pixels of at least half the darkest ink. Fainter pixels get the highest label among their
    neighbours.
    """
    core = (ink > 0) & (ink >= _CORE * ink.max(initial=0))
    found = extract_strokes(core, strokes)
    return cover_ink(np.where(core & (found == 0), np.uint8(UNASSIGNED), _as_label_map(found)), ink)


def drawn_labels(sketch: Sketch, ink: Ink) -> LabelMap:
    """The drawn strokes as a label map ``[h, w]`` for the sketch's ``ink``; later strokes cover earlier ones.

    ``ink``, uint8 ``[h, w]``, is the rasterised sketch in any size. Labels rise in drawing order.
    """
    canvas = np.zeros((CANVAS, CANVAS), dtype=np.int32)
    for number, stroke in enumerate(sketch.strokes, start=1):
        canvas[rasterise(Sketch((stroke,)))] = number
    height, width = ink.shape
    rows = (2 * np.arange(height) + 1) * CANVAS // (2 * height)  # nearest-neighbour resize, pixel centres aligned
    columns = (2 * np.arange(width) + 1) * CANVAS // (2 * width)
    return cover_ink(_as_label_map(canvas)[rows[:, None], columns], ink)


def grid_labels(ink: Ink, cells: int) -> LabelMap:
    """Label ink by the cell of a ``cells`` x ``cells`` grid instead of by stroke: CSR's baseline without strokes.

    Takes ``ink`` ``[h, w]`` and returns uint8 ``[h, w]``. Raises ValueError unless ``cells`` is 1 to 15, which is what
    a byte can hold.
    """
    if not 1 <= cells <= 15:
        raise ValueError(f"a grid has 1 to 15 cells on a side, not {cells}")
    height, width = ink.shape
    rows, columns = np.arange(height) * cells // max(height, 1), np.arange(width) * cells // max(width, 1)
    return np.where(ink > 0, rows[:, None] * cells + columns + 1, 0).astype(np.uint8)


def ink_pixels(labels: LabelMap) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The flat index of each ink pixel in a batch of label maps ``[B, h, w]``, and 256 * its image + its label.

    Both are ``[pixels]``. Working on this list is fast, because only a few per cent of a drawing's pixels are ink.
    """
    place = np.flatnonzero(labels != 0)
    image = place // max(labels[:1].size, 1)
    return place, image * 256 + labels.reshape(-1)[place].astype(np.intp)


def stroke_sizes(labels: LabelMap, stroke: NDArray[np.intp]) -> NDArray[np.intp]:
    """The number of pixels of each stroke, ``[B, 256]``, 0 for ``UNASSIGNED``.

    ``stroke [pixels]`` is the second result of ``ink_pixels(labels)``.
    """
    sizes = np.bincount(stroke, minlength=len(labels) * 256).reshape(-1, 256)
    sizes[:, UNASSIGNED] = 0
    return sizes


def top_scores(score: NDArray[np.float64], count: NDArray[np.integer]) -> NDArray[np.bool_]:
    """A mask ``[B, n]`` of the ``count[i]`` largest scores in each row i of ``score [B, n]``."""
    return (-score).argsort(axis=1).argsort(axis=1) < count[:, None]


def cover_ink(labels: LabelMap, ink: Ink) -> LabelMap:
    """``labels`` changed to cover exactly the pixels of ``ink`` (both ``[h, w]``).

    Ink without a label gets the highest label in its 3 x 3 neighbourhood, or ``UNASSIGNED`` if there is none there.
    """
    padded = np.pad(labels, 1)
    across = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    near = np.maximum(np.maximum(across[:-2], across[1:-1]), across[2:])
    near[near == 0] = UNASSIGNED
    return np.where(ink > 0, np.where(labels > 0, labels, near), np.uint8(0))


def _as_label_map(labels: NDArray[np.integer]) -> LabelMap:
    """Renumber labels of any range as 1..254, in the same order.

    Of more than 254 strokes the smallest become UNASSIGNED.
    """
    sizes = np.bincount(labels.reshape(-1), minlength=1)
    sizes[0] = 0
    kept = np.zeros(len(sizes), dtype=np.bool_)
    kept[np.argsort(-sizes, kind="stable")[: UNASSIGNED - 1]] = True
    kept &= sizes > 0
    numbers = np.where(kept, np.cumsum(kept), UNASSIGNED).astype(np.uint8)
    numbers[0] = 0
    return numbers[labels]
