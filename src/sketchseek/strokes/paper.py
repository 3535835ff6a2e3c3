"""Photographs of drawings on paper: shaded from one side, grainy, on a table.

The paper is what changes slowly across the picture; the pen's lines are narrow and darker than the paper around them.
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

_LEAST_SIDE = 400  # pixels; no camera takes smaller pictures, and in small drawings too little of the paper is bare
_WORKING_SIDE = 1024  # pixels of the longer side at most; averaged down to it grain fades, and a pen's line does not
_CELLS = 64  # along the longer side; a cell is wider than a line, so some of it is paper
_EVEN = 12  # of 255, between the quartiles of the brightness along the border
_GRAIN = 1.5  # of 255, the deviation in the calmest cells; where a clean drawing was compressed it is below 1.2
_DRAWN_WIDTH = 9  # cells; what is dark and no wider is drawn on the paper, what is wider lies beside it
_TABLE_STEP = 10  # percent of brightness from one cell to the next; shade on the paper is smoother
_LEAST_CONTRAST = 0.12  # of the paper's brightness; unevenness of the paper itself stays below, a faint pencil does not
_LEAST_PIXELS = 12  # of a piece of a line; grain makes smaller ones


def is_photograph(gray: NDArray[np.uint8]) -> bool:
    """Whether a picture ``[h, w]`` has uneven or grainy paper, which clean scans and drawing programs do not give.

    Unevenness is measured between the quartiles along the border, which a drawing that is cut off there hardly moves.
    """
    if max(gray.shape) < _LEAST_SIDE:
        return False
    cells = _cells(_working(gray))
    brightness = np.median(cells, axis=-1)
    border = np.concatenate([brightness[0], brightness[-1], brightness[:, 0], brightness[:, -1]])
    low, high = np.percentile(border, [25, 75])
    return bool(high - low > _EVEN or np.percentile(cells.std(axis=-1), 10) > _GRAIN)


def strokes_on_paper(gray: NDArray[np.uint8]) -> Sketch:
    """The lines drawn on a light sheet in a photograph ``[h, w]``, as strokes on the photograph's unit canvas.

    The sheet is the largest bright area without an edge in it; nothing beside it counts. Blank paper gives no strokes.
    Tilt and perspective stay as they are.
    """
    picture = _working(gray)
    paper, sheet, inside = _paper(picture)
    contrast = 1 - _blurred(picture / paper)
    if not inside.any():
        return Sketch()
    usual = np.median(contrast[inside])
    noise = 1.4826 * np.median(np.abs(contrast[inside] - usual))  # as a standard deviation, whatever is drawn
    contrast = np.where(sheet, contrast - usual, 0)
    certain = contrast > max(_LEAST_CONTRAST, 6 * noise)
    if not (certain & inside).any():
        return Sketch()
    # Half as dark as the pen's dark parts is a line; what hangs together with it may be fainter (hysteresis).
    pen = np.percentile(contrast[certain & inside], 90)
    drawn = contrast > max(0.35 * pen, 3 * noise)
    return trace(_lines(drawn, certain & inside & (contrast > 0.5 * pen)))


def _working(gray: NDArray[np.uint8]) -> _Plane:
    image = Image.fromarray(gray)
    return np.asarray(image.reduce(-(-max(gray.shape) // _WORKING_SIDE)), dtype=np.float32)


def _cells(picture: _Plane) -> _Plane:
    """The picture cut into square cells, ``[rows, columns, pixels of a cell]``; the last ones repeat its edge."""
    side = -(-max(picture.shape) // _CELLS)
    height, width = picture.shape
    padded = np.pad(picture, ((0, -height % side), (0, -width % side)), mode="edge")
    cells = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side).swapaxes(1, 2)
    return cells.reshape(*cells.shape[:2], side * side)


def _paper(picture: _Plane) -> tuple[_Plane, _Mask, _Mask]:
    """How bright bare paper is at every pixel; which pixels lie on the sheet; and which not near any edge of it."""
    light = np.percentile(_cells(picture), 80, axis=-1).clip(1).astype(np.uint8)
    # A closing fills what the pen made dark. With black around, it does not fill a strip of table at the border too.
    around = Image.fromarray(np.pad(light, _DRAWN_WIDTH))
    closed = around.filter(ImageFilter.MaxFilter(_DRAWN_WIDTH)).filter(ImageFilter.MinFilter(_DRAWN_WIDTH))
    brightness = np.asarray(closed, dtype=np.float32)[_DRAWN_WIDTH:-_DRAWN_WIDTH, _DRAWN_WIDTH:-_DRAWN_WIDTH]
    percent = np.rint(np.log(brightness) * 100).astype(np.int32) + 1
    areas = cc3d.connected_components(percent, connectivity=4, delta=_TABLE_STEP).astype(np.int64)
    sheet = areas == np.bincount(areas.ravel(), weights=brightness.ravel()).argmax()
    on_sheet = _eroded(np.pad(sheet, 1, mode="edge"))  # where the picture ends the sheet goes on
    inside = _eroded(_eroded(np.pad(sheet, 2)))
    shape = picture.shape
    return _spread(brightness, shape), _spread(on_sheet, shape) > 0.99, _spread(inside, shape) > 0.99


def _eroded(cells: _Mask) -> _Mask:
    """Without the cells that have a neighbour without; one row and column less on each side."""
    rows = cells[:-2] & cells[1:-1] & cells[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def _spread(cells: NDArray, shape: tuple[int, ...]) -> _Plane:
    """A value for each cell, interpolated to each pixel of a picture of that shape."""
    side = -(-max(shape) // _CELLS)
    image = Image.fromarray(cells.astype(np.float32))
    size = cells.shape[1] * side, cells.shape[0] * side
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))[: shape[0], : shape[1]]


def _blurred(plane: _Plane) -> _Plane:
    """Averaged over 3 x 3 pixels with binomial weights: grain fades more than lines do."""
    padded = np.pad(plane, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


def _lines(drawn: _Mask, certain: _Mask) -> NDArray[np.int64]:
    """The pieces of ``drawn`` as a label map, 0 elsewhere, without specks and pieces that are nowhere certain."""
    labels, count = cc3d.connected_components(drawn.astype(np.uint8), connectivity=8, return_N=True)
    labels = labels.astype(np.int64)
    kept = np.bincount(labels[certain], minlength=count + 1) > 0
    kept &= np.bincount(labels.ravel(), minlength=count + 1) >= _LEAST_PIXELS
    kept[0] = False
    return np.where(kept[labels], labels, 0)
