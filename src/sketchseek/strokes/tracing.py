"""From labelled pixels to the pen's way through them: thinned to a pixel's width, then walked along."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.ordering import silhouette_first
from sketchseek.strokes.sketch import CANVAS, Sketch

_NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from above
_POINT_EVERY = 3  # pixels of the canvas from one point of a stroke to the next, about what a pen gives

_Pixel = tuple[int, int]  # row, column


def trace(labels: NDArray[np.integer]) -> Sketch:
    """Vector strokes along each labelled piece of ``labels [h, w]`` (0 = no ink), on the unit canvas.

    A piece that branches becomes several strokes. They are ordered from the silhouette to the details
    (``silhouette_first``). A dot is a stroke of one point.
    """
    side = max(labels.shape)
    rows, columns = np.nonzero(thinned(labels))
    pieces: dict[int, dict[_Pixel, None]] = {}  # dicts as sets that keep the raster order
    for label, row, column in zip(labels[rows, columns].tolist(), rows.tolist(), columns.tolist(), strict=True):
        pieces.setdefault(label, {})[row, column] = None

    margin = np.array([side - labels.shape[1], side - labels.shape[0]]) // 2  # drawings are centred on their square
    strokes = [
        (_smoothed(np.array(way)[:, ::-1], _POINT_EVERY * side / CANVAS) + margin) / side
        for piece in pieces.values()
        for way in _ways(piece)
    ]
    return silhouette_first(Sketch.from_arrays(strokes))


def thinned(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """The skeletons of all labelled pieces, one pixel wide, ``[h, w]`` (Guo and Hall, CACM 1989, algorithm A1).

    Neither breaks a piece nor makes one disappear, which the better known thinning of Zhang and Suen does to lines two
    pixels wide. Pieces that touch do not influence each other.
    """
    padded = np.pad(labels, 1)
    ink = padded > 0
    changed = True
    while changed:
        changed = False
        for second in (False, True):
            rows, columns = np.nonzero(ink)
            own = padded[rows, columns]
            n, ne, e, se, s, sw, w, nw = (
                ink[rows + r, columns + c] & (padded[rows + r, columns + c] == own) for r, c in _NEIGHBOURS
            )
            gaps = _sum(~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n))
            neighbours = np.minimum(_sum(nw | n, ne | e, se | s, sw | w), _sum(n | ne, e | se, s | sw, w | nw))
            protected = ((n | ne | ~se) & e) if second else ((s | sw | ~nw) & w)
            goes = (gaps == 1) & (neighbours >= 2) & (neighbours <= 3) & ~protected
            ink[rows[goes], columns[goes]] = False
            changed |= bool(goes.any())
    return ink[1:-1, 1:-1]


def _sum(*conditions: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.sum(conditions, axis=0, dtype=np.int8)


def _ways(piece: dict[_Pixel, None]) -> list[list[_Pixel]]:
    """Ways along a skeleton that together pass all of it but the clutter of one or two pixels at branches."""
    left = dict(piece)
    ways = []
    for start in piece:
        if start not in left:
            continue
        del left[start]
        way = [start]
        _walk(way, left)
        way.reverse()  # on from the other end
        _walk(way, left)
        joins = [_passed_neighbour(ends, piece, left) for ends in (way[:4], way[:-5:-1])]
        if len(way) <= 2 and any(joins):
            continue
        ways.append([*filter(None, joins[:1]), *way, *filter(None, joins[1:])])
    return ways


def _walk(way: list[_Pixel], left: dict[_Pixel, None]) -> None:
    """Go on from the way's end, straight where there is a choice, and take pixels out of ``left`` until it ends."""
    while True:
        row, column = way[-1]
        down, right = row - way[-5:][0][0], column - way[-5:][0][1]
        choices = [(r, c) for r, c in _NEIGHBOURS if (row + r, column + c) in left]
        if not choices:
            return
        r, c = max(choices, key=lambda step: (step[0] * down + step[1] * right) / (step[0] ** 2 + step[1] ** 2) ** 0.5)
        way.append((row + r, column + c))
        del left[way[-1]]


def _passed_neighbour(end: list[_Pixel], piece: dict[_Pixel, None], left: dict[_Pixel, None]) -> _Pixel | None:
    """A pixel beside a way's end (its last pixel first) that was passed before: its trunk, or where a loop closes."""
    for r, c in _NEIGHBOURS:
        pixel = end[0][0] + r, end[0][1] + c
        if pixel in piece and pixel not in left and pixel not in end:
            return pixel
    return None


def _smoothed(points: NDArray[np.int64], step: float) -> NDArray[np.float64]:
    """The stairs of the pixels evened out, and a point about every ``step`` pixels; the ends stay."""
    smooth = points.astype(np.float64)
    for _ in range(2):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    count = max(1, round((len(points) - 1) / step)) + 1
    return smooth[np.unique(np.rint(np.linspace(0, len(points) - 1, count)).astype(int))]
