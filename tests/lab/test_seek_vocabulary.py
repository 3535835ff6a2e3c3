"""What Seek's kinds of things are called."""

from __future__ import annotations

import numpy as np
import pytest

from sketchseek.lab.methods.seek import vocabulary as module
from sketchseek.lab.methods.seek.vocabulary import MEMBERS, vocabulary
from sketchseek.model.names import Names

CATEGORIES = ["angel", "bus", "couch", "sofa", "car_(sedan)", "mouse", "bat", "scorpion", "widget"]
CLASSES = list(module._names_of_classes())
LABELS = [*CATEGORIES, *CLASSES]


@pytest.fixture(scope="module")
def known() -> tuple[Names, np.ndarray]:
    return vocabulary(LABELS, {"angel", "bus"})


def labels_of(known: tuple[Names, np.ndarray], name: str) -> set[str]:
    names, members = known
    return {LABELS[row] for row in members[names.tokens_of[name]]}


def class_of(name: str) -> str:
    return next(id for id, names in module._names_of_classes().items() if name in names)


def test_a_kind_is_half_its_category_and_half_imagenets_classes(known: tuple[Names, np.ndarray]) -> None:
    names, members = known
    assert labels_of(known, "car") >= {"car_(sedan)", class_of("sports car"), class_of("taxi")}
    of_car = members[names.tokens_of["car"]]
    assert (of_car == LABELS.index("car_(sedan)")).sum() == MEMBERS / 2
    assert names.tokens_of["car"] == names.tokens_of["automobile"] != names.tokens_of["sports car"]
    assert labels_of(known, "sports car") == {class_of("sports car")}
    assert labels_of(known, "scorpion") == {"scorpion", class_of("scorpion")}  # by the same name


def test_categories_with_names_of_one_kind_are_one_kind(known: tuple[Names, np.ndarray]) -> None:
    assert labels_of(known, "sofa") == {"couch", "sofa", class_of("studio couch")}
    assert known[0].tokens_of["sofa"] == known[0].tokens_of["couch"]


def test_a_kind_may_have_no_class_and_a_class_no_category(known: tuple[Names, np.ndarray]) -> None:
    assert labels_of(known, "widget") == {"widget"} and labels_of(known, "bat") == {"bat"}
    assert labels_of(known, "mouse") == {"mouse"}  # ImageNet's is a computer mouse
    assert labels_of(known, "computer mouse") == {class_of("computer mouse")}
    dogs = labels_of(known, "dog")
    assert len(dogs) == MEMBERS and class_of("Chihuahua") in dogs and class_of("tabby") not in dogs


def test_categories_that_were_only_drawn_are_no_words(known: tuple[Names, np.ndarray]) -> None:
    assert labels_of(known, "bus") == {class_of("minibus"), class_of("school bus"), class_of("trolleybus")}
    assert known[0].read("angel").names == ()
    assert known[0].read("two taxis and a hot-air balloon").names == ("taxi", "hot-air balloon")


def test_every_name_has_a_token_and_the_first_are_everyday_things(known: tuple[Names, np.ndarray]) -> None:
    names, members = known
    assert list(names)[:5] == ["bicycle", "cat", "couch", "flower", "guitar"] and len(names) > 1_500
    assert set(names.tokens_of.values()) == set(range(1, len(members)))
    assert members.shape[1] == MEMBERS and members.max() < len(LABELS)


def test_without_imagenet_the_categories_are_all_there_is() -> None:
    names, members = vocabulary(["car_(sedan)", "angel", "widget"], {"angel"})
    assert list(names)[:5] == ["car", "widget", "automobile", "auto", "sedan"] and len(members) == 3


def test_the_file_names_classes_that_imagenet_has() -> None:
    for kind, entry in module._toml("names.toml").items():
        assert entry.keys() <= {"also", "imagenet"}, kind
        for part in entry.get("imagenet", []):
            assert module._classes(part), f"{kind}: {part}"


def test_kinds_have_names_in_other_languages_and_each_is_of_one_kind(known: tuple[Names, np.ndarray]) -> None:
    names, _ = known
    for word, kind in [
        ("Sofa", "couch"),
        ("canapé", "couch"),
        ("coche", "car"),
        ("汽车", "car"),
        ("papillon", "butterfly"),
    ]:
        assert names.tokens_of[word] == names.tokens_of[kind], word
    assert names.read("ein Känguru").names == ("Känguru",) and names.read("lobos").names == ("lobo",)
    kind_of: dict[str, str] = {}
    for language, translations in module._toml("translations.toml").items():
        for kind, words in translations.items():
            for word in words:
                assert kind_of.setdefault(word.casefold(), kind) == kind, f"{language}: {word}"
