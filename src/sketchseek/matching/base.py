"""What a matcher is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

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

    def similarity(self, sketches: Features, photos: Features) -> Array:
        """Every sketch with every photo, ``[sketches, photos]`` float32, higher is closer; differentiable in torch."""

    def sketch_vector(self, sketches: Features) -> Array:
        """The single-vector form, ``[sketches, d]``."""

    def photo_vector(self, photos: Features) -> Array:
        """The single-vector form, ``[photos, d]``."""
