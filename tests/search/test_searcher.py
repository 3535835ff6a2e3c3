"""A sketch finds its photo, in a defined order, with every kind of matcher."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from tiny_model import make_tiny_model

import sketchseek.matching
from sketchseek.gallery import Gallery, ingest
from sketchseek.matching import Array, Distance, Features
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo
from sketchseek.search import searcher as searcher_module
from sketchseek.search.searcher import Searcher
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch


def make_sketch(seed: int) -> Sketch:
    return Sketch.from_arrays(np.random.default_rng(seed).uniform(0.05, 0.95, (6, 4, 2)))


def picture(sketch: Sketch) -> Image.Image:
    return Image.fromarray(np.where(rasterise(sketch), 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of sketches 0 to 24, and two more copies of that of sketch 7."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(25):
        picture(make_sketch(seed)).save(folder / f"{seed:02}.png")
    for copy in ("z.png", "m.png"):
        shutil.copy(folder / "07.png", folder / copy)
    return folder


@dataclass(frozen=True)
class ByCell:
    """Not exact: ranks by the largest difference of any number, offers the vector itself for candidates."""

    name: ClassVar[str] = "by-cell"
    distance: ClassVar[Distance] = "euclid"
    exact: ClassVar[bool] = False

    def similarity(self, sketches: Features, photos: Features) -> Array:
        return -np.abs(sketches["vector"][:, None] - photos["vector"][None]).max(axis=-1)

    def sketch_vector(self, sketches: Features) -> Array:
        return sketches["vector"]

    def photo_vector(self, photos: Features) -> Array:
        return photos["vector"]


@pytest.fixture(scope="module", params=["cosine", "euclidean", "by-cell"])
def gallery(
    request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("gallery")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sketchseek.matching.MATCHERS, "by-cell", ByCell)
        model = Model.load(make_tiny_model(folder / "model", matcher=request.param))
        with Gallery.create(folder / "gallery", model) as opened:
            ingest(opened, [photos])
            yield opened


def test_a_sketch_finds_its_photo(gallery: Gallery) -> None:
    searcher = Searcher(gallery)
    for seed in (0, 3, 11):
        hits = searcher.search(make_sketch(seed), top=5)
        assert hits[0].name == f"{seed:02}.png" and [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert (hits[0].width, hits[0].height) == (256, 256) and hits[0].path.is_file()


def test_the_order_is_the_matchers(gallery: Gallery, photos: Path) -> None:
    """As if everything were compared with numpy, in the order of the names."""
    model = gallery.model
    names = sorted(path.name for path in photos.iterdir())
    features = model.encode_photos(np.stack([read_photo(photos / name, model.size) for name in names]))
    for seed in range(30, 40):
        scores = np.asarray(model.matcher.similarity(model.encode_sketches([make_sketch(seed)]), features))[0]
        hits = Searcher(gallery).search(make_sketch(seed), top=len(names))
        # Rounded, as a matrix product may give copies scores that differ in the last bit.
        assert [hit.name for hit in hits] == [names[i] for i in np.argsort(-scores.round(5), kind="stable")]
        assert np.allclose([hit.score for hit in hits], -np.sort(-scores), atol=1e-3)


@pytest.mark.parametrize("top", [1, 2, 3, 4])
def test_copies_come_in_the_order_of_their_names(gallery: Gallery, top: int) -> None:
    hits = Searcher(gallery).search(make_sketch(7), top)
    assert [hit.name for hit in hits][:3] == ["07.png", "m.png", "z.png"][:top]


def test_a_rank_counts_equals_against_the_photo(gallery: Gallery) -> None:
    searcher = Searcher(gallery)
    ids = {photo.name: photo.id for photo in gallery.photos()}
    assert searcher.rank_of(make_sketch(7), ids["07.png"]) == searcher.rank_of(make_sketch(7), ids["z.png"]) == 3
    assert searcher.rank_of(make_sketch(3), ids["03.png"]) == 1
    for hit in searcher.search(make_sketch(3), top=20):
        assert searcher.rank_of(make_sketch(3), hit.id) >= hit.rank
    with pytest.raises(KeyError):
        searcher.rank_of(make_sketch(3), "no such id")


def test_candidates_are_compared_in_full(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searcher_module, "CANDIDATES", 4)
    hits = Searcher(gallery).search(make_sketch(5), top=3)
    assert len(hits) == 3 and hits[0].name == "05.png"


def test_ink_and_an_empty_drawing(gallery: Gallery) -> None:
    searcher = Searcher(gallery)
    ink = rasterise(make_sketch(4)).astype(np.uint8) * 255
    assert searcher.search(ink) == searcher.search(make_sketch(4))
    assert len(searcher.search(Sketch(), top=3)) == 3


def test_an_empty_gallery_has_no_hits(tmp_path: Path) -> None:
    with Gallery.create(tmp_path / "gallery", Model.load(make_tiny_model(tmp_path / "model"))) as gallery:
        assert Searcher(gallery).search(make_sketch(0)) == []
