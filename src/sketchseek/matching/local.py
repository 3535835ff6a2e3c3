"""Local feature maps compared cell by cell: the LA and DLA networks of Xu et al., "DLA-Net for FG-SBIR" (2021).

Sources for the distance. According to the abstract, LA compares cells at the same position, and DLA compares each
sketch cell with the photo cell nearest to it. The released code of the same first author's next method, DLI-Net (2022),
normalises cells to unit length, takes Euclidean distances, and sums them over the sketch's cells. Its option of the
root of the sum of squares is what MLRM 2022, Table 4, calls "DLA-style". Where we differ: we take the mean instead of
the sum, which ranks the same and does not depend on the size of the map. Normalising the cells is left to the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import ArrayT, Distance, FeaturesOf
from sketchseek.matching.distances import aligned_distances, in_tiles, nearest_distances
from sketchseek.matching.single_vector import SingleVector


@dataclass(frozen=True)
class Local(SingleVector):
    """Minus the mean distance between each cell of a sketch and the photo's cell at the same position (LA).

    Features: ``cells`` ``[n, h w, C]``, row by row, and ``vector`` ``[n, d]`` for candidates. Photos may be float16.
    """

    name: ClassVar[str] = "local"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        a, b = sketches["cells"], photos["cells"]
        return -in_tiles(_mean_aligned, {"cells": a}, {"cells": b}, places=b.shape[1])


@dataclass(frozen=True)
class DynamicLocal(SingleVector):
    """Minus the mean distance from each cell of a sketch to the nearest cell of the photo (DLA).

    Features: ``cells`` ``[n, cells, C]``, and ``vector`` ``[n, d]`` for candidates. Photos may be float16. The
    distances between all cells are held in memory for a few pairs at a time only, also in training.
    """

    name: ClassVar[str] = "dynamic-local"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        a, b = sketches["cells"], photos["cells"]
        return -in_tiles(_mean_nearest, {"cells": a}, {"cells": b}, places=a.shape[1] * b.shape[1])


def _mean_aligned(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
    distances = aligned_distances(sketches["cells"], photos["cells"])
    return array_namespace(distances).mean(distances, axis=0)


def _mean_nearest(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
    distances = nearest_distances(sketches["cells"], photos["cells"])
    return array_namespace(distances).mean(distances, axis=1)
