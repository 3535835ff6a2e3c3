"""Local feature maps compared cell by cell: the LA and DLA networks of Xu et al., "DLA-Net for FG-SBIR" (2021).

What is known of the distance: LA compares cells of the same place, DLA lets each sketch cell find the photo cell
nearest to it (so the abstract says). The released code of the same first author's next method, DLI-Net (2022), makes
the cells unit vectors, takes their Euclidean distances, and sums them over the sketch's cells; it has the root of the
sum of squares as an option, and that is what MLRM 2022, Table 4, calls "DLA-style". Ours: the mean instead of the sum,
which ranks alike and has one scale for every size of map. Unit length is the network's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import Array, Distance, Features
from sketchseek.matching.distances import aligned, in_tiles, nearest
from sketchseek.matching.single_vector import SingleVector


@dataclass(frozen=True)
class Local(SingleVector):
    """Minus the mean over cells of the distance between a sketch's cell and the photo's cell at the same place.

    Features: ``cells`` ``[n, h w, C]``, row by row, and ``vector`` ``[n, d]`` for candidates. Photos may be float16.
    """

    name: ClassVar[str] = "local"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: Features, photos: Features) -> Array:
        a, b = sketches["cells"], photos["cells"]
        return -in_tiles(_mean_aligned, {"cells": a}, {"cells": b}, places=b.shape[1])


@dataclass(frozen=True)
class DynamicLocal(SingleVector):
    """Minus the mean over the sketch's cells of the distance to the nearest cell of the photo.

    Features: ``cells`` ``[n, cells, C]``, and ``vector`` ``[n, d]`` for candidates. Photos may be float16. The
    distances of all cells exist for a few pairs at a time only, in training too.
    """

    name: ClassVar[str] = "dynamic-local"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: Features, photos: Features) -> Array:
        a, b = sketches["cells"], photos["cells"]
        return -in_tiles(_mean_nearest, {"cells": a}, {"cells": b}, places=a.shape[1] * b.shape[1])


def _mean_aligned(sketches: Features, photos: Features) -> Array:
    distances = aligned(sketches["cells"], photos["cells"])
    return array_namespace(distances).mean(distances, axis=0)


def _mean_nearest(sketches: Features, photos: Features) -> Array:
    distances = nearest(sketches["cells"], photos["cells"])
    return array_namespace(distances).mean(distances, axis=1)
