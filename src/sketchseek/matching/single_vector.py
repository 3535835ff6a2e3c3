"""One vector an item, the feature ``"vector"`` ``[n, d]``, compared by its direction or its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import Array, Distance, Features
from sketchseek.matching.distances import TINY, aligned, as_float32, in_tiles


class SingleVector:
    """The feature ``"vector"`` is the single-vector form; photos need no preparing."""

    def prepared(self, photos: Features) -> Features:
        return photos

    def sketch_vector(self, sketches: Features) -> Array:
        return sketches["vector"]

    def photo_vector(self, photos: Features) -> Array:
        return photos["vector"]


@dataclass(frozen=True)
class Cosine(SingleVector):
    """The cosine of the angle between the vectors, -1..1. A vector whose length is zero, or far below 1e-6, is at 0."""

    name: ClassVar[str] = "cosine"
    distance: ClassVar[Distance] = "cosine"
    exact: ClassVar[bool] = True

    def similarity(self, sketches: Features, photos: Features) -> Array:
        a, b = _unit(sketches["vector"]), _unit(photos["vector"])
        return a @ b.T


@dataclass(frozen=True)
class Euclidean(SingleVector):
    """Minus the Euclidean distance between the vectors."""

    name: ClassVar[str] = "euclidean"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = True

    def similarity(self, sketches: Features, photos: Features) -> Array:
        a, b = sketches["vector"], photos["vector"]
        return -in_tiles(_vector_distances, {"vector": a}, {"vector": b}, places=1)


def _vector_distances(sketches: Features, photos: Features) -> Array:
    return aligned(sketches["vector"][:, None, :], photos["vector"][:, None, :])[0]


def _unit(vectors: Array) -> Array:
    xp = array_namespace(vectors)
    vectors = as_float32(vectors)
    return vectors / xp.sqrt(xp.sum(vectors * vectors, axis=-1, keepdims=True) + TINY)
