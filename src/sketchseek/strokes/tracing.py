"""Vectorise labelled pixels: thin each piece to a skeleton one pixel wide, then follow it as a pen would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.ordering import silhouette_first
from sketchseek.strokes.sketch import CANVAS, Sketch

_NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # clockwise from above
_POINT_EVERY = 3  # canvas pixels between the points of a stroke, about the density of pen input

_Pixel = tuple[int, int]  # row, column


def trace(labels: NDArray[np.integer]) -> Sketch:
    """Vector strokes along each labelled piece of ``labels [h, w]`` (0 = no ink), on the unit canvas.

    The picture is centred on a square, which becomes the canvas. A piece that branches becomes several strokes, a dot a
    stroke of one point. Strokes are ordered from the silhouette to the details (``silhouette_first``).
    """
    side = max(labels.shape)
    rows, columns = np.nonzero(skeleton(labels))
    pieces: dict[int, dict[_Pixel, None]] = {}  # dicts serve as sets that keep the raster order
    for label, row, column in zip(labels[rows, columns].tolist(), rows.tolist(), columns.tolist(), strict=True):
        pieces.setdefault(label, {})[row, column] = None

    margin = np.array([side - labels.shape[1], side - labels.shape[0]]) // 2  # to centre the drawing on its square
    strokes = [
        (_smoothed(np.array(path)[:, ::-1], _POINT_EVERY * side / CANVAS) + margin) / side
        for piece in pieces.values()
        for path in _paths(piece)
    ]
    return silhouette_first(Sketch.from_arrays(strokes))


def skeleton(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Thin all pieces of ``labels [h, w]`` to one pixel's width, bool ``[h, w]`` (Guo and Hall, CACM 1989, A1).

    The algorithm neither breaks a piece nor erases one; the better known one of Zhang and Suen does that to lines two
    pixels wide. Touching pieces with different labels do not influence each other.
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


def _paths(piece: dict[_Pixel, None]) -> list[list[_Pixel]]:
    """Split a skeleton into paths that cover it, except for spurs of one or two pixels at branches."""
    unvisited = dict(piece)
    paths = []
    for start in piece:
        if start not in unvisited:
            continue
        del unvisited[start]
        path = [start]
        _walk(path, unvisited)
        path.reverse()  # continue from the other end
        _walk(path, unvisited)
        joins = [_junction(ends, piece, unvisited) for ends in (path[:4], path[:-5:-1])]
        if len(path) <= 2 and any(joins):
            continue
        paths.append([*filter(None, joins[:1]), *path, *filter(None, joins[1:])])
    return paths


def _walk(path: list[_Pixel], unvisited: dict[_Pixel, None]) -> None:
    """Extend ``path`` at its end as far as it goes, straight on at branches; removes pixels from ``unvisited``."""
    while True:
        row, column = path[-1]
        down, right = row - path[-5:][0][0], column - path[-5:][0][1]
        choices = [(r, c) for r, c in _NEIGHBOURS if (row + r, column + c) in unvisited]
        if not choices:
            return
        r, c = max(choices, key=lambda step: (step[0] * down + step[1] * right) / (step[0] ** 2 + step[1] ** 2) ** 0.5)
        path.append((row + r, column + c))
        del unvisited[path[-1]]


def _junction(end: list[_Pixel], piece: dict[_Pixel, None], unvisited: dict[_Pixel, None]) -> _Pixel | None:
    """A visited pixel next to a path's end, where it meets its trunk or closes a loop.

    ``end`` holds the path's last four pixels, the last one first.
    """
    for r, c in _NEIGHBOURS:
        pixel = end[0][0] + r, end[0][1] + c
        if pixel in piece and pixel not in unvisited and pixel not in end:
            return pixel
    return None


def _smoothed(points: NDArray[np.int64], step: float) -> NDArray[np.float64]:
    """Smooth the staircase of ``points [n, 2]`` and keep a point about every ``step`` pixels; both ends stay."""
    smooth = points.astype(np.float64)
    for _ in range(2):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
    count = max(1, round((len(points) - 1) / step)) + 1
    return smooth[np.unique(np.rint(np.linspace(0, len(points) - 1, count)).astype(int))]
