"""Matchers: how the features of sketches are compared with those of photos.

Written once against the array API standard, so the same code runs on numpy and on torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sketchseek.errors import InputError
from sketchseek.matching.base import Array, ArrayT, Distance, Features, FeaturesOf, Matcher
from sketchseek.matching.global_local import GlobalLocal
from sketchseek.matching.inked_cells import InkedCells
from sketchseek.matching.local import DynamicLocal, Local
from sketchseek.matching.region_weighted import RegionWeighted
from sketchseek.matching.single_vector import Cosine, Euclidean
from sketchseek.plugins import load_plugin, plugins

__all__ = [
    "MATCHERS",
    "Array",
    "ArrayT",
    "Distance",
    "Features",
    "FeaturesOf",
    "Matcher",
    "get_matcher",
    "get_strategy",
]

MATCHERS: dict[str, Callable[..., Matcher]] = {
    matcher.name: matcher
    for matcher in (Cosine, Euclidean, RegionWeighted, Local, DynamicLocal, GlobalLocal, InkedCells)
}


def get_matcher(name: str, **parameters: object) -> Matcher:
    """Create the matcher of that name with ``parameters``, its dataclass fields.

    Matchers are built in (``MATCHERS``) or registered by an installed package in the entry point group
    ``sketchseek.matchers``. Raises InputError for an unknown name or parameter, and for a registered one that cannot be
    imported.
    """
    if name in MATCHERS:
        matcher = MATCHERS[name]
    elif name in plugins("matcher"):
        matcher = load_plugin("matcher", name)
    else:
        known = sorted({*MATCHERS, *plugins("matcher")})
        raise InputError(f"there is no matcher '{name}'; there are: {', '.join(known)}")
    try:
        return matcher(**parameters)
    except TypeError as error:
        raise InputError(f"matcher '{name}' cannot take the parameters {sorted(parameters)}: {error}") from None


def get_strategy(strategies: Mapping[str, Mapping[str, Any]], name: str) -> Matcher:
    """Create the matcher of the strategy of that name; each is ``{"name", "parameters"}``, as ``get_matcher`` takes it.

    Raises InputError for an unknown one, which lists those known.
    """
    if name not in strategies:
        known = f"it has {', '.join(strategies)}" if strategies else "it has one way to compare only"
        raise InputError(f"this model has no strategy '{name}'; {known}")
    return get_matcher(strategies[name]["name"], **strategies[name]["parameters"])
