"""One name for a category that data sets name differently: Sketchy's, which QuickDraw's drawings take too."""

from __future__ import annotations

# QuickDraw's name, with underscores -> Sketchy's name
_SAME = {
    "car": "car_(sedan)",
    "crocodile": "crocodilian",
    "hot_air_balloon": "hot-air_balloon",
    "hot_dog": "hotdog",
    "motorbike": "motorcycle",
    "teddy-bear": "teddy_bear",
    "tennis_racquet": "racket",
}


def common_name(category: str) -> str:
    """The name under which drawings and photos of one category are found together, e.g. ``car_(sedan)`` for ``car`` and
    ``sea_turtle`` for ``sea turtle``; "" stays "".
    """
    name = category.replace(" ", "_")
    return _SAME.get(name, name)
