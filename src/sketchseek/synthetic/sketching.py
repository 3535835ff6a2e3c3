"""Simulated drawers: turn an object's edges into strokes as people of different skill and patience would draw them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.sketch import Sketch
from sketchseek.synthetic.outlines import Chain
from sketchseek.synthetic.shapes import Array, curve
from sketchseek.synthetic.thing3d import Random


@dataclass(frozen=True)
class DrawingStyle:
    """How one person draws. Lengths are in sides of the canvas."""

    wobble: float  # slow deviation from the line
    tremor: float  # fast deviation from the line
    misplacement: float  # standard deviation of a whole stroke's displacement
    overshoot: float  # how far strokes run beyond their ends, or stop short
    simplification: float  # deviations below this are drawn straight
    shortest_edge: float  # shorter edges are not drawn
    max_strokes: int
    omission_rate: float  # the probability of leaving out an inner edge
    lifts_at_corners: float  # the probability of lifting the pen at a sharp corner
    speed: float  # canvas sides a second
    scale: tuple[float, float]  # of the whole drawing, along x and y
    rotation: float  # of the whole drawing, in degrees
    shift: tuple[float, float]  # of the whole drawing, along x and y


def random_style(rng: Random) -> DrawingStyle:
    """A random style, between careful and hasty."""
    haste = float(rng.beta(1.6, 2.2))
    size = rng.normal(1.0, 0.015 + 0.03 * haste)
    aspect = rng.normal(0, 0.01 + 0.03 * haste)
    return DrawingStyle(
        wobble=0.003 + 0.009 * haste * rng.uniform(0.6, 1.4),
        tremor=0.0006 + 0.0012 * float(rng.random()),
        misplacement=0.002 + 0.009 * haste,
        overshoot=0.004 + 0.022 * haste * rng.uniform(0.3, 1.5),
        simplification=0.0025 + 0.006 * haste,
        shortest_edge=0.035 + 0.05 * haste,
        max_strokes=round(20 - 9 * haste + rng.integers(-2, 3)),
        omission_rate=0.03 + 0.22 * haste,
        lifts_at_corners=float(rng.uniform(0.35, 0.95)),
        speed=float(rng.uniform(0.35, 0.6) + 0.4 * haste),
        scale=(float(size + aspect), float(size - aspect)),
        rotation=float(rng.normal(0, 0.5 + 1.6 * haste)),
        shift=(float(rng.normal(0, 0.006 + 0.012 * haste)), float(rng.normal(0, 0.006 + 0.012 * haste))),
    )


def draw(rng: Random, chains: list[Chain], style: DrawingStyle) -> Sketch:
    """Draw one sketch: edges of the silhouette first, then inner ones; the longest are chosen first."""
    pieces = [piece for chain in chains for piece in _split_at_pen_lifts(rng, chain, style)]
    outer = sorted((p for p, silhouette in pieces if silhouette), key=lambda p: -_length(p))
    inner = sorted((p for p, silhouette in pieces if not silhouette), key=lambda p: -_length(p))
    taken = np.zeros((_CELLS, _CELLS), dtype=bool)
    # The silhouette may use up to 70 % of the strokes, which leaves some for inner edges even for a chair.
    drawn = _order_by_distance(
        _choose(rng, taken, outer, round(0.7 * style.max_strokes), 0.8 * style.shortest_edge, 0.0)
    )
    drawn += _choose(rng, taken, inner, style.max_strokes - len(drawn), style.shortest_edge, style.omission_rate)
    centre = np.array([0.5, 0.55])
    strokes, clock = [], 0.0
    for piece in drawn:
        stroke = _as_drawn(rng, piece, style)
        angle = np.deg2rad(style.rotation)
        x, y = (stroke - centre).T * np.array(style.scale)[:, None]
        stroke = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=1)
        stroke = (stroke + centre + style.shift).clip(0.004, 0.996)
        steps = np.sqrt((np.diff(stroke, axis=0) ** 2).sum(axis=1))
        pace = style.speed * rng.uniform(0.8, 1.2)
        times = clock + np.concatenate([[0.0], np.cumsum(1000 * steps / pace + 6)])
        strokes.append(np.column_stack([np.round(stroke, 6), np.round(times, 3), np.ones(len(stroke))]))
        clock = float(times[-1]) + float(rng.uniform(180, 520))
    return Sketch.from_arrays(strokes)


# --- which strokes


def _split_at_pen_lifts(rng: Random, chain: Chain, style: DrawingStyle) -> list[tuple[Array, bool]]:
    """Split a chain where the pen is lifted: at some corners, and where a stroke would get too long.

    Returns the pieces ``[n, 2]``, each with whether it belongs to the silhouette.
    """
    points = chain.points
    if chain.closed:  # start at the top left, as most people do
        begin = int((points[:, 0] + points[:, 1]).argmin())
        points = np.concatenate([points[begin:], points[: begin + 1]])
    reach = 7
    cuts = [0]
    if len(points) > 3 * reach:
        before, after = points[reach:-reach] - points[: -2 * reach], points[2 * reach :] - points[reach:-reach]
        size = np.sqrt((before**2).sum(axis=1) * (after**2).sum(axis=1))
        turn = (before * after).sum(axis=1) / np.maximum(size, 1e-12)
        while len(turn) and turn.min() < 0.55:
            corner = int(turn.argmin())
            turn[max(0, corner - 2 * reach) : corner + 2 * reach] = 1.0
            if rng.random() < style.lifts_at_corners:
                cuts.append(corner + reach)
    cuts = [*sorted(cuts), len(points) - 1]
    pieces = []
    for a, b in itertools.pairwise(cuts):
        parts = max(1, round(_length(points[a : b + 1]) / rng.uniform(0.45, 1.1)))
        at = np.linspace(a, b, parts + 1).astype(int)
        pieces += [(points[c : d + 1], chain.silhouette) for c, d in itertools.pairwise(at) if d - c >= 3]
    return pieces


def _choose(rng: Random, taken: NDArray[np.bool_], pieces: list[Array], most: int, shortest: float,
            omission_rate: float) -> list[Array]:  # fmt: skip
    """The first ``most`` pieces that are long enough, not left out by chance, and not already drawn.

    Marks the chosen pieces in ``taken``.
    """
    chosen: list[Array] = []
    for piece in pieces:
        if len(chosen) >= most or _length(piece) < shortest:
            break
        if rng.random() < omission_rate:
            continue
        fresh = _not_yet_drawn(taken, piece)
        if fresh is not None and _length(fresh) > 0.7 * shortest:
            _mark(taken, fresh)
            chosen.append(fresh)
    return chosen


def _order_by_distance(pieces: list[Array]) -> list[Array]:
    """Order the pieces as drawn: the topmost first, then always the one with an end nearest to the pen."""
    left = sorted(pieces, key=lambda p: float(p[:, 1].min()))
    ordered: list[Array] = []
    pen = left[0][0] if left else np.zeros(2)
    while left:
        distance = [min(_distance(p[0], pen), _distance(p[-1], pen)) - 0.1 * _length(p) for p in left]
        piece = left.pop(int(np.argmin(distance)))
        if _distance(piece[-1], pen) < _distance(piece[0], pen):
            piece = piece[::-1]
        ordered.append(piece)
        pen = piece[-1]
    return ordered


_CELLS = 128


def _cells(points: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    at = (points * _CELLS).astype(int).clip(1, _CELLS - 2)
    return at[:, 1], at[:, 0]


def _not_yet_drawn(taken: NDArray[np.bool_], piece: Array) -> Array | None:
    """The longest part of the piece along which there is no stroke yet, or None.

    So a thin leg, whose two sides are close together, becomes a single line.
    """
    free = np.concatenate([[False], ~taken[_cells(piece)], [False]])
    begins, ends = np.flatnonzero(free[1:] & ~free[:-1]), np.flatnonzero(~free[1:] & free[:-1])
    if not len(begins):
        return None
    longest = int((ends - begins).argmax())
    begin, end = int(begins[longest]), int(ends[longest])
    return piece[max(0, begin - 2) : end + 2] if end - begin >= 4 else None


def _mark(taken: NDArray[np.bool_], piece: Array) -> None:
    rows, columns = _cells(piece)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            taken[rows + i, columns + j] = True


# --- shape of a stroke


def _as_drawn(rng: Random, piece: Array, style: DrawingStyle) -> Array:
    """A stroke as drawn in this style: simplified, wobbly, displaced, and with ends too long or too short."""
    points = _simplified(piece, style.simplification)
    length = _length(points)
    smooth = _resampled(points, max(3, min(26, round(length / 0.03) + 2)))
    t = np.linspace(0, 1, len(smooth))
    bends = max(3, round(length / 0.12) + 2)
    wander = curve(rng.normal(0, 1, (bends, 2)), len(smooth)) * style.wobble * min(1.0, 0.35 + length)
    beside = rng.normal(0, 1, 2) * style.misplacement
    stretch = 1 + rng.normal(0, 0.6) * style.misplacement / max(length, 0.05)
    middle = smooth.mean(axis=0)
    out = middle + (smooth - middle) * stretch + beside + wander + rng.normal(0, 1, smooth.shape) * style.tremor
    ends = rng.normal(0.15, 0.8, 2) * style.overshoot * min(1.0, length / 0.2)
    first, last = out[0] - out[1], out[-1] - out[-2]
    out = out + np.outer(np.exp(-t * 12), first / max(_norm(first), 1e-9)) * ends[0]
    out = out + np.outer(np.exp(-(1 - t) * 12), last / max(_norm(last), 1e-9)) * ends[1]
    return _simplified(out, 0.15 * style.simplification)


def _simplified(points: Array, tolerance: float) -> Array:
    """Remove points while the line stays within ``tolerance`` (Ramer-Douglas-Peucker)."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, len(points) - 1)]
    while stack:
        a, b = stack.pop()
        if b - a < 2:
            continue
        chord, offset = points[b] - points[a], points[a + 1 : b] - points[a]
        size = _norm(chord)
        if size < 1e-9:
            distance = np.sqrt((offset**2).sum(axis=1))
        else:
            distance = np.abs(offset[:, 0] * chord[1] - offset[:, 1] * chord[0]) / size
        far = int(distance.argmax())
        if distance[far] > tolerance:
            keep[a + 1 + far] = True
            stack += [(a, a + 1 + far), (a + 1 + far, b)]
    return points[keep]


def _resampled(points: Array, count: int) -> Array:
    """Add ``count`` evenly spaced points along the line, keeping its own corners."""
    steps = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1)))])
    at = np.union1d(np.linspace(0, steps[-1], count), steps)
    return np.stack([np.interp(at, steps, points[:, k]) for k in (0, 1)], axis=1)


def _length(points: Array) -> float:
    return float(np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1)).sum())


def _norm(vector: Array) -> float:
    return float(np.sqrt((vector * vector).sum()))


def _distance(a: Array, b: Array) -> float:
    return _norm(a - b)
