"""A small trained model with words, frozen, on things that its training has not seen: the colour is said, the shape is
drawn, and it takes both.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from coloured_things import COLOURS, KINDS, make_coloured_gallery

from sketchseek.gallery import Gallery
from sketchseek.search.searcher import Hit, Searcher
from sketchseek.strokes.sketch import Sketch

pytestmark = pytest.mark.slow  # it draws 24 things


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Searcher, dict[str, Sketch]]]:
    folder, sketches = make_coloured_gallery(tmp_path_factory.mktemp("coloured"))
    with Gallery.open(folder) as gallery:
        yield Searcher(gallery), sketches


def names(hits: list[Hit]) -> list[str]:
    return [hit.name.removesuffix(".png") for hit in hits]


def test_red_and_the_outline_of_a_chair_find_the_red_chair(coloured: tuple[Searcher, dict[str, Sketch]]) -> None:
    searcher, sketches = coloured
    chair = sketches["chair"]
    assert {name.split("-")[1] for name in names(searcher.search(chair, len(COLOURS)))} == {"chair"}
    assert {name.split("-")[0] for name in names(searcher.search(None, 3, "red"))} == {"red"}
    assert names(searcher.search(chair, 1, "red")) == ["red-chair"]


def test_both_are_needed_for_most_things(coloured: tuple[Searcher, dict[str, Sketch]]) -> None:
    searcher, sketches = coloured
    wanted = [(colour, kind) for kind in KINDS for colour in COLOURS]

    def found(by_drawing: bool, by_words: bool) -> float:
        right = 0
        for colour, kind in wanted:
            hits = searcher.search(sketches[kind] if by_drawing else None, 1, colour if by_words else "")
            right += names(hits) == [f"{colour}-{kind}"]
        return right / len(wanted)

    both = found(by_drawing=True, by_words=True)
    assert both > 0.85
    assert found(by_drawing=True, by_words=False) <= 1 / len(COLOURS)
    assert found(by_drawing=False, by_words=True) <= 1 / len(KINDS) + 0.01
