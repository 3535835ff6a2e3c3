"""Stroke extraction: split a raster drawing into strokes (CSR, ECCV 2022, Algorithm 1, lines 1-9).

The largest piece of the drawing is cut at its choke point, where ink is densest, until there are enough pieces.
"""

from __future__ import annotations

import math

import cc3d
import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.ink import Ink, reduced
from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.tracing import trace

_SMALLEST_TO_CUT = 40  # pixels; cutting smaller pieces would leave specks
_CUT_HALF_WIDTH = 1.0  # pixels; a cut is three pixels wide, so it has no gaps at any slope
_CUTS_PER_STROKE = 4  # limits the number of cuts, because a cut through a filled area rarely splits it


def recover_sketch(ink: Ink) -> Sketch:
    """Vector strokes of a raster drawing, uint8 ``[s, s]``. No ink gives a sketch without strokes.

    The real drawing order is unknown. Strokes are put into a likely one, silhouette first and details last
    (``silhouette_first``); their directions are arbitrary and their times 0.
    """
    return trace(extract_strokes(reduced(ink, 2 * CANVAS) >= 128))


def extract_strokes(ink: NDArray[np.bool_], strokes: int = 10) -> NDArray[np.unsignedinteger]:
    """Cut a drawing, bool ``[h, w]``, into about ``strokes`` pieces and return them as labels ``[h, w]``.

    Label 0 is no stroke, 1..n are the strokes, each an 8-connected piece of ink. The dtype is uint8 up to 255 pieces,
    else a wider unsigned integer. Pixels of a cut get 0. A drawing that has more than ``strokes`` pieces from the start
    is not cut; one that cannot be split further gets fewer. Raises ValueError for ink that is not two-dimensional.
    """
    if ink.ndim != 2:
        raise ValueError(f"the ink of a drawing is [h, w], not {list(ink.shape)}")
    pieces = _pieces(np.array(np.nonzero(ink)))
    for _ in range(_CUTS_PER_STROKE * strokes):
        largest = max(range(len(pieces)), key=lambda i: pieces[i].shape[1], default=0)
        if not 0 < len(pieces) < strokes or pieces[largest].shape[1] < _SMALLEST_TO_CUT:
            break
        parts = _pieces(_cut(pieces[largest], ink.shape))
        # The first part keeps the number, the others get new ones.
        pieces[largest : largest + 1] = parts[:1]
        pieces += parts[1:]
    labels = np.zeros(ink.shape, dtype=np.min_scalar_type(len(pieces)))
    for number, (rows, columns) in enumerate(pieces, start=1):
        labels[rows, columns] = number
    return labels


def _pieces(pixels: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """The 8-connected pieces of ``pixels [2, n]`` (rows and columns, in raster order), each likewise ``[2, n]``."""
    if not pixels.size:
        return []
    mask, rows, columns = _cropped_mask(pixels)
    # uint8, not bool: on 2-D bool images cc3d 4.1.1 sometimes returns labels larger than its count.
    labels, count = cc3d.connected_components(mask.view(np.uint8), connectivity=8, return_N=True)
    if count == 1:
        return [pixels]
    piece = labels[rows, columns]
    return np.split(pixels[:, piece.argsort(kind="stable")], np.bincount(piece).cumsum()[1:-1], axis=1)


def _cut(pixels: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The pixels of a piece ``[2, n]`` that remain after a cut at its choke point, across the stroke's direction there.

    The choke point is the pixel whose window holds most pixels of the piece; the first such on ties. Window (33 pixels
    for an image of 224) and cut length scale with ``shape``, the whole image's.
    """
    half = max(1, min(shape) // 14)
    length = (shape[0] + shape[1]) // 20
    r, c = pixels - pixels[:, [_density(pixels, half).argmax()]]
    # The first principal axis of the pixels in the window, in closed form, as an angle from the row axis.
    near = (np.abs(r) <= half) & (np.abs(c) <= half)
    from_mean_r, from_mean_c = r[near] - r[near].mean(), c[near] - c[near].mean()
    spread_r, spread_c = float(from_mean_r @ from_mean_r), float(from_mean_c @ from_mean_c)
    angle = 0.5 * math.atan2(2 * float(from_mean_r @ from_mean_c), spread_r - spread_c)
    down, right = math.cos(angle), math.sin(angle)
    cut = (np.abs(down * r + right * c) <= _CUT_HALF_WIDTH) & (np.abs(down * c - right * r) <= length)
    return pixels[:, ~cut]


def _density(pixels: NDArray[np.intp], half: int) -> NDArray[np.int32]:
    """How many of ``pixels [2, n]`` lie in the square window of side ``2 half + 1`` around each of them, ``[n]``."""
    mask, rows, columns = _cropped_mask(pixels)
    height, width = mask.shape
    total = np.zeros((height + 1, width + 1), dtype=np.int32)
    np.cumsum(mask, axis=0, out=total[1:, 1:])
    np.cumsum(total, axis=1, out=total)
    top, bottom = np.maximum(rows - half, 0), np.minimum(rows + half + 1, height)
    left, right = np.maximum(columns - half, 0), np.minimum(columns + half + 1, width)
    return total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]


def _cropped_mask(pixels: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.intp], NDArray[np.intp]]:
    """The bounding box of ``pixels [2, n]`` as a mask, and their rows and columns in it."""
    rows, columns = pixels - pixels.min(axis=1, keepdims=True)
    mask = np.zeros((rows.max() + 1, columns.max() + 1), dtype=np.bool_)
    mask[rows, columns] = True
    return mask, rows, columns
