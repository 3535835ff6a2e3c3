"""What a method's network is, and what more it may do.

Every network is a ``Network``. What not every network can do is a protocol below: one that has its methods has its
other members too, and is then evaluated, exported and searched accordingly.
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


class Network(nn.Module):
    """Encodes sketches and photos. Polarity and normalisation happen inside (``methods.inputs``), so that the exported
    model takes the same pixels. ``forward`` is the method's own, for its objective.
    """

    matcher: str  # the name of the matcher that compares the features
    matcher_parameters: Mapping[str, Any] = MappingProxyType({})
    # Trained for partial sketches: its checkpoints are chosen by m@B, and drawings that are images are trained on and
    # validated by strokes recovered from them.
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
    """Sees a sketch region by region, so that the app encodes a region again only where it changed (``lgrl``)."""

    regions: int  # cells a side of the grid; a crop has c = S // regions pixels a side

    def encode_whole(self, ink: Tensor) -> dict[str, Tensor]:
        """Ink ``[B, S, S]``, the whole drawing."""

    def encode_regions(self, crops: Tensor) -> Tensor:
        """Crops of ink, uint8 ``[B, c, c]``, to ``[B, ...]``."""

    def join(self, whole: dict[str, Tensor], regions: Tensor) -> dict[str, Tensor]:
        """The features that ``encode_sketch`` gives, of both, ``regions [B, regions regions, ...]`` row by row."""


@runtime_checkable
class StatefulNetwork(Protocol):
    """To which a drawing is a sequence of frames; ``encode_sketch`` is the first frame's (``slfir``)."""

    state: int  # how many numbers it keeps of the frames before; 0: none, it sees each frame by itself

    def encode_next(self, ink: Tensor, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """One more frame ``[B, S, S]`` of each drawing: its features, and the ``state [B, state]`` after it; zeros are
        the state of a new drawing.
        """


@runtime_checkable
class WordNetwork(Protocol):
    """Takes words beside the sketch (``fvlp``). The vectors of sketch and words are not of unit length."""

    fusion: str  # how sketch and words become one query, of ``matching.fusion.FUSIONS``
    query: Query  # what it was trained to be asked with

    @property
    def tokenizer(self) -> Tokenizer | None:
        """Pads and cuts every text to one length L; None before training has made one."""

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """Tokens, int64 ``[B, L]``, to ``{"vector": [B, D]}``."""


@runtime_checkable
class MatchingNetwork(WordNetwork, Protocol):
    """Also judges whether words and a photo belong together; ``encode_photo`` then gives the photo's "tokens" too."""

    can_match: bool  # false where that was not trained, or did not help on the validation photos

    def match(self, tokens: Tensor, photo_tokens: Tensor) -> Tensor:
        """The probability ``[B]`` that texts ``[B, L]`` and photos ``[B, P, C]`` belong together."""


@runtime_checkable
class FittedNetwork(Protocol):
    """Has a part that no training step teaches and that is fitted to training photos afterwards (``la``)."""

    def fit(self, photos: NDArray[np.uint8]) -> None:
        """Photos ``[n, S, S, 3]``."""


# Whoever has this method has all members of the protocol.
_EXTENSIONS = {
    "encode_regions": RegionNetwork,
    "encode_next": StatefulNetwork,
    "encode_text": WordNetwork,
    "match": MatchingNetwork,
}


def check_network(method: str, network: object) -> Network:
    """The network, which the method of that name built. Raises InputError naming the member that it lacks."""
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
    """The names of what a protocol demands."""
    bases = [base for base in protocol.__mro__ if base.__module__ == __name__]
    names = [name for base in bases for name in (*get_annotations(base), *vars(base))]
    return sorted({name for name in names if not name.startswith("_")})
