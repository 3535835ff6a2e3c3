"""What a network may be: one that breaks the contract is told in one line what is missing."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods import methods
from sketchseek.lab.network import (
    MatchingNetwork,
    Network,
    RegionNetwork,
    StatefulNetwork,
    WordNetwork,
    check_network,
    matcher_of,
)


class Sound(Network):
    matcher = "cosine"

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": ink.flatten(1).float()}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": photos.float().mean(3).flatten(1)}


class NoMatcher(Sound):
    matcher = None  # type: ignore[assignment]


class OddMatcher(Sound):
    matcher = "telepathy"


class Blind(Network):
    matcher = "cosine"

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {}


class Regions(Sound):
    regions = 3

    def encode_regions(self, crops: Tensor) -> Tensor:
        return crops


class Stateful(Sound):
    def encode_next(self, ink: Tensor, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return {}, state


class Words(Sound):
    fusion = "unit_sum"

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        return {}


class Matching(Words):
    query, tokenizer = "both", None

    def match(self, tokens: Tensor, photo_tokens: Tensor) -> Tensor:
        return tokens


def test_a_network_that_encodes_both_is_one() -> None:
    network = check_network("mine", Sound())
    assert matcher_of(network).name == "cosine"
    assert not network.for_partial_sketches and network.compiles
    assert not isinstance(network, RegionNetwork | StatefulNetwork | WordNetwork | MatchingNetwork)


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        (nn.Linear(2, 2), "mine: its network is no subclass of sketchseek.lab.network.Network"),
        (Blind(), "mine: its network has no encode_photo; see sketchseek.lab.network.Network"),
        (NoMatcher(), "mine: its network has no matcher"),
        (OddMatcher(), "mine: there is no matcher 'telepathy'"),
        (Regions(), "mine: its network has encode_regions but no encode_whole, join; see .*RegionNetwork"),
        (Stateful(), "mine: its network has encode_next but no state; see .*StatefulNetwork"),
        (Words(), "mine: its network has encode_text but no query, tokenizer; see .*WordNetwork"),
        (Matching(), "mine: its network has match but no can_match; see .*MatchingNetwork"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_network_that_breaks_the_contract_is_told_what_is_missing(network: object, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as raised:
        check_network("mine", network)
    assert "\n" not in str(raised.value)


def test_every_registered_method_builds_a_network_that_keeps_it() -> None:
    for method in methods().values():
        assert isinstance(method.build(method.config("bench")), Network)
