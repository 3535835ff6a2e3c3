"""The order in which a drawing is likely to have grown, where none was recorded: from silhouette to details."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.sketch import CANVAS, Sketch

_RAYS = 180  # directions from the middle of the drawing in which its silhouette is looked for


def silhouette_first(sketch: Sketch) -> Sketch:
    """The same strokes, those that give the drawing its shape first; details last.

    People begin with the outline and add the small things (Eitz et al., How Do Humans Sketch Objects?, SIGGRAPH 2012;
    the drawings of FS2K-SDE grow so too). The law: strokes come by falling prominence, which is a stroke's share of the
    silhouette plus its share of all line length, each 0..1. The silhouette is what lies outermost in each of 180
    directions from the middle of the drawing's bounding box. Equal strokes keep their order; a stroke's own direction
    stays as it is.
    """
    if len(sketch.strokes) < 2:
        return sketch
    length = np.array([np.hypot(*np.diff(s[:, :2], axis=0).T).sum() for s in sketch.strokes])
    prominence = _silhouette_share(sketch) + length / max(float(length.sum()), 1e-12)
    return Sketch(tuple(sketch.strokes[i] for i in np.argsort(-prominence, kind="stable")))


def _silhouette_share(sketch: Sketch) -> NDArray[np.float64]:
    """Of the directions in which there is anything, the share in which each stroke lies outermost, ``[strokes]``."""
    dense = [_dense(stroke[:, :2]) for stroke in sketch.strokes]
    xy = np.concatenate(dense)
    stroke = np.repeat(np.arange(len(dense)), [len(points) for points in dense])
    x, y = (xy - (xy.min(axis=0) + xy.max(axis=0)) / 2).T
    ray = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * _RAYS).astype(np.intp) % _RAYS
    outwards = np.lexsort((np.hypot(x, y), ray))
    outermost = np.append(np.diff(ray[outwards]) > 0, True)
    return np.bincount(stroke[outwards[outermost]], minlength=len(dense)) / outermost.sum()


def _dense(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The line through ``points [n, 2]`` with a point at every pixel of the canvas, so that no direction is missed."""
    along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    at = np.linspace(0, along[-1], max(len(points), int(along[-1] * CANVAS) + 1))
    return np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)
