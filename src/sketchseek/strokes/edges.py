"""Pseudo-sketches from the edges of a photo, for photos of which there is no drawing.

Edges come from Canny's method (PAMI 1986): ridges of the gradient, thinned by non-maximum suppression, kept where they
are connected to a strong one (hysteresis). Only long edges are kept, about as many as a person would draw.
"""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.tracing import trace

_Plane = NDArray[np.float32]

_BLUR = 2.0  # canvas pixels, a Gaussian's standard deviation: removes grain and the weave of cloth, keeps a chair's leg
_STRONG, _WEAK = 0.25, 0.07  # hysteresis thresholds, relative to the 99th percentile of the gradient on ridges
_FAINTEST = 4.0  # of 255, per pixel; a photo whose strong gradients (99th percentile) are below has no edges
_SHORTEST = 0.06  # smallest bounding-box diagonal of a kept edge, in sides of the canvas
_TOTAL_LENGTH = 8.0  # of all kept edges together, in sides of the canvas; 95 % of ChairV2's drawings have less


def edge_sketch(photo: NDArray[np.uint8]) -> Sketch:
    """The main edges of a square photo, uint8 ``[s, s, 3]`` or ``[s, s]``, as strokes in the photo's own frame.

    Times and pressures are 0. A photo without edges gives a sketch without strokes.
    """
    down, right = _gradient(photo)
    strength = np.hypot(down, right)
    ridge = _ridges(strength, down, right)
    if not ridge.any():
        return Sketch()
    strongest = float(np.percentile(strength[ridge], 99))
    if strongest < _FAINTEST:
        return Sketch()
    return trace(_long_pieces(ridge & (strength > _WEAK * strongest), ridge & (strength > _STRONG * strongest)))


def _gradient(photo: NDArray[np.uint8]) -> tuple[_Plane, _Plane]:
    """The vertical and horizontal gradient per pixel, ``[s, s]`` each, of the channel that changes most there."""
    image = Image.fromarray(photo).filter(ImageFilter.GaussianBlur(_BLUR * len(photo) / CANVAS))
    channels = np.asarray(image, dtype=np.float32).reshape(*photo.shape[:2], -1)
    down, right = np.gradient(channels, axis=(0, 1))
    most = np.hypot(down, right).argmax(axis=2)[..., None]
    return np.take_along_axis(down, most, 2)[..., 0], np.take_along_axis(right, most, 2)[..., 0]


def _ridges(strength: _Plane, down: _Plane, right: _Plane) -> NDArray[np.bool_]:
    """Non-maximum suppression: where the gradient exceeds both neighbours along its direction (one of eight)."""
    octant = np.rint(np.arctan2(down, right) * 4 / np.pi).astype(int) % 4
    padded = np.pad(strength, 1)
    ridge = np.zeros(strength.shape, dtype=np.bool_)
    height, width = strength.shape
    for direction, (r, c) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        ahead = padded[1 + r : 1 + r + height, 1 + c : 1 + c + width]
        behind = padded[1 - r : 1 - r + height, 1 - c : 1 - c + width]
        ridge |= (octant == direction) & (strength > ahead) & (strength >= behind)
    return ridge


def _long_pieces(drawn: NDArray[np.bool_], strong: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The connected pieces of ``drawn`` that are long enough and strong somewhere, as a label map, 0 elsewhere.

    The largest pieces are taken first, until their total length is what a person would draw.
    """
    side = len(drawn)
    labels, count = cc3d.connected_components(drawn.astype(np.uint8), connectivity=8, return_N=True)
    labels = labels.astype(np.int64)
    boxes = cc3d.statistics(labels.astype(np.uint32))["bounding_boxes"]
    reach = np.array([np.hypot(*(s.stop - s.start for s in box[:2])) for box in boxes[: count + 1]])
    pixels = np.bincount(labels.ravel(), minlength=count + 1)
    wanted = (np.bincount(labels[strong], minlength=count + 1) > 0) & (reach >= _SHORTEST * side)
    wanted[0] = False
    order = np.flatnonzero(wanted)[np.argsort(-pixels[wanted], kind="stable")]
    before = np.cumsum(pixels[order]) - pixels[order]
    kept = np.zeros(count + 1, dtype=np.bool_)
    kept[order[before < _TOTAL_LENGTH * side]] = True
    return np.where(kept[labels], labels, 0)
