"""Local feature maps compared cell by cell: the LA and DLA networks of Xu et al., "DLA-Net for FG-SBIR" (2021).

Sources for the distance. According to the abstract, LA compares cells at the same position, and DLA compares each
sketch cell with the photo cell nearest to it. The released code of the same first author's next method, DLI-Net (2022),
normalises cells to unit length, takes Euclidean distances, and sums them over the sketch's cells. Its
newest scripts take the 2-norm over the cells, the root of the summed squares, which MLRM 2022, Table 4, calls
"DLA-style". Where we differ: we take the mean (of the squares) instead of the sum, which ranks the same and does not
depend on the size of the map. Normalising the cells is left to the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from array_api_compat import array_namespace

from sketchseek.errors import InputError
from sketchseek.matching.base import ArrayT, Distance, FeaturesOf
from sketchseek.matching.distances import EPSILON, aligned_distances, in_tiles, nearest_distances
from sketchseek.matching.single_vector import SingleVector


@dataclass(frozen=True)
class _CellByCell(SingleVector):
    """Compares cells with cells. ``norm`` 1 takes the mean of their distances, 2 the root of the mean square.

    Raises InputError for any other norm.
    """

    norm: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        if self.norm not in (1, 2):
            raise InputError(f"local matchers have the norms 1 and 2, not {self.norm}")

    def _mean(self, distances: ArrayT, axis: int) -> ArrayT:
        xp = array_namespace(distances)
        if self.norm == 1:
            return xp.mean(distances, axis=axis)
        return xp.sqrt(xp.mean(distances * distances, axis=axis) + EPSILON)


@dataclass(frozen=True)
class Local(_CellByCell):
    """Minus the mean distance between each cell of a sketch and the photo's cell at the same position (LA).

    Features: ``cells`` ``[n, h w, C]``, row by row, and ``vector`` ``[n, d]`` for candidates. Photos may be float16.
    ``norm`` 2 takes the root of the mean square instead.
    """

    name: ClassVar[str] = "local"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        a, b = sketches["cells"], photos["cells"]

        def compare(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
            return self._mean(aligned_distances(sketches["cells"], photos["cells"]), axis=0)

        return -in_tiles(compare, {"cells": a}, {"cells": b}, places=b.shape[1])


@dataclass(frozen=True)
class DynamicLocal(_CellByCell):
    """Minus the mean distance from each cell of a sketch to the nearest cell of the photo (DLA).

    Features: ``cells`` ``[n, cells, C]``, and ``vector`` ``[n, d]`` for candidates. Photos may be float16. The
    distances between all cells are held in memory for a few pairs at a time only, also in training. ``norm`` 2 takes
    the root of the mean square instead.
    """

    name: ClassVar[str] = "dynamic-local"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        a, b = sketches["cells"], photos["cells"]

        def compare(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
            return self._mean(nearest_distances(sketches["cells"], photos["cells"]), axis=1)

        return -in_tiles(compare, {"cells": a}, {"cells": b}, places=a.shape[1] * b.shape[1])
