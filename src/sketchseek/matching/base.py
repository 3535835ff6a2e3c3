"""The protocols that matchers implement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

Array: TypeAlias = Any  # of any library that follows the array API standard: numpy in the app, torch in the lab
Features: TypeAlias = Mapping[str, Array]  # by name; the first axis of every array is the items

Distance: TypeAlias = Literal["cosine", "euclid", "dot"]


class Matcher(Protocol):
    """Compares the features of sketches with those of photos.

    Each matcher decides which features it reads: one vector an item, or several arrays (regions and their weights, a
    local feature map). In addition every matcher offers a single-vector form, with which a vector index finds
    candidates. A matcher is a frozen dataclass; its fields are its parameters and have JSON types.
    """

    @property
    def name(self) -> str: ...

    @property
    def distance(self) -> Distance:
        """How the vector index compares the single-vector form."""

    @property
    def exact(self) -> bool:
        """Whether ranking by the single-vector form under ``distance`` equals ranking by ``similarity``."""

    def prepared(self, photos: Features) -> Features:
        """Add precomputed per-photo terms, for photos that many calls of ``similarity`` will compare.

        Optional: photos without them give the same similarities.
        """

    def similarity(self, sketches: Features, photos: Features) -> Array:
        """The similarity of every sketch with every photo, float32 ``[sketches, photos]``; higher is closer.

        Differentiable in torch.
        """

    def sketch_vector(self, sketches: Features) -> Array:
        """The single-vector form of sketches, ``[sketches, d]``."""

    def photo_vector(self, photos: Features) -> Array:
        """The single-vector form of photos, ``[photos, d]``."""


@runtime_checkable
class RegionMatcher(Matcher, Protocol):
    """A matcher of N regions that can tell how much each region contributes to a distance."""

    @property
    def pairs_regions(self) -> bool:
        """Whether region r of a sketch is compared with region r of a photo.

        ``region_maps`` and ``region_parts`` are meaningful only then.
        """

    def region_maps(self, features: Features) -> Array:
        """Where on the square picture of each item its regions lie, ``[items, N, h, w]``, values at least 0."""

    def region_parts(self, sketches: Features, photos: Features) -> Array:
        """What each region adds to the distance, ``[sketches, photos, N]``; minus their sum is ``similarity``."""
