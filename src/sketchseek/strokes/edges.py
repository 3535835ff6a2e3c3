"""A photo's edges as strokes: what stands in for a sketch where nobody has drawn the photo.

Edges are found as Canny finds them (PAMI 1986): thinned ridges of the gradient, kept where they hang together with a
strong one. Only the long ones stay, as many as a person might draw.
"""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.tracing import trace

_Plane = NDArray[np.float32]

_BLUR = 2.0  # pixels of the canvas; grain and the weave of cloth go, a chair's leg stays
_STRONG, _WEAK = 0.25, 0.07  # of the photo's strongest gradients, their 99th percentile on edges
_FAINTEST = 4.0  # of 255 a pixel; below, even the strongest gradient of a photo is no edge
_SHORTEST = 0.06  # sides of the canvas that a piece reaches, corner to corner of its box
_LONGEST = 8.0  # sides of the canvas for all strokes together; of ChairV2's drawings 95 of 100 have less


def edge_sketch(photo: NDArray[np.uint8]) -> Sketch:
    """The strongest edges of a photo, uint8 ``[s, s, 3]`` or ``[s, s]``, as strokes on the unit canvas, the photo's own
    frame. Times and pressures are 0; a photo without edges gives no strokes.
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
    """How much brightness, or the colour channel that changes most, rises downwards and to the right, a pixel."""
    image = Image.fromarray(photo).filter(ImageFilter.GaussianBlur(_BLUR * len(photo) / CANVAS))
    channels = np.asarray(image, dtype=np.float32).reshape(*photo.shape[:2], -1)
    down, right = np.gradient(channels, axis=(0, 1))
    most = np.hypot(down, right).argmax(axis=2)[..., None]
    return np.take_along_axis(down, most, 2)[..., 0], np.take_along_axis(right, most, 2)[..., 0]


def _ridges(strength: _Plane, down: _Plane, right: _Plane) -> NDArray[np.bool_]:
    """Where the gradient is strongest across the edge, of the two neighbours in its direction (of eight)."""
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
    """The connected pieces of ``drawn`` that are somewhere strong and long enough, the largest first until there is as
    much as a person draws, as a label map, 0 elsewhere.
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
    kept[order[before < _LONGEST * side]] = True
    return np.where(kept[labels], labels, 0)
