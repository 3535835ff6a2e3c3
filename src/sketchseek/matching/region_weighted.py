"""Regions at several levels, compared one by one and weighted: MLRM (ACM Multimedia 2022), Section 3 and Table 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from array_api_compat import array_namespace

from sketchseek.errors import InputError
from sketchseek.matching.base import Array, Distance, Features
from sketchseek.matching.distances import aligned, in_tiles, nearest
from sketchseek.matching.single_vector import SingleVector

Strategy: TypeAlias = Literal[
    "weighted",  # T9, Eq. 4: every region and level by the mean of its weights in sketch and photo
    "sketch-weights",  # T1
    "photo-weights",  # T2
    "level1",  # T3: this level only, mean over its regions
    "level2",  # T4
    "level3",  # T5
    "nearest-region-root",  # T6: each sketch region to the photo's nearest, root of sum of squares, mean over levels
    "uniform",  # T7: mean over regions and levels
    "nearest-region",  # T8: each sketch region to the photo's nearest, mean over regions and levels
]
WEIGHTED = ("weighted", "sketch-weights", "photo-weights")
ONE_LEVEL = ("level1", "level2", "level3")


@dataclass(frozen=True)
class RegionWeighted(SingleVector):
    """Minus D' = 1/2 sum over l, r of (W^s(l, r) + W^p(l, r)) |f^s_{r,l} - f^p_{r,l}| (MLRM 2022, Eq. 4).

    The norm is plain L2, neither squared nor of unit vectors. Features, N regions and L levels:

        level1, level2, level3   [n, N, C_l], those that the network has
        weights                  [n, N, L], W(l, r), levels in the order of their names; the sum over N and L is 1
        vector                   [n, d], for candidates only

    ``strategy`` is one of the ways to compare of the paper's Table 4. Photos may be float16.
    """

    strategy: Strategy = "weighted"

    name: ClassVar[str] = "region-weighted"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.strategy not in get_args(Strategy):
            choices = ", ".join(get_args(Strategy))
            raise InputError(f"matcher 'region-weighted' has no strategy '{self.strategy}'; there are: {choices}")

    def similarity(self, sketches: Features, photos: Features) -> Array:
        levels = sorted(name for name in sketches if name.startswith("level"))
        if self.strategy in ONE_LEVEL:
            if self.strategy not in levels:
                raise InputError(f"the model has no {self.strategy}, which the matcher compares; it has: {levels}")
            levels = [self.strategy]
        names = [*levels, "weights"] if self.strategy in WEIGHTED else levels
        sketches, photos = ({name: features[name] for name in names} for features in (sketches, photos))

        def compare(sketches: Features, photos: Features) -> Array:
            total = self._level(sketches, photos, levels, 0)
            for level in range(1, len(levels)):
                total = total + self._level(sketches, photos, levels, level)
            return total

        regions = sketches[levels[0]].shape[1]
        places = regions**2 if self.strategy.startswith("nearest") else regions
        return -in_tiles(compare, sketches, photos, places)

    def _level(self, sketches: Features, photos: Features, levels: list[str], level: int) -> Array:
        """The share of one level in the distance, ``[q, g]``."""
        a, b = sketches[levels[level]], photos[levels[level]]
        xp = array_namespace(a, b)
        if self.strategy == "nearest-region":
            return xp.mean(nearest(a, b), axis=1) / len(levels)
        if self.strategy == "nearest-region-root":
            return xp.sqrt(xp.sum(nearest(a, b) ** 2, axis=1)) / len(levels)
        distances = aligned(a, b)
        if self.strategy not in WEIGHTED:
            return xp.mean(distances, axis=0) / len(levels)
        of_sketch = sketches["weights"][:, :, level].T[:, :, None]
        of_photo = photos["weights"][:, :, level].T[:, None, :]
        if self.strategy == "sketch-weights":
            return xp.sum(of_sketch * distances, axis=0)
        if self.strategy == "photo-weights":
            return xp.sum(of_photo * distances, axis=0)
        return xp.sum((of_sketch + of_photo) / 2 * distances, axis=0)
