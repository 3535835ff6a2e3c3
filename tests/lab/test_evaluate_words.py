"""Evaluation by a sketch, by words, and by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sketchseek.errors import InputError
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.evaluation.evaluate import default_query, evaluate, matching_helps
from sketchseek.matching import get_matcher
from sketchseek.model.encoder import Encoder
from sketchseek.model.names import Names


class Seer(Encoder):
    """A model whose photos know their place in the gallery, whose words tell the even from the odd and whose sketches
    the first half from the second: only both together tell one photo.
    """

    size, has_words, can_match, fusion, query = 32, True, False, "unit_sum", "both"
    names: Names | None = None
    matcher = get_matcher("cosine")

    def __init__(self, split: Split) -> None:
        self.captions = [photo.caption for photo in split.photos]
        self.photo_of = [sketch.photo for sketch in split.sketches]
        self.seen = 0

    def _vector(self, photo: int, by_words: bool, by_sketch: bool) -> list[float]:
        return [by_words * (-1.0) ** photo, by_sketch * (-1.0) ** (photo < len(self.captions) / 2)]

    def encode_photos(self, pixels: np.ndarray) -> dict[str, Any]:
        return {"vector": np.array([self._vector(i, True, True) for i in range(len(pixels))], np.float32)}

    def encode_sketches(self, drawings: Sequence[Any]) -> dict[str, Any]:
        photos = self.photo_of[self.seen : self.seen + len(drawings)]
        self.seen += len(drawings)
        return {"vector": np.array([self._vector(p, False, True) for p in photos], np.float32)}

    def encode_text(self, texts: Sequence[str]) -> dict[str, Any]:
        if self.names is None:
            photos = [self.captions.index(text) for text in texts]
        else:  # of the photo i there is the name number i + 1
            photos = [int(row[0]) - 1 for row in self.names.tokens(texts)]
        return {"vector": np.array([self._vector(p, True, False) for p in photos], np.float32)}


@pytest.fixture
def split(pairs_folder: Path) -> Split:
    """Four photos with captions of their own, a sketch of each."""
    whole = open_dataset(f"folder:{pairs_folder}").test
    photos = tuple(replace(photo, caption=f"photo {i}") for i, photo in enumerate(whole.photos[:4]))
    return Split(photos, tuple(s for s in whole.sketches if s.photo < 4))


def test_sketch_and_words_together_find_what_neither_finds_alone(split: Split) -> None:
    ranks = {query: evaluate(Seer(split), split, query=query).ranks[:, 0] for query in ("sketch", "words", "both")}
    assert ranks["both"].tolist() == [1, 1, 1, 1]
    assert ranks["sketch"].tolist() == ranks["words"].tolist() == [2, 2, 2, 2]


def test_a_model_that_knows_names_is_asked_by_category_where_there_is_no_caption(split: Split) -> None:
    photos = [replace(photo, caption="", category=f"kind_{i}") for i, photo in enumerate(split.photos)]
    photos[3] = replace(photos[3], caption="a kind 3, in blue", category="")
    named: Any = Seer(replace(split, photos=tuple(photos)))
    assert default_query(named, replace(split, photos=tuple(photos))) == "sketch"
    named.names = Names({f"kind {i}": i + 1 for i in range(4)})
    assert default_query(named, replace(split, photos=tuple(photos))) == "both"
    assert evaluate(named, replace(split, photos=tuple(photos)), query="both").ranks[:, 0].tolist() == [1, 1, 1, 1]
    photos[0] = replace(photos[0], category="unheard of")
    with pytest.raises(InputError, match=r"[1-9] of \d+ sketches are of photos without a caption or category that"):
        evaluate(named, replace(split, photos=tuple(photos)), query="words")


def test_words_alone_are_matched_with_the_closest(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of four photos come close; the second stage knows the right one, or takes it for the wrong one."""
    seer: Any = Seer(split)
    encode = seer.encode_photos
    seer.encode_photos = lambda pixels: encode(pixels) | {"tokens": np.arange(4.0)[:, None]}
    seer.can_match = True
    asked: list[list[float]] = []

    def match(text: str, tokens: np.ndarray) -> np.ndarray:
        asked.append(tokens[:, 0].tolist())
        return (tokens[:, 0] == int(text.removeprefix("photo "))).astype(np.float32)

    seer.match = match
    monkeypatch.setattr("sketchseek.lab.evaluation.evaluate.ITM_CANDIDATES", 2)
    found = evaluate(seer, split, query="words")
    assert found.ranks.tolist() == [[1]] * 4 and found.nearest.shape == (4, 1, 4)
    assert asked == [[0, 2], [1, 3], [0, 2], [1, 3]]
    assert found.by_vectors is not None and found.by_vectors.tolist() == [[2]] * 4
    assert matching_helps(seer, split) is True
    seer.match = lambda text, tokens: 1 - match(text, tokens)
    assert evaluate(seer, split, query="words").ranks.tolist() == [[2]] * 4
    assert matching_helps(seer, split) is False
    monkeypatch.setattr("sketchseek.lab.evaluation.evaluate.ITM_CANDIDATES", 4)
    seer.match = lambda text, tokens: np.full(len(tokens), -3.0, np.float32)  # knows nothing
    assert evaluate(seer, split, query="words").ranks.tolist() == [[2]] * 4
    assert matching_helps(seer, replace(split, sketches=())) is None
    seer.can_match = False
    assert matching_helps(seer, split) is None


def test_what_is_asked_with_follows_from_the_model_and_the_data(split: Split) -> None:
    seer: Any = Seer(split)
    assert default_query(seer, split) == "both"
    wordless = replace(split, photos=tuple(replace(photo, caption="") for photo in split.photos))
    assert default_query(seer, wordless) == "sketch"
    seer.query = "words"
    assert default_query(seer, split) == "words"
    with pytest.raises(InputError, match="4 of 4 sketches are of photos without a caption"):
        evaluate(seer, wordless, query="both")
    seer.has_words = False
    with pytest.raises(InputError, match="takes no words"):
        evaluate(seer, split, query="words")
