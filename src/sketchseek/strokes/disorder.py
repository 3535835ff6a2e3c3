"""Stroke disorder: Algorithm 1, lines 10-16, of CSR ("conditional stroke recovery", ECCV 2022), a batch at a time.

A few strokes of each sketch are turned and shifted. Nothing is looked at but ink: of every pixel of a moving stroke it
is computed where it lands, and each of the four pixels around that place asks whether this one is its source.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.labels import LOOSE, LabelMap, best, inked, stroke_sizes

_SMALLEST_TO_MOVE = 21  # pixels
_AROUND = np.array([0, 1, 1j, 1 + 1j])


@dataclass(frozen=True, eq=False)
class Disordered:
    """What was moved in a batch of label maps ``[B, h, w]``, and where to.

    ``selected``, bool ``[B, 256]``: the labels whose strokes were moved. ``source``, int32 ``[B, h, w]``: for each
    pixel on which a moved stroke lies, the pixel of the same image that came there (row * w + column), else -1.
    """

    selected: NDArray[np.bool_]
    source: NDArray[np.int32]


def disorder(labels: LabelMap, share: float, generator: np.random.Generator) -> Disordered:
    """Move the ``share`` (the paper's p_d, 0..1) of the strokes of each label map of ``labels [B, h, w]``.

    ceil(share n) of a sketch's n strokes move, at least one; only those of more than 20 pixels do, and where there are
    none nothing moves. Each turns about the centre of its box by N(0, (pi share^2)^2) and is then shifted by
    N(0, (w share)^2) and N(0, (h share)^2), held back so that all of it stays inside; it does not turn if it would not
    fit. Where moved strokes meet, the one of the higher label lies on top.

    Raises ValueError for a share outside 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share of strokes to move is 0 to 1, not {share}")
    _, height, width = labels.shape
    place, stroke = inked(labels)
    sizes = stroke_sizes(labels, stroke)
    eligible = sizes >= _SMALLEST_TO_MOVE
    wanted = np.ceil(share * (sizes > 0).sum(axis=1) - 1e-9)  # 0.07 * 100 is a little more than 7
    wanted = wanted.clip(1).astype(int).clip(max=eligible.sum(axis=1))
    selected = best(np.where(eligible, generator.random(eligible.shape), -1.0), wanted)
    source = np.full(labels.shape, -1, dtype=np.int32)
    moving = np.flatnonzero(selected.reshape(-1)[stroke])
    if not len(moving):
        return Disordered(selected, source)

    # From here on one stroke's pixels after the other's, and places as complex numbers, column + row i.
    moving = moving[np.argsort(stroke[moving], kind="stable")]
    first = np.flatnonzero(np.diff(stroke[moving], prepend=-1))
    of = np.repeat(np.arange(len(first)), np.diff(first, append=len(moving)))  # each pixel's stroke
    image, pixel = np.divmod(place[moving], height * width)
    at = pixel % width + 1j * (pixel // width)
    far = complex(width - 1, height - 1)

    low, high = _corners(at, first)
    centre = (low + high) / 2
    x, y, turn = generator.standard_normal((3, len(first)))
    direction = np.exp(1j * math.pi * share**2 * turn)
    turned_low, turned_high = _corners((at - centre[of]) * direction[of], first)
    extent = turned_high - turned_low
    direction[(extent.real > far.real) | (extent.imag > far.imag)] = 1
    turned = (at - centre[of]) * direction[of] + centre[of]
    low, high = _corners(turned, first)
    x = np.clip(x * width * share, -low.real, (far - high).real)
    y = np.clip(y * height * share, -low.imag, (far - high).imag)
    landed = turned + (x + 1j * y)[of]

    target = (np.floor(landed.real) + 1j * np.floor(landed.imag))[:, None] + _AROUND
    back = (target - landed[:, None]) * direction.conj()[of, None]  # from this pixel, in the unturned drawing
    hit = (back.real >= -0.5) & (back.real < 0.5) & (back.imag >= -0.5) & (back.imag < 0.5)
    hit &= (target.real >= 0) & (target.real < width) & (target.imag >= 0) & (target.imag < height)
    which, _ = np.nonzero(hit)
    column, row = target[hit].real.astype(np.intp), target[hit].imag.astype(np.intp)
    source[image[which], row, column] = pixel[which]  # numpy keeps the last of several
    return Disordered(selected, source)


def recovery_map(labels: LabelMap, disordered: Disordered, size: int | None = None) -> NDArray[np.uint8]:
    """What the recovery network shall draw, uint8 ``[B, 4, size, size]`` of 0 and 1 (CSR, Fig. 3; ink is 1).

    The channels: all ink of the sketch; the selected strokes where they were moved to; the strokes that were not
    selected; the selected strokes where they were before. The disordered sketch is the second and third together.
    ``labels [B, h, w]`` are reduced by adaptive max-pooling, with the windows of torch's AdaptiveMaxPool2d, which keeps
    lines of one pixel. Without ``size`` they keep their own, ``[B, 4, h, w]``.

    Raises ValueError for a size that is larger than the label maps.
    """
    batch, height, width = labels.shape
    size_out = (height, width) if size is None else (size, size)
    place, chosen, fixed = _parted(labels, disordered)
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


def disordered_ink(ink: NDArray, labels: LabelMap, disordered: Disordered) -> NDArray:
    """The disordered sketch s' as ink ``[B, h, w]``, of the type of ``ink [B, h, w]``.

    Where strokes lie on each other the most ink counts. ``LOOSE`` ink is missing on purpose: cuts that stayed behind
    would betray where the moved strokes came from.
    """
    place, _, fixed = _parted(labels, disordered)
    result = np.zeros_like(ink, order="C")
    flat, before = result.reshape(-1), ink.reshape(-1)
    flat[place[fixed]] = before[place[fixed]]
    moved = np.flatnonzero(disordered.source >= 0)
    pixels = max(labels[:1].size, 1)
    came_from = moved // pixels * pixels + disordered.source.reshape(-1)[moved]
    flat[moved] = np.maximum(flat[moved], before[came_from])
    return result


def _corners(at: NDArray[np.complex128], first: NDArray[np.intp]) -> tuple[NDArray, NDArray]:
    """The least and the greatest coordinates of each run of ``at``, which begin at ``first``."""
    low = np.minimum.reduceat(at.real, first) + 1j * np.minimum.reduceat(at.imag, first)
    return low, np.maximum.reduceat(at.real, first) + 1j * np.maximum.reduceat(at.imag, first)


def _parted(labels: LabelMap, disordered: Disordered) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.bool_]]:
    """The place of each ink pixel, whether its stroke was selected, and whether it is of a stroke that was not."""
    place, stroke = inked(labels)
    chosen = disordered.selected.reshape(-1)[stroke]
    return place, chosen, ~chosen & (stroke % 256 != LOOSE)


def _windows(pixels: int, outputs: int) -> list[NDArray[np.intp]]:
    """The outputs of an adaptive pooling into which each of ``pixels`` goes: the first and, if it is another, the last.

    Output i pools floor(i pixels / outputs) .. ceil((i + 1) pixels / outputs), so windows share at most one pixel.
    """
    if outputs > pixels:
        raise ValueError(f"{pixels} pixels cannot be reduced to {outputs}")
    index = np.arange(pixels)
    first, last = index * outputs // pixels, -(-(index + 1) * outputs // pixels) - 1
    return [first] if np.array_equal(first, last) else [first, last]
