"""The contract of a method's network.

Every network is a ``Network``. Optional capabilities are protocols below. A network that has one of a protocol's
methods must have all of its members, and is evaluated, exported and searched accordingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import get_annotations
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.matching import Matcher, get_matcher
from sketchseek.model.encoder import Query

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from sketchseek.model.names import Names


class Network(nn.Module):
    """The base class of networks that encode sketches and photos.

    Polarity and normalisation are part of the network (``methods.inputs``), so every exported model takes the same
    pixels. ``forward`` is defined by the method, for its own losses.
    """

    matcher: str  # the name of the matcher that compares the features
    matcher_parameters: Mapping[str, Any] = MappingProxyType({})
    # Other ways to compare the same features, {"name", "parameters"} of a matcher by the name of the strategy.
    strategies: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    # Made for partial sketches: checkpoints are chosen by m@B, and raster drawings are replaced by strokes recovered
    # from them in training and validation.
    for_partial_sketches: bool = False
    compiles: ClassVar[bool] = True  # whether torch.compile may be used on it

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        """Ink, uint8 ``[B, S, S]``, to features ``[B, ...]`` by name."""
        raise NotImplementedError

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        """Photos, uint8 ``[B, S, S, 3]``, to features ``[B, ...]`` by name."""
        raise NotImplementedError


@runtime_checkable
class RegionNetwork(Protocol):
    """A network that encodes a sketch region by region, so that only changed regions are encoded again (``lgrl``)."""

    regions: int  # cells on a side of the grid; a crop has c = S // regions pixels on a side

    def encode_whole(self, ink: Tensor) -> dict[str, Tensor]:
        """The features that need the whole drawing, ink ``[B, S, S]``."""

    def encode_regions(self, crops: Tensor) -> Tensor:
        """Encode crops of ink, uint8 ``[B, c, c]``, to ``[B, ...]``."""

    def join(self, whole: dict[str, Tensor], regions: Tensor) -> dict[str, Tensor]:
        """Combine both to the features of ``encode_sketch``; ``regions [B, regions^2, ...]`` are row by row."""


@runtime_checkable
class StatefulNetwork(Protocol):
    """A recurrent network over the frames of a drawing; ``encode_sketch`` encodes a first frame (``slfir``)."""

    state: int  # size of the recurrent state; 0: none, frames are encoded independently

    def encode_next(self, ink: Tensor, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Encode the next frame ``[B, S, S]`` of each drawing: its features, and the ``state [B, state]`` after it.

        The state of a new drawing is zero.
        """


@runtime_checkable
class WordNetwork(Protocol):
    """A network that takes text in addition to a sketch: any (``fvlp``), or the names that it knows (``seek``)."""

    fusion: str  # how sketch and text are fused into a query, one of ``matching.fusion.FUSIONS``
    query: Query  # the kind of query that it was trained for

    @property
    def tokenizer(self) -> Tokenizer | Names | None:
        """Pads or truncates every text to the length L; None before training has built it."""

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """Encode tokens, int64 ``[B, L]``, to the feature of a sketch that ``fusion`` joins them with, ``[B, D]`` by
        its name.
        """


@runtime_checkable
class MatchingNetwork(WordNetwork, Protocol):
    """A network with image-text matching (ITM). ``encode_photo`` then also gives the feature "tokens"."""

    can_match: bool  # false if ITM was not trained, or did not help on the validation photos

    def match(self, tokens: Tensor, photo_tokens: Tensor) -> Tensor:
        """The logits ``[B]`` that texts ``[B, L]`` and photos, given by their tokens ``[B, P, C]``, match."""


@runtime_checkable
class FittedNetwork(Protocol):
    """A network with a part that is fitted to training photos after training, such as a projection (``la``)."""

    def fit(self, photos: NDArray[np.uint8]) -> None:
        """Fit it to photos, uint8 ``[n, S, S, 3]``."""


# A network with this method must have all members of the protocol.
_EXTENSIONS = {
    "encode_regions": RegionNetwork,
    "encode_next": StatefulNetwork,
    "encode_text": WordNetwork,
    "match": MatchingNetwork,
}


def check_network(method: str, network: object) -> Network:
    """Check a network built by ``method`` against its contract, and return it.

    Raises InputError, which names the missing member.
    """
    if not isinstance(network, Network):
        raise InputError(f"{method}: its network is no subclass of sketchseek.lab.network.Network; make it one")
    for name in ("encode_sketch", "encode_photo"):
        if getattr(type(network), name) is getattr(Network, name):
            raise InputError(f"{method}: its network has no {name}; see sketchseek.lab.network.Network")
    if getattr(network, "matcher", None) is None:
        raise InputError(f"{method}: its network has no matcher; see sketchseek.lab.network.Network")
    for name, protocol in _EXTENSIONS.items():
        lacking = [member for member in _members(protocol) if not hasattr(network, member)]
        if hasattr(network, name) and lacking:
            raise InputError(
                f"{method}: its network has {name} but no {', '.join(lacking)}; see "
                f"sketchseek.lab.network.{protocol.__name__}"
            )
    try:
        matcher_of(network)
    except InputError as error:
        raise InputError(f"{method}: {error}") from None
    return network


def matcher_of(network: Network) -> Matcher:
    """The matcher of a network's features."""
    return get_matcher(network.matcher, **network.matcher_parameters)


def _members(protocol: type) -> list[str]:
    """The names of all members of a protocol."""
    bases = [base for base in protocol.__mro__ if base.__module__ == __name__]
    names = [name for base in bases for name in (*get_annotations(base), *vars(base))]
    return sorted({name for name in names if not name.startswith("_")})
