"""From pixels to strokes: Algorithm 1 (extraction) of CSR, "Cross-modal retrieval with stroke disorder".

A drawing is cut at its choke points, where most ink comes together, until it falls into as many pieces as wanted.
"""

from __future__ import annotations

import math

import cc3d
import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.ink import Ink, reduced
from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.tracing import trace

_SMALLEST_TO_CUT = 40  # pixels; what is left of a smaller piece would be specks
_CUT_HALF_WIDTH = 1.0  # pixels; three across, without gaps whatever the slope
_CUTS_PER_STROKE = 4  # a cut need not split anything (in a filled area it hardly ever does), so their number is limited


def recover_sketch(ink: Ink) -> Sketch:
    """The strokes of a raster drawing, uint8 ``[s, s]``, silhouette first and details last; no ink gives no strokes.

    Order, direction and times are not those of the person who drew; they are a likely order, with times 0.
    """
    return trace(extract_strokes(reduced(ink, 2 * CANVAS) >= 128))


def extract_strokes(ink: NDArray[np.bool_], strokes: int = 10) -> NDArray[np.unsignedinteger]:
    """Cut a drawing, bool ``[h, w]``, into about ``strokes`` pieces: a label map ``[h, w]``.

    0 is no stroke, 1..n are the strokes, each an 8-connected piece of the ink; uint8 up to 255 pieces. The pixels of a
    cut belong to no stroke. A drawing of more pieces than ``strokes`` to begin with is not cut; one that cannot be
    split sensibly has fewer.
    """
    if ink.ndim != 2:
        raise ValueError(f"the ink of a drawing is [h, w], not {list(ink.shape)}")
    labels, count = _components(ink)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    cuts = 0
    while 0 < count < strokes and sizes.max() >= _SMALLEST_TO_CUT and cuts < _CUTS_PER_STROKE * strokes:
        largest = int(sizes.argmax())
        group = labels == largest
        rows, columns = np.flatnonzero(group.any(axis=1)), np.flatnonzero(group.any(axis=0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        parts, n = _components(group[box] & ~_cut(group[box], ink.shape))
        # The first part keeps the label, the others get new ones.
        names = np.concatenate([[0, largest], np.arange(len(sizes), len(sizes) + max(n - 1, 0))])
        labels[box] = np.where(group[box], names[parts], labels[box])
        part_sizes = np.bincount(parts.ravel(), minlength=n + 1)[1:]
        sizes[largest] = part_sizes[0] if n else 0
        sizes = np.concatenate([sizes, part_sizes[1:]])
        count += n - 1
        cuts += 1
    return _numbered(labels, sizes)


def _components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """The 8-connected pieces as labels 1..n, and n."""
    if not mask.size:
        return np.zeros(mask.shape, dtype=np.int64), 0
    # As numbers: on bool, version 4.1.1 now and then returns labels of more than their count for images with two axes.
    labels, count = cc3d.connected_components(mask.astype(np.uint8), connectivity=8, return_N=True)
    return labels.astype(np.int64), count


def _cut(group: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels of a cut through the choke point of a group (its bounding box), across the stroke's direction there.

    ``shape`` is that of the whole image, by which the window (33 pixels at 224) and the cut's length are scaled.
    """
    half = max(1, min(shape) // 14)
    row, column = _choke_point(group, half)
    top, left = max(0, row - half), max(0, column - half)
    rows, columns = np.nonzero(group[top : row + half + 1, left : column + half + 1])
    # The first principal axis in closed form, as an angle from the row axis.
    r, c = rows - rows.mean(), columns - columns.mean()
    angle = 0.5 * math.atan2(2 * float(r @ c), float(r @ r) - float(c @ c))
    down, right = math.cos(angle), math.sin(angle)
    length = (shape[0] + shape[1]) // 20
    r, c = np.arange(group.shape[0])[:, None] - row, np.arange(group.shape[1])[None] - column
    return (np.abs(down * r + right * c) <= _CUT_HALF_WIDTH) & (np.abs(down * c - right * r) <= length)


def _choke_point(group: NDArray[np.bool_], half: int) -> tuple[int, int]:
    """The group's pixel with most of the group in the window of ``2 half + 1`` pixels around it; the first on ties."""
    height, width = group.shape
    size = 2 * half + 1
    total = np.zeros((height + size, width + size), dtype=np.int32)
    total[half + 1 : half + 1 + height, half + 1 : half + 1 + width] = group
    total = total.cumsum(axis=0).cumsum(axis=1)
    density = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    row, column = np.unravel_index(np.where(group, density, -1).argmax(), group.shape)
    return int(row), int(column)


def _numbered(labels: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """The same map with the labels 1..n, without those that a cut used up, in the smallest type that holds them."""
    kept = sizes > 0
    smallest = np.min_scalar_type(int(kept.sum()))
    numbers: NDArray[np.unsignedinteger] = np.where(kept, np.cumsum(kept), 0).astype(smallest)
    return numbers[labels]
