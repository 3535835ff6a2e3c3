"""What a matcher is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

Array: TypeAlias = Any  # of any library that follows the array API standard: numpy in the app, torch in the lab
Features: TypeAlias = Mapping[str, Array]  # by name; the first axis of every array is the items

Distance: TypeAlias = Literal["cosine", "euclid", "dot"]


class Matcher(Protocol):
    """How the features of sketches are compared with those of photos.

    Which features it reads is the matcher's own business: one vector an item, or several arrays (regions and their
    weights, a local feature map). Whatever it reads, it offers a single-vector form too, by which a vector engine finds
    candidates. A matcher is a frozen dataclass whose fields are its parameters, of JSON's types.
    """

    @property
    def name(self) -> str: ...

    @property
    def distance(self) -> Distance:
        """How the engine compares the single-vector form."""

    @property
    def exact(self) -> bool:
        """Whether the single-vector form under ``distance`` already gives the order of ``similarity``."""

    def prepared(self, photos: Features) -> Features:
        """Photos that many calls of ``similarity`` will compare, with what the formula needs of each alone, so that no
        call has to compute it again. Photos as they were encoded give the same similarities.
        """

    def similarity(self, sketches: Features, photos: Features) -> Array:
        """Every sketch with every photo, ``[sketches, photos]`` float32, higher is closer; differentiable in torch."""

    def sketch_vector(self, sketches: Features) -> Array:
        """The single-vector form, ``[sketches, d]``."""

    def photo_vector(self, photos: Features) -> Array:
        """The single-vector form, ``[photos, d]``."""


@runtime_checkable
class RegionMatcher(Matcher, Protocol):
    """A matcher that compares regions and can say what each of the N regions contributes."""

    @property
    def pairs_regions(self) -> bool:
        """Whether region r of a sketch is compared with region r of a photo. Only then do the two below make sense."""

    def region_maps(self, features: Features) -> Array:
        """Where the regions of each item lie on its square picture, ``[items, N, h, w]``, at least 0."""

    def region_parts(self, sketches: Features, photos: Features) -> Array:
        """The part of each region in the distance, ``[sketches, photos, N]``; minus their sum is ``similarity``."""
