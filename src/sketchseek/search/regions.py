"""Which regions of a sketch decided that one photo ranks above another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.matching import Features
from sketchseek.matching.base import RegionMatcher

MAX_REGIONS = 3  # named for each photo


@dataclass(frozen=True)
class DecisiveRegions:
    """Where the N regions lie on the sketch and on each photo, and which of them brought each photo forward.

    ``sketch`` is uint8 ``[N, h, w]`` and ``photos`` uint8 ``[photos, N, h, w]``, on the square picture, each region
    from 0 to 255. ``strength`` is float ``[photos, N]`` in 0..1: 1 for the region that did most, 0 for those that did
    nothing.
    """

    sketch: NDArray[np.uint8]
    photos: NDArray[np.uint8]
    strength: NDArray[np.float64]


def decisive_regions(matcher: RegionMatcher, sketch: Features, photos: Features) -> DecisiveRegions:
    """What decided between photos (at least one), given the features of one sketch and of them.

    A region brought a photo forward by as much as its part of the distance is below the mean of that part over these
    photos. At most three regions of a photo are named, those that did most; at least one is, so that of the last photos
    the least bad is seen.
    """
    parts = np.asarray(matcher.region_parts(sketch, photos), np.float64)[0]
    saved = parts.mean(axis=0) - parts
    order = np.argsort(-saved, axis=1, kind="stable")
    most = np.take_along_axis(saved, order[:, :1], axis=1)
    strength = np.where(most > 0, saved / np.where(most > 0, most, 1), 0).clip(0, 1)
    np.put_along_axis(strength, order[:, MAX_REGIONS:], 0, axis=1)
    np.put_along_axis(strength, order[:, :1], 1, axis=1)
    return DecisiveRegions(_bytes(matcher.region_maps(sketch))[0], _bytes(matcher.region_maps(photos)), strength)


def _bytes(maps: NDArray[Any]) -> NDArray[np.uint8]:
    """Each map stretched to 0..255: the cells outside a region are small, but need not be zero."""
    values = np.asarray(maps, np.float64)
    low, high = values.min(axis=(2, 3), keepdims=True), values.max(axis=(2, 3), keepdims=True)
    share = np.where(high > low, (values - low) / np.where(high > low, high - low, 1), 1)
    return np.rint(share * 255).astype(np.uint8)
