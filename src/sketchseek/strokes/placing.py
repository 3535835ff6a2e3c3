"""Where on the sheet and how large a drawing lies, made not to matter: small drawings are enlarged and centred.

Networks are trained on drawings in the photo's frame, and know a half-drawn chair by its size and place. So the
beginning of a large drawing must stay where it is. What tells a small drawing from it is how much was drawn in so
little room, the length of the lines over their extent. Drawings of ChairV2 (training part) have, on average, reached
the share ``BEGUN + GROWS * length / extent`` of their final extent.

All is read off the ink, so that a picture of a drawing is placed as its strokes are. docs/explanation/model.md, "Drawn
anywhere", has the measurements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sketchseek.strokes.ink import LEAST_INK, Ink, ink, reduced
from sketchseek.strokes.raster import InkCanvas
from sketchseek.strokes.sketch import CANVAS, FITTED_SIDE, Sketch
from sketchseek.strokes.tracing import skeleton

BEGUN, GROWS = 0.25, 0.18
FIRST_LINE = 2.0, 3.0  # length over extent: below these nothing tells a small drawing yet
SMALL = 0.55, 0.7  # extent over what is usual at this length: below the first it is small, above the second it is not
LARGEST = 6.0  # scale
WIDEST_PEN = 1 / 8  # of the extent; ink that is wider is a filled shape and no line
THICK, PEN = 4.0, 3  # canvas pixels: from which lines are thinned, and the width of the rasteriser's


@dataclass(frozen=True)
class Placement:
    """Maps a drawing on the unit sheet to the unit sheet that is searched with: ``scale * point + (x, y)``."""

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def apply(self, lines: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        """The lines placed, arrays ``[n, 2 or more]`` with x and y first, as ``lines`` are."""
        if self == AS_FRAMED:
            return list(lines)
        shift = np.array([self.x, self.y])
        return [np.concatenate([line[:, :2] * self.scale + shift, line[:, 2:]], axis=1) for line in lines]


AS_FRAMED = Placement()


def placed(drawing: Sketch | Ink) -> Sketch | Ink:
    """A drawing on the unit sheet, enlarged and centred where it is small; ink becomes ``[256, 256]``.

    A small drawing is enlarged until the longer side of its lines' box is 190 of 256 pixels, or the share of these that
    is usual at its length. A large one stays where it is, and so does a first line. Between them the change is smooth.
    Lines of ink that would be thicker than the rasteriser's are thinned to its width.
    """
    if isinstance(drawing, Sketch):
        return Sketch.from_arrays(placement(ink(drawing)).apply(drawing.strokes))
    drawn = drawing >= LEAST_INK
    if not drawn.any():
        return drawing
    place = placement(drawing)
    moved = _moved(drawing, place)
    pen, widest = _pen(drawn)
    width = pen * place.scale * CANVAS / len(drawing)
    return _thinned(moved, width) if pen < widest and width > THICK else moved


def placement(ink: Ink) -> Placement:
    """How ``placed`` places a drawing with this ink, ``[s, s]`` of any size."""
    drawn = ink >= LEAST_INK
    side = len(ink)
    columns, rows = np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))
    if not len(rows):
        return AS_FRAMED
    low, high = np.array([columns[0], rows[0]]) / side, np.array([columns[-1], rows[-1]]) / side
    pen = min(_pen(drawn))
    extent = float((high - low).max()) - (pen - 1) / side  # of the middles of lines
    if extent * LARGEST < FITTED_SIDE / CANVAS * BEGUN:  # a dot
        return AS_FRAMED
    detail = np.count_nonzero(drawn) / pen / side / extent
    usual = FITTED_SIDE / CANVAS * min(1.0, BEGUN + GROWS * detail)
    weight = _ramp(detail, FIRST_LINE) * (1 - _ramp(extent / usual, SMALL))
    scale = min(float((usual / extent) ** weight), LARGEST)
    middle = (low + high) / 2
    x, y = (middle + (0.5 - middle) * weight - middle * scale).tolist()
    return Placement(scale, x, y)


class GrowingInk:
    """The ink of a drawing that grows by lines, where it was drawn or ``placed``.

    New lines are drawn onto the ink there is; all lines are drawn anew only where the placement has changed.
    """

    def __init__(self) -> None:
        self._lines: list[NDArray[np.float64]] = []
        self._as_drawn, self._placed = InkCanvas(), InkCanvas()
        self._placement, self._count = AS_FRAMED, 0  # of the lines on the second canvas

    def add(self, lines: Sequence[NDArray[np.float64]]) -> None:
        """Add polylines as ``InkCanvas.add`` does."""
        self._as_drawn.add(lines)
        self._lines += lines

    def ink(self, as_framed: bool) -> tuple[Ink, Placement]:
        """The pixels now, ``[256, 256]``, a copy, and how they are placed."""
        drawn = self._as_drawn.ink()
        place = AS_FRAMED if as_framed else placement(drawn)
        if place == AS_FRAMED:
            return drawn, place
        if place != self._placement:
            self._placed, self._placement, self._count = InkCanvas(), place, 0
        self._placed.add(place.apply(self._lines[self._count :]))
        self._count = len(self._lines)
        return self._placed.ink(), place


def _ramp(value: float, between: tuple[float, float]) -> float:
    """0 up to the first, 1 from the second on."""
    return min(1.0, max(0.0, (value - between[0]) / (between[1] - between[0])))


def _pen(drawn: NDArray[np.bool_]) -> tuple[float, float]:
    """The width of the pen in pixels, and the largest that a pen may have; there must be ink.

    It is the commonest length of all runs of ink along rows and columns: a line has few runs along it and many across.
    """
    runs, extents = [], []
    for lines in (drawn, drawn.T):
        edges = np.flatnonzero(np.diff(np.pad(lines, ((0, 0), (1, 1))).ravel()))
        runs.append(edges[1::2] - edges[::2])
        extents.append(np.ptp(np.flatnonzero(lines.any(axis=0))))
    return float(np.bincount(np.concatenate(runs)).argmax()), 1 + WIDEST_PEN * float(max(extents))


def _thinned(ink: Ink, width: float) -> Ink:
    """Lines of ink ``[256, 256]``, ``width`` pixels wide, at the width of the rasteriser's.

    Eroding keeps the shape of lines, corners too, that are as wide as they should be; the skeleton those that vary.
    """
    window = 2 * int((width - PEN) / 2) + 1  # rather too thick than gone
    eroded = np.asarray(Image.fromarray(ink).filter(ImageFilter.MinFilter(window)))
    canvas = InkCanvas()
    rows, columns = np.nonzero(skeleton((ink >= 128).astype(np.uint8)))
    canvas.add(list((np.stack([columns, rows], axis=1) / CANVAS)[:, None]))
    return np.maximum(eroded, canvas.ink())


def _moved(ink: Ink, place: Placement) -> Ink:
    """Ink ``[s, s]`` placed on the canvas ``[256, 256]``."""
    # Point x of the sheet lies in the middle of pixel 256 x of the canvas and of pixel s x of the ink.
    side = len(ink) / place.scale  # of the part of the ink that fills the canvas, in its pixels
    left, top = (0.5 - 0.5 * side / CANVAS - side * shift for shift in (place.x, place.y))
    by = max(1, math.ceil(side / (2 * CANVAS)))
    ink, side, left, top = reduced(ink, -(-len(ink) // by)), side / by, left / by, top / by  # keeps thin lines
    before = max(0, math.ceil(-min(left, top)))
    after = max(0, math.ceil(max(left, top) + side) - len(ink))
    box = (left + before, top + before, left + before + side, top + before + side)
    image = Image.fromarray(np.pad(ink, (before, after)))
    return np.asarray(image.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR, box))
