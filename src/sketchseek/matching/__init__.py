"""Matchers: how the features of sketches are compared with those of photos.

Written once against the array API standard, so the same code runs on numpy and on torch.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from sketchseek.errors import InputError
from sketchseek.matching.base import Array, Distance, Features, Matcher
from sketchseek.matching.global_local import GlobalLocal
from sketchseek.matching.local import DynamicLocal, Local
from sketchseek.matching.region_weighted import RegionWeighted
from sketchseek.matching.single_vector import Cosine, Euclidean

__all__ = ["MATCHERS", "Array", "Distance", "Features", "Matcher", "get_matcher"]

MATCHERS: dict[str, Callable[..., Matcher]] = {
    matcher.name: matcher for matcher in (Cosine, Euclidean, RegionWeighted, Local, DynamicLocal, GlobalLocal)
}


def get_matcher(name: str, **parameters: object) -> Matcher:
    """Create the matcher of that name with ``parameters``, its dataclass fields.

    Matchers are built in (``MATCHERS``) or registered by an installed package in the entry point group
    ``sketchseek.matchers``. Raises InputError for an unknown name or parameter.
    """
    if name in MATCHERS:
        matcher = MATCHERS[name]
    else:
        registered = {entry.name: entry for entry in entry_points(group="sketchseek.matchers")}
        if name not in registered:
            raise InputError(f"there is no matcher '{name}'; there are: {', '.join(sorted({*MATCHERS, *registered}))}")
        matcher = registered[name].load()
    try:
        return matcher(**parameters)
    except TypeError as error:
        raise InputError(f"matcher '{name}' cannot take the parameters {sorted(parameters)}: {error}") from None
