"""What the kinds of things are called: names of the training data's categories, of ImageNet's classes, and others, and
the commonest in other languages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.model.names import Names

# Of how many vectors a kind's is the mean, at most; half are the category's own. Of more classes, as many are taken at
# equal distances.
MEMBERS = 16
RANGE = " .. "


def vocabulary(labels: Sequence[str], drawn: Collection[str]) -> tuple[Names, NDArray[np.int64]]:
    """The names, and what each token stands for: the ``members`` ``[tokens, 16]``, indices into ``labels``, of whose
    vectors its vector is the mean. Token t has row t; row 0 is of no name.

    ``labels`` are categories, and ImageNet's classes by their WordNet ids ("n01440764"). Categories of which there were
    drawings alone, ``drawn``, get no name.
    """
    row = {label: index for index, label in enumerate(labels) if label not in drawn}
    entries = _toml("names.toml")
    known = {
        *_names_of_classes(),
        *entries,
        *(_label(name) for entry in entries.values() for name in entry.get("also", [])),
    }
    categories = [label for label in labels if label in row and label not in known]
    rows_of: dict[str, tuple[int, ...]] = {}
    others: dict[str, tuple[int, ...]] = {}
    for kind in [*entries, *categories]:
        entry = entries.get(kind, {})
        own = [row[label] for label in (kind, *map(_label, entry.get("also", []))) if label in row]
        classes = [row[id] for part in entry.get("imagenet", [_spoken(kind)]) for id in _classes(part) if id in row]
        if own or classes:
            rows_of[_spoken(kind)] = _members(own, classes)
            others |= dict.fromkeys(entry.get("also", []), rows_of[_spoken(kind)])
    rows_of |= others
    of_classes: dict[str, tuple[int, ...]] = {}
    for names in _names_of_classes().values():
        for name in names:
            of_all = [row[id] for id in _classes(name) if id in row]
            if of_all:
                of_classes.setdefault(name, _members([], of_all))
    english = of_classes | rows_of
    translated = {
        name: english[kind]
        for language in _toml("translations.toml").values()
        for kind, names in language.items()
        if kind in english
        for name in names
    }
    further = of_classes | translated  # a name that a kind has elsewhere tells more than one of ImageNet's
    rows_of |= {name: rows for name, rows in further.items() if name not in rows_of}
    members = list(dict.fromkeys(rows_of.values()))
    token = {rows: number for number, rows in enumerate(members, 1)}
    table = np.array([(0,) * MEMBERS, *members], np.int64)
    return Names({name: token[rows] for name, rows in rows_of.items()}), table


def _members(own: Sequence[int], classes: Sequence[int]) -> tuple[int, ...]:
    """``MEMBERS`` rows: half the category's own, repeated, and half of ImageNet's; if one is missing, all the other."""
    if not own or not classes:
        return _evenly(own or classes, MEMBERS)
    return _evenly(own, MEMBERS // 2) + _evenly(classes, MEMBERS // 2)


def _evenly(rows: Sequence[int], count: int) -> tuple[int, ...]:
    """``count`` of the rows at equal distances; where there are fewer, each as often as the others or once more."""
    return tuple(rows[index * len(rows) // count] for index in range(count))


def _label(name: str) -> str:
    return name.replace(" ", "_")


def _spoken(label: str) -> str:
    """A category as people say it: "car" for `car_(sedan)`."""
    return label.partition("_(")[0].replace("_", " ")


@cache
def _toml(file: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))


@cache
def _names_of_classes() -> dict[str, tuple[str, ...]]:
    """The names of each of ImageNet's classes by its WordNet id, in ImageNet's order."""
    from timm.data.imagenet_info import ImageNetInfo

    imagenet = ImageNetInfo()
    return {
        imagenet.index_to_label_name(index): tuple(imagenet.index_to_description(index).split(", "))
        for index in range(imagenet.num_classes())
    }


@cache
def _ids_of_names() -> dict[str, tuple[str, ...]]:
    ids: dict[str, tuple[str, ...]] = {}
    for id, names in _names_of_classes().items():
        ids |= {name: (*ids.get(name, ()), id) for name in names}
    return ids


def _classes(part: str) -> Sequence[str]:
    """The WordNet ids of ImageNet's classes that have a name, or from the one to the other of two names; none, where a
    single name is no class's.
    """
    first, between, last = part.partition(RANGE)
    if not between:
        return _ids_of_names().get(first, ())
    ids = list(_names_of_classes())
    return ids[ids.index(_ids_of_names()[first][0]) : ids.index(_ids_of_names()[last][-1]) + 1]
