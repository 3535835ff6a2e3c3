"""What a network may be."""

from __future__ import annotations

from typing import Any

from sketchseek.matching import Matcher, get_matcher


def matcher_of(network: Any) -> Matcher:
    """The matcher of a network's features: ``network.matcher``, with ``network.matcher_parameters`` if it has any."""
    return get_matcher(network.matcher, **getattr(network, "matcher_parameters", {}))
