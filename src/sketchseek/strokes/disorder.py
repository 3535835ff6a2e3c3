"""Stroke disorder: turn and shift a few strokes of each sketch (CSR, ECCV 2022, Algorithm 1, lines 10-16), batched.

Only ink pixels are visited, which makes it fast. Each pixel of a moved stroke is mapped forward to its new position.
Each of the four pixels around that position is then mapped back, and takes the ink if the original pixel is its nearest
source. So moved strokes have no holes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.labels import UNASSIGNED, LabelMap, ink_pixels, stroke_sizes, top_scores

_SMALLEST_TO_MOVE = 21  # pixels; the paper moves strokes of more than 20
_FOUR_CORNERS = np.array([0, 1, 1j, 1 + 1j])


@dataclass(frozen=True, eq=False)
class MovedStrokes:
    """Which strokes of a batch of label maps ``[B, h, w]`` were moved, and where to.

    ``selected``, bool ``[B, 256]``: the labels of the moved strokes. ``source``, int32 ``[B, h, w]``: for each pixel
    covered by a moved stroke, the pixel of the same image that it came from (row * w + column); -1 elsewhere.
    """

    selected: NDArray[np.bool_]
    source: NDArray[np.int32]


def disorder(labels: LabelMap, share: float, generator: np.random.Generator) -> MovedStrokes:
    """Move a ``share`` (the paper's p_d, 0..1) of the strokes of each label map in ``labels [B, h, w]``.

    Of a sketch's n strokes, ceil(share n) move, at least one. Only strokes of more than 20 pixels can move; a sketch
    without any stays unchanged. Each moved stroke is rotated about the centre of its bounding box by
    N(0, (pi share^2)^2) radians, then shifted by N(0, (w share)^2) and N(0, (h share)^2) pixels. The shift is clipped
    so that the stroke stays inside the image; a rotation after which it would not fit is skipped. Where moved strokes
    overlap, the one with the higher label is on top.

    Raises ValueError for a share outside 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of strokes to move is 0 to 1, not {share}")
    _, height, width = labels.shape
    place, stroke = ink_pixels(labels)
    sizes = stroke_sizes(labels, stroke)
    eligible = sizes >= _SMALLEST_TO_MOVE
    wanted = np.ceil(share * (sizes > 0).sum(axis=1) - 1e-9)  # 0.07 * 100 exceeds 7 slightly
    wanted = wanted.clip(1).astype(int).clip(max=eligible.sum(axis=1))
    selected = top_scores(np.where(eligible, generator.random(eligible.shape), -1.0), wanted)
    source = np.full(labels.shape, -1, dtype=np.int32)
    moving = np.flatnonzero(selected.reshape(-1)[stroke])
    if not len(moving):
        return MovedStrokes(selected, source)

    # From here on pixels are sorted by stroke, and positions are complex numbers, column + row i.
    moving = moving[np.argsort(stroke[moving], kind="stable")]
    first = np.flatnonzero(np.diff(stroke[moving], prepend=-1))
    of = np.repeat(np.arange(len(first)), np.diff(first, append=len(moving)))  # each pixel's stroke
    image, pixel = np.divmod(place[moving], height * width)
    at = pixel % width + 1j * (pixel // width)
    far = complex(width - 1, height - 1)

    low, high = _bounds(at, first)
    centre = (low + high) / 2
    x, y, turn = generator.standard_normal((3, len(first)))
    direction = np.exp(1j * math.pi * share**2 * turn)
    turned_low, turned_high = _bounds((at - centre[of]) * direction[of], first)
    extent = turned_high - turned_low
    direction[(extent.real > far.real) | (extent.imag > far.imag)] = 1
    turned = (at - centre[of]) * direction[of] + centre[of]
    low, high = _bounds(turned, first)
    x = np.clip(x * width * share, -low.real, (far - high).real)
    y = np.clip(y * height * share, -low.imag, (far - high).imag)
    landed = turned + (x + 1j * y)[of]

    target = (np.floor(landed.real) + 1j * np.floor(landed.imag))[:, None] + _FOUR_CORNERS
    back = (target - landed[:, None]) * direction.conj()[of, None]  # offset to the source pixel, rotation undone
    hit = (back.real >= -0.5) & (back.real < 0.5) & (back.imag >= -0.5) & (back.imag < 0.5)
    hit &= (target.real >= 0) & (target.real < width) & (target.imag >= 0) & (target.imag < height)
    which, _ = np.nonzero(hit)
    column, row = target[hit].real.astype(np.intp), target[hit].imag.astype(np.intp)
    source[image[which], row, column] = pixel[which]  # numpy keeps the last of several
    return MovedStrokes(selected, source)


def recovery_map(labels: LabelMap, disordered: MovedStrokes, size: int | None = None) -> NDArray[np.uint8]:
    """The targets of the stroke recovery network, uint8 ``[B, 4, size, size]``, ink 1, else 0 (CSR, Fig. 3).

    The channels: all ink of the original sketch; the moved strokes at their new positions; the strokes that were not
    moved; the moved strokes at their original positions. The disordered sketch is the union of the second and third.
    ``labels [B, h, w]`` are reduced by adaptive max-pooling, with the windows of torch's AdaptiveMaxPool2d, so lines
    one pixel wide survive. Without ``size`` the result is ``[B, 4, h, w]``.

    Raises ValueError for a size larger than the label maps.
    """
    batch, height, width = labels.shape
    size_out = (height, width) if size is None else (size, size)
    place, chosen, fixed = _split_by_selection(labels, disordered)
    maps = np.zeros((batch, 4, *size_out), dtype=np.uint8)
    rows, columns = _windows(height, size_out[0]), _windows(width, size_out[1])
    moved = np.flatnonzero(disordered.source >= 0)
    for channel, places in enumerate((place, moved, place[fixed], place[chosen])):
        image, pixel = np.divmod(places, height * width)
        row, column = np.divmod(pixel, width)
        for to_row in rows:
            for to_column in columns:
                maps[image, channel, to_row[row], to_column[column]] = 1
    return maps


def disordered_ink(ink: NDArray, labels: LabelMap, disordered: MovedStrokes) -> NDArray:
    """The disordered sketch s' as ink ``[B, h, w]``, with the dtype of ``ink [B, h, w]``.

    Where strokes overlap, the darker ink counts. ``UNASSIGNED`` ink is erased on purpose: cuts left behind would tell
    the network where the moved strokes came from.
    """
    place, _, fixed = _split_by_selection(labels, disordered)
    result = np.zeros_like(ink, order="C")
    flat, before = result.reshape(-1), ink.reshape(-1)
    flat[place[fixed]] = before[place[fixed]]
    moved = np.flatnonzero(disordered.source >= 0)
    pixels = max(labels[:1].size, 1)
    came_from = moved // pixels * pixels + disordered.source.reshape(-1)[moved]
    flat[moved] = np.maximum(flat[moved], before[came_from])
    return result


def _bounds(at: NDArray[np.complex128], first: NDArray[np.intp]) -> tuple[NDArray, NDArray]:
    """The lowest and highest coordinates within each run of ``at``; run i begins at ``first[i]``."""
    low = np.minimum.reduceat(at.real, first) + 1j * np.minimum.reduceat(at.imag, first)
    return low, np.maximum.reduceat(at.real, first) + 1j * np.maximum.reduceat(at.imag, first)


def _split_by_selection(
    labels: LabelMap, disordered: MovedStrokes
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """For each ink pixel: its flat index, whether its stroke was moved, whether it belongs to an unmoved stroke."""
    place, stroke = ink_pixels(labels)
    chosen = disordered.selected.reshape(-1)[stroke]
    return place, chosen, ~chosen & (stroke % 256 != UNASSIGNED)


def _windows(pixels: int, outputs: int) -> list[NDArray[np.intp]]:
    """For each input pixel, the first output of an adaptive pooling that covers it and, where different, the last.

    Output i pools the pixels floor(i pixels / outputs) .. ceil((i + 1) pixels / outputs), the end excluded, so
    neighbouring windows share at most one pixel.
    """
    if outputs > pixels:
        raise ValueError(f"{pixels} pixels cannot be reduced to {outputs}")
    index = np.arange(pixels)
    first, last = index * outputs // pixels, -(-(index + 1) * outputs // pixels) - 1
    return [first] if np.array_equal(first, last) else [first, last]
