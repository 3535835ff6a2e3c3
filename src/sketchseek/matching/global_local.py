"""The whole image and its regions, weighted by how much is drawn in each region (LGRL, evaluation of stage 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from sketchseek.matching.base import ArrayT, Distance, FeaturesOf
from sketchseek.matching.distances import aligned_distances, as_float32, in_tiles


@dataclass(frozen=True)
class GlobalLocal:
    """Minus D = |F - z| + sum over regions r of w_r |F'_r - z_r|, with weights w_r = lambda rho_r from the sketch only.

    Features of sketches: ``global`` F ``[n, d]`` and ``local`` F'_r ``[n, R, d]``, of any length, and ``weight``
    ``[n, R]``. Features of photos: ``global`` z ``[n, d]`` and ``local`` z_r ``[n, R, d]``, unit vectors. Photos may be
    float16.

    The single-vector form is a first-order approximation of the distance, exact if z is orthogonal to F. For a unit
    vector z, |F - z| = sqrt(s^2 - 2 F z) with s = sqrt(1 + |F|^2), which is about s - F z / s. So all terms add up to
    one dot product of vectors of ``d + R d`` numbers.
    """

    name: ClassVar[str] = "global-local"
    distance: ClassVar[Distance] = "dot"
    exact: ClassVar[bool] = False

    def prepared(self, photos: FeaturesOf[ArrayT]) -> FeaturesOf[ArrayT]:
        return photos

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        sketches = {name: sketches[name] for name in ("global", "local", "weight")}
        photos = {name: photos[name] for name in ("global", "local")}
        return -in_tiles(_distance, sketches, photos, places=1 + photos["local"].shape[1])

    def sketch_vector(self, sketches: FeaturesOf[ArrayT]) -> ArrayT:
        whole, regions = _scaled(sketches["global"]), _scaled(sketches["local"])
        return _joined(whole, sketches["weight"][:, :, None] * regions)

    def photo_vector(self, photos: FeaturesOf[ArrayT]) -> ArrayT:
        return _joined(as_float32(photos["global"]), as_float32(photos["local"]))


def _distance(sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
    xp = array_namespace(sketches["weight"])
    whole = aligned_distances(sketches["global"][:, None, :], photos["global"][:, None, :])[0]
    regions = aligned_distances(sketches["local"], photos["local"])
    return whole + xp.sum(sketches["weight"].T[:, :, None] * regions, axis=0)


def _scaled(vectors: ArrayT) -> ArrayT:
    """F / s, with s = sqrt(1 + |F|^2)."""
    xp = array_namespace(vectors)
    return vectors / xp.sqrt(1 + xp.sum(vectors * vectors, axis=-1, keepdims=True))


def _joined(whole: ArrayT, regions: ArrayT) -> ArrayT:
    """Concatenate ``[n, d]`` and ``[n, R, d]`` to ``[n, d + R d]``."""
    xp = array_namespace(whole, regions)
    return xp.concat([whole, xp.reshape(regions, (regions.shape[0], -1))], axis=1)
