"""One vector an item, the feature ``"vector"`` ``[n, d]``, compared by cosine similarity or Euclidean distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import ArrayT, Distance, FeaturesOf
from sketchseek.matching.distances import EPSILON, aligned_distances, as_float32, in_tiles


class SingleVector:
    """Base of matchers whose single-vector form is the feature ``"vector"`` and which precompute nothing."""

    def prepared(self, photos: FeaturesOf[ArrayT]) -> FeaturesOf[ArrayT]:
        return photos

    def sketch_vector(self, sketches: FeaturesOf[ArrayT]) -> ArrayT:
        return sketches["vector"]

    def photo_vector(self, photos: FeaturesOf[ArrayT]) -> ArrayT:
        return photos["vector"]


@dataclass(frozen=True)
class Cosine(SingleVector):
    """The cosine of the angle between the vectors, -1..1; 0 for a vector of zero length, or far below 1e-6."""

    name: ClassVar[str] = "cosine"
    distance: ClassVar[Distance] = "cosine"
    exact: ClassVar[bool] = True

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        a, b = _unit(sketches["vector"]), _unit(photos["vector"])
        return a @ b.T


@dataclass(frozen=True)
class Euclidean(SingleVector):
    """Minus the Euclidean distance between the vectors."""

    name: ClassVar[str] = "euclidean"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = True

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        a, b = sketches["vector"], photos["vector"]
        return -in_tiles(_vector_distances, {"vector": a}, {"vector": b}, places=1)


def _vector_distances(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
    return aligned_distances(sketches["vector"][:, None, :], photos["vector"][:, None, :])[0]


def _unit(vectors: ArrayT) -> ArrayT:
    xp = array_namespace(vectors)
    vectors = as_float32(vectors)
    return vectors / xp.sqrt(xp.sum(vectors * vectors, axis=-1, keepdims=True) + EPSILON)
