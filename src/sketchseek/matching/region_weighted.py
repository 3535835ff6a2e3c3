"""Weighted distances between regions at several feature levels (MLRM, ACM Multimedia 2022, Section 3 and Table 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, get_args

from array_api_compat import array_namespace

from sketchseek.errors import InputError
from sketchseek.matching.base import Array, ArrayT, Distance, FeaturesOf
from sketchseek.matching.distances import aligned_distances, as_float32, in_tiles, nearest_distances, squared_lengths
from sketchseek.matching.single_vector import SingleVector

Strategy: TypeAlias = Literal[
    # Names T1 to T9 are those of Table 4.
    "weighted",  # T9, Eq. 4: each region and level weighted by the mean of its weights in sketch and photo
    "sketch-weights",  # T1: by its weight in the sketch
    "photo-weights",  # T2: by its weight in the photo
    "level1",  # T3: mean over the regions of level 1 only
    "level2",  # T4: of level 2 only
    "level3",  # T5: of level 3 only
    "nearest-region-root",  # T6: sketch region to nearest photo region, root of the sum of squares, mean over levels
    "uniform",  # T7: mean over regions and levels
    "nearest-region",  # T8: sketch region to nearest photo region, mean over regions and levels
]
TABLE_4: tuple[Strategy, ...] = (  # T1 to T9, in the order of the table
    *("sketch-weights", "photo-weights", "level1", "level2", "level3"),
    *("nearest-region-root", "uniform", "nearest-region", "weighted"),
)
WEIGHTED = ("weighted", "sketch-weights", "photo-weights")
ONE_LEVEL = ("level1", "level2", "level3")


@dataclass(frozen=True)
class RegionWeighted(SingleVector):
    """Minus D' = 1/2 sum over l, r of (W^s(l, r) + W^p(l, r)) |f^s_{r,l} - f^p_{r,l}| (MLRM 2022, Eq. 4).

    The norm is L2, not squared; the features are not normalised. Features, for N regions and L levels:

        level1, level2, level3   [n, N, C_l], f at each level that the network has
        weights                  [n, N, L], W(l, r), levels in the order of their names; sum to 1 over N and L
        vector                   [n, d], used for candidates only
        maps                     [n, N, h, w], where the regions lie, used for display only
        squares1, squares2, ...  [n, N], |f^p_{r,l}|^2, only after ``prepared``

    ``strategy`` selects one of the comparisons of the paper's Table 4. Photos may be float16. Raises InputError for an
    unknown strategy.
    """

    strategy: Strategy = "weighted"

    name: ClassVar[str] = "region-weighted"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.strategy not in get_args(Strategy):
            choices = ", ".join(get_args(Strategy))
            raise InputError(f"matcher 'region-weighted' has no strategy '{self.strategy}'; there are: {choices}")

    def prepared(self, photos: FeaturesOf[ArrayT]) -> FeaturesOf[ArrayT]:
        levels = self._levels(photos) if self.pairs_regions else []
        return {**photos, **{_squares(level): squared_lengths(as_float32(photos[level])) for level in levels}}

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        levels = self._levels(sketches)
        names = [*levels, "weights"] if self.strategy in WEIGHTED else levels
        known = [name for name in map(_squares, levels) if name in photos]
        sketches = {name: sketches[name] for name in names}
        photos = {name: photos[name] for name in [*names, *known]}

        def compare(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
            if self.pairs_regions:
                return array_namespace(*photos.values()).sum(self._parts(sketches, photos, levels), axis=0)
            return self._to_nearest(sketches, photos, levels)

        regions = sketches[levels[0]].shape[1]
        places = regions * (len(levels) if self.pairs_regions else regions)
        return -in_tiles(compare, sketches, photos, places)

    @property
    def pairs_regions(self) -> bool:
        return not self.strategy.startswith("nearest")

    def region_maps(self, features: FeaturesOf[ArrayT]) -> ArrayT:
        return features["maps"]

    def region_parts(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        levels = self._levels(sketches)
        parts = self._parts(sketches, photos, levels)
        xp = array_namespace(parts)
        return xp.permute_dims(xp.sum(xp.reshape(parts, (len(levels), -1, *parts.shape[1:])), axis=0), (1, 2, 0))

    def _levels(self, features: FeaturesOf[Array]) -> list[str]:
        """The names of the levels that are compared. Raises InputError if the features lack the strategy's level."""
        levels = sorted(name for name in features if name.startswith("level"))
        if self.strategy not in ONE_LEVEL:
            return levels
        if self.strategy not in levels:
            raise InputError(f"the model has no {self.strategy}, which the matcher compares; it has: {levels}")
        return [self.strategy]

    def _parts(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT], levels: list[str]) -> ArrayT:
        """What each region at each level adds to the distance, ``[L N, q, g]``."""
        xp = array_namespace(sketches[levels[0]], photos[levels[0]])
        of_levels = [aligned_distances(sketches[level], photos[level], photos.get(_squares(level))) for level in levels]
        distances = xp.concat(of_levels, axis=0)
        if self.strategy not in WEIGHTED:
            return distances / distances.shape[0]
        of_sketch, of_photo = (
            xp.reshape(xp.permute_dims(features["weights"], (2, 1, 0)), (distances.shape[0], -1))
            for features in (sketches, photos)
        )
        if self.strategy == "sketch-weights":
            return of_sketch[:, :, None] * distances
        if self.strategy == "photo-weights":
            return of_photo[:, None, :] * distances
        return (of_sketch[:, :, None] / 2 + of_photo[:, None, :] / 2) * distances

    def _to_nearest(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT], levels: list[str]) -> ArrayT:
        """The distance if each sketch region is compared with its nearest photo region, ``[q, g]``."""
        totals = []
        for level in levels:
            distances = nearest_distances(sketches[level], photos[level])
            xp = array_namespace(distances)
            if self.strategy == "nearest-region":
                totals.append(xp.mean(distances, axis=1))
            else:
                totals.append(xp.sqrt(xp.sum(distances * distances, axis=1)))
        return sum(totals) / len(levels)


def _squares(level: str) -> str:
    """The feature name for the squared lengths of a level's regions."""
    return level.replace("level", "squares")
