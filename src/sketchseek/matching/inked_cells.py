"""A global vector and a map of local cells, of which only those under ink count. Our own; the cells are compared as DLA
compares them (see ``local.py``), by cosine instead of Euclidean distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import ArrayT, Distance, FeaturesOf
from sketchseek.matching.distances import EPSILON, as_float32, in_tiles


@dataclass(frozen=True)
class InkedCells:
    """``global_weight`` cos(v, u) + ``cells_weight`` sum over cells i of w_i max_j cos(s_i, p_j), and with words beside
    the sketch + min(c u', ``words_cap`` |c|).

    v and u are the global vectors of sketch and photo, s_i and p_j their cells, w_i the share of the sketch's ink that
    lies in cell i. An empty cell has no weight: paper looks alike in every sketch and would match any plain background.
    c is the vector of the words, and u' is u at length 1. Above the cap, words do not change the order of photos, which
    is then the sketch's. Of words alone the similarity is c u'.

    Features of sketches: ``global`` ``[n, d]``, ``cells`` ``[n, m, C]`` and ``coverage`` ``[n, m]``, the w_i, which sum
    to 1 or are all 0 for an empty sketch; with words ``words`` ``[n, d]``, and of words alone nothing else. Features of
    photos: ``global`` ``[n, d]`` and ``cells`` ``[n, k, C]``, maybe float16.

    The single-vector form is the global vector, v with c added and without the cap.
    """

    global_weight: float = 1.0
    cells_weight: float = 1.0
    words_cap: float = 1.0

    name: ClassVar[str] = "inked-cells"
    distance: ClassVar[Distance] = "cosine"
    exact: ClassVar[bool] = False

    def prepared(self, photos: FeaturesOf[ArrayT]) -> FeaturesOf[ArrayT]:
        return photos

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        if "cells" not in sketches:
            return as_float32(sketches["words"]) @ _unit(as_float32(photos["global"])).T
        names = [name for name in ("global", "cells", "coverage", "words") if name in sketches]
        sketches = {name: sketches[name] for name in names}
        photos = {name: photos[name] for name in ("global", "cells")}
        return in_tiles(self._compare, sketches, photos, places=sketches["cells"].shape[1] * photos["cells"].shape[1])

    def sketch_vector(self, sketches: FeaturesOf[ArrayT]) -> ArrayT:
        if "words" not in sketches:
            return sketches["global"]
        if "global" not in sketches:
            return sketches["words"]
        return self.global_weight * _unit(sketches["global"]) + sketches["words"]

    def photo_vector(self, photos: FeaturesOf[ArrayT]) -> ArrayT:
        return as_float32(photos["global"])

    def _compare(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        xp = array_namespace(sketches["coverage"])
        of_photos = _unit(photos["global"])
        whole = _unit(sketches["global"]) @ of_photos.T
        local = xp.sum(sketches["coverage"][:, :, None] * _best_cosines(sketches["cells"], photos["cells"]), axis=1)
        similarity = self.global_weight * whole + self.cells_weight * local
        if "words" not in sketches:
            return similarity
        words = sketches["words"]
        cap = self.words_cap * xp.sqrt(xp.sum(words * words, axis=-1, keepdims=True))
        named = words @ of_photos.T
        return similarity + xp.where(named < cap, named, cap)


def _best_cosines(sketches: ArrayT, photos: ArrayT) -> ArrayT:
    """Of each cell of each sketch, the cosine with the most similar cell of each photo; the gradient flows to that cell
    alone. ``[q, m, C]`` and ``[g, k, C]`` float32 give ``[q, m, g]``.
    """
    xp = array_namespace(sketches, photos)
    a = xp.reshape(_unit(sketches), (-1, sketches.shape[2]))
    b = xp.reshape(_unit(photos), (-1, photos.shape[2]))
    tile = xp.reshape(a @ b.T, (a.shape[0], photos.shape[0], photos.shape[1]))
    # By its index, not as the maximum, so that torch does not keep the tile for the gradient.
    best = xp.argmax(tile, axis=-1, keepdims=True)
    return xp.reshape(xp.take_along_axis(tile, best, axis=-1), (*sketches.shape[:2], photos.shape[0]))


def _unit(vectors: ArrayT) -> ArrayT:
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(xp.sum(vectors * vectors, axis=-1, keepdims=True) + EPSILON)
