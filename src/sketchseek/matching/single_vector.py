"""One vector an item, the feature ``"vector"`` ``[n, d]``, compared by its direction or its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import Array, Distance, Features

# Added under square roots: too small to change a float32 result, enough to keep the gradient finite at zero.
TINY = 1e-12


class _SingleVector:
    exact: ClassVar[bool] = True

    def sketch_vector(self, sketches: Features) -> Array:
        return sketches["vector"]

    def photo_vector(self, photos: Features) -> Array:
        return photos["vector"]


@dataclass(frozen=True)
class Cosine(_SingleVector):
    """The cosine of the angle between the vectors, -1..1; a zero vector is at 0 from everything."""

    name: ClassVar[str] = "cosine"
    distance: ClassVar[Distance] = "cosine"

    def similarity(self, sketches: Features, photos: Features) -> Array:
        a, b = _unit(sketches["vector"]), _unit(photos["vector"])
        return a @ b.T


@dataclass(frozen=True)
class Euclidean(_SingleVector):
    """Minus the Euclidean distance between the vectors."""

    name: ClassVar[str] = "euclidean"
    distance: ClassVar[Distance] = "euclid"

    def similarity(self, sketches: Features, photos: Features) -> Array:
        a, b = sketches["vector"], photos["vector"]
        xp = array_namespace(a, b)
        squares = xp.sum(a * a, axis=-1)[:, None] + xp.sum(b * b, axis=-1)[None, :] - 2 * (a @ b.T)
        return -xp.sqrt(xp.clip(squares, TINY, None))  # rounding may leave a square slightly below zero


def _unit(vectors: Array) -> Array:
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(xp.sum(vectors * vectors, axis=-1, keepdims=True) + TINY)
