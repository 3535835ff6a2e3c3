"""Read photographs of drawings on paper, which are shaded from one side, grainy, and show the table as well.

The brightness of paper varies slowly across the picture. The pen's lines are narrow and darker than the paper around
them.
"""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.tracing import trace

_Mask = NDArray[np.bool_]
_Plane = NDArray[np.floating]

_LEAST_SIDE = 400  # pixels; cameras take no smaller pictures, and in a small drawing too little of the paper is bare
_WORKING_SIDE = 1024  # pixels, longer side; averaging down to it removes grain but not a pen's line
_CELLS = 64  # along the longer side; a cell is wider than a line, so every cell contains some paper
_EVEN = 12  # of 255: the largest interquartile range of brightness along the border of evenly lit paper
_GRAIN = 1.5  # of 255: standard deviation in the smoothest cells; below 1.2 for clean drawings, even compressed ones
_DRAWN_WIDTH = 9  # cells: dark areas up to this width are drawn on the paper, wider ones lie beside it
_TABLE_STEP = 10  # percent of brightness between neighbouring cells at the sheet's edge; shading on paper is smoother
_LEAST_CONTRAST = 0.12  # share of the paper's brightness: above the unevenness of paper, below a faint pencil
_LEAST_PIXELS = 12  # smallest piece of a line; grain leaves smaller specks


def is_photograph(gray: NDArray[np.uint8]) -> bool:
    """Whether a grey picture ``[h, w]`` shows uneven or grainy paper, unlike clean scans and exported drawings.

    Unevenness is the interquartile range of brightness along the border; lines that cross the border hardly affect it.
    """
    if max(gray.shape) < _LEAST_SIDE:
        return False
    cells = _cells(_working(gray))
    brightness = np.median(cells, axis=-1)
    border = np.concatenate([brightness[0], brightness[-1], brightness[:, 0], brightness[:, -1]])
    low, high = np.percentile(border, [25, 75])
    return bool(high - low > _EVEN or np.percentile(cells.std(axis=-1), 10) > _GRAIN)


def strokes_on_paper(gray: NDArray[np.uint8]) -> Sketch:
    """The lines drawn on a light sheet in a grey photograph ``[h, w]``, as strokes on the photograph's unit canvas.

    The sheet is the largest bright area without an edge in it; everything outside it is ignored. Blank paper gives no
    strokes. Tilt and perspective are not corrected.
    """
    picture = _working(gray)
    paper, sheet, inside = _paper(picture)
    contrast = 1 - _blurred(picture / paper)
    if not inside.any():
        return Sketch()
    usual = np.median(contrast[inside])
    noise = 1.4826 * np.median(np.abs(contrast[inside] - usual))  # a standard deviation, robust against the lines
    contrast = np.where(sheet, contrast - usual, 0)
    certain = contrast > max(_LEAST_CONTRAST, 6 * noise)
    if not (certain & inside).any():
        return Sketch()
    # Hysteresis: a line is at least half as dark as the pen's dark parts somewhere, and may be fainter elsewhere.
    pen = np.percentile(contrast[certain & inside], 90)
    drawn = contrast > max(0.35 * pen, 3 * noise)
    return trace(_lines(drawn, certain & inside & (contrast > 0.5 * pen)))


def _working(gray: NDArray[np.uint8]) -> _Plane:
    image = Image.fromarray(gray)
    return np.asarray(image.reduce(-(-max(gray.shape) // _WORKING_SIDE)), dtype=np.float32)


def _cells(picture: _Plane) -> _Plane:
    """Cut a picture into square cells, ``[rows, columns, pixels of a cell]``; its edge is repeated to fill the last."""
    side = -(-max(picture.shape) // _CELLS)
    height, width = picture.shape
    padded = np.pad(picture, ((0, -height % side), (0, -width % side)), mode="edge")
    cells = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side).swapaxes(1, 2)
    return cells.reshape(*cells.shape[:2], side * side)


def _paper(picture: _Plane) -> tuple[_Plane, _Mask, _Mask]:
    """For each pixel ``[h, w]``: the brightness of bare paper, whether it is on the sheet, and whether well inside."""
    light = np.percentile(_cells(picture), 80, axis=-1).clip(1).astype(np.uint8)
    # A morphological closing removes the pen's lines. The black margin keeps it from removing a strip of table, too.
    around = Image.fromarray(np.pad(light, _DRAWN_WIDTH))
    closed = around.filter(ImageFilter.MaxFilter(_DRAWN_WIDTH)).filter(ImageFilter.MinFilter(_DRAWN_WIDTH))
    brightness = np.asarray(closed, dtype=np.float32)[_DRAWN_WIDTH:-_DRAWN_WIDTH, _DRAWN_WIDTH:-_DRAWN_WIDTH]
    percent = np.rint(np.log(brightness) * 100).astype(np.int32) + 1
    areas = cc3d.connected_components(percent, connectivity=4, delta=_TABLE_STEP).astype(np.int64)
    sheet = areas == np.bincount(areas.ravel(), weights=brightness.ravel()).argmax()
    on_sheet = _eroded(np.pad(sheet, 1, mode="edge"))  # the sheet is assumed to continue beyond the picture
    inside = _eroded(_eroded(np.pad(sheet, 2)))
    shape = picture.shape
    return _interpolated(brightness, shape), _interpolated(on_sheet, shape) > 0.99, _interpolated(inside, shape) > 0.99


def _eroded(cells: _Mask) -> _Mask:
    """Binary erosion by 3 x 3; the result is one row and one column smaller on each side."""
    rows = cells[:-2] & cells[1:-1] & cells[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def _interpolated(cells: NDArray, shape: tuple[int, ...]) -> _Plane:
    """Values of cells, interpolated bilinearly to the pixels of a picture of ``shape``."""
    side = -(-max(shape) // _CELLS)
    image = Image.fromarray(cells.astype(np.float32))
    size = cells.shape[1] * side, cells.shape[0] * side
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))[: shape[0], : shape[1]]


def _blurred(plane: _Plane) -> _Plane:
    """A 3 x 3 binomial blur, which reduces grain more than lines."""
    padded = np.pad(plane, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


def _lines(drawn: _Mask, certain: _Mask) -> NDArray[np.int64]:
    """The connected pieces of ``drawn`` as labels, 0 elsewhere, without specks and pieces with no certain pixel."""
    labels, count = cc3d.connected_components(drawn.astype(np.uint8), connectivity=8, return_N=True)
    labels = labels.astype(np.int64)
    kept = np.bincount(labels[certain], minlength=count + 1) > 0
    kept &= np.bincount(labels.ravel(), minlength=count + 1) >= _LEAST_PIXELS
    kept[0] = False
    return np.where(kept[labels], labels, 0)
