"""A likely drawing order for strokes whose real order was not recorded: silhouette first, details last."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.sketch import CANVAS, Sketch

_RAYS = 180  # directions from the drawing's centre in which its silhouette is determined


def silhouette_first(sketch: Sketch) -> Sketch:
    """Reorder the strokes so that those forming the silhouette come first and details last.

    People draw the outline first and details later (Eitz et al., How Do Humans Sketch Objects?, SIGGRAPH 2012; so do
    the drawings of FS2K-SDE). Strokes are sorted by falling prominence: a stroke's share of the silhouette plus its
    share of the total line length, each 0..1. The silhouette is the outermost ink in each of 180 directions from the
    centre of the drawing's bounding box. The sort is stable, and the points within a stroke keep their order.
    """
    if len(sketch.strokes) < 2:
        return sketch
    length = np.array([np.hypot(*np.diff(s[:, :2], axis=0).T).sum() for s in sketch.strokes])
    prominence = _silhouette_share(sketch) + length / max(float(length.sum()), 1e-12)
    return Sketch(tuple(sketch.strokes[i] for i in np.argsort(-prominence, kind="stable")))


def _silhouette_share(sketch: Sketch) -> NDArray[np.float64]:
    """The share of directions in which each stroke is outermost, ``[strokes]``; empty directions do not count."""
    dense = [_dense(stroke[:, :2]) for stroke in sketch.strokes]
    xy = np.concatenate(dense)
    stroke = np.repeat(np.arange(len(dense)), [len(points) for points in dense])
    x, y = (xy - (xy.min(axis=0) + xy.max(axis=0)) / 2).T
    ray = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * _RAYS).astype(np.intp) % _RAYS
    outwards = np.lexsort((np.hypot(x, y), ray))
    outermost = np.append(np.diff(ray[outwards]) > 0, True)
    return np.bincount(stroke[outwards[outermost]], minlength=len(dense)) / outermost.sum()


def _dense(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polyline through ``points [n, 2]``, resampled to about a point a canvas pixel, so no direction is missed."""
    along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    at = np.linspace(0, along[-1], max(len(points), int(along[-1] * CANVAS) + 1))
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)
