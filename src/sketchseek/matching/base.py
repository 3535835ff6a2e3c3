"""The protocols that matchers implement, and the arrays that they compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

from numpy.typing import NDArray


class Array(Protocol):
    """What numpy arrays and torch tensors share: those attributes and operators of the array API standard that matchers
    use. Its functions come from ``array_api_compat.array_namespace``.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def T(self) -> Self: ...
    def __getitem__(self, key: Any, /) -> Self: ...
    def __neg__(self) -> Self: ...
    def __add__(self, other: Self | float, /) -> Self: ...
    def __sub__(self, other: Self | float, /) -> Self: ...
    def __mul__(self, other: Self | float, /) -> Self: ...
    def __rmul__(self, other: float, /) -> Self: ...
    def __truediv__(self, other: Self | float, /) -> Self: ...
    def __matmul__(self, other: Self, /) -> Self: ...


ArrayT = TypeVar("ArrayT", bound=Array)  # a matcher given numpy arrays gives numpy arrays, given tensors tensors
FeaturesOf: TypeAlias = Mapping[str, ArrayT]  # by name; the first axis of every array is the items
Features: TypeAlias = FeaturesOf[NDArray[Any]]  # as encoders make them and galleries keep them

Distance: TypeAlias = Literal["cosine", "euclid", "dot"]

# Candidates that a search compares in full where the matcher is not exact. How many of the true first ten are among
# them is measured by benchmarks/candidate_recall.py.
RERANK = 200


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

    def prepared(self, photos: FeaturesOf[ArrayT]) -> FeaturesOf[ArrayT]:
        """Add precomputed per-photo terms, for photos that many calls of ``similarity`` will compare.

        Optional: photos without them give the same similarities.
        """

    def similarity(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        """The similarity of every sketch with every photo, float32 ``[sketches, photos]``; higher is closer.

        Differentiable in torch.
        """

    def sketch_vector(self, sketches: FeaturesOf[ArrayT]) -> ArrayT:
        """The single-vector form of sketches, ``[sketches, d]``."""

    def photo_vector(self, photos: FeaturesOf[ArrayT]) -> ArrayT:
        """The single-vector form of photos, ``[photos, d]``."""


@runtime_checkable
class RegionMatcher(Matcher, Protocol):
    """A matcher of N regions that can tell how much each region contributes to a distance."""

    @property
    def pairs_regions(self) -> bool:
        """Whether region r of a sketch is compared with region r of a photo.

        ``region_maps`` and ``region_parts`` are meaningful only then.
        """

    def region_maps(self, features: FeaturesOf[ArrayT]) -> ArrayT:
        """Where on the square picture of each item its regions lie, ``[items, N, h, w]``, values at least 0."""

    def region_parts(self, sketches: FeaturesOf[ArrayT], photos: FeaturesOf[ArrayT]) -> ArrayT:
        """What each region adds to the distance, ``[sketches, photos, N]``; minus their sum is ``similarity``."""
