"""A sketch finds its photo, in a defined order, with every kind of matcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_model import make_local_model
from PIL import Image
from tiny_model import make_tiny_model

from sketchseek.gallery import Gallery, ingest
from sketchseek.gallery import features as features_module
from sketchseek.matching.local import Local
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
    """Pictures of sketches 0 to 24, and two more of that of sketch 7, with other bytes but the same pixels."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(25):
        picture(make_sketch(seed)).save(folder / f"{seed:02}.png")
    for level, copy in enumerate(("z.png", "m.png"), start=1):
        picture(make_sketch(7)).save(folder / copy, compress_level=level)
    return folder


@pytest.fixture(scope="module", params=["cosine", "euclidean", "local"])
def gallery(
    request: pytest.FixtureRequest, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("gallery")
    make = make_local_model if request.param == "local" else make_tiny_model
    model = Model.load(make(folder / "model", matcher=request.param))
    with Gallery.create(folder / "gallery", model) as opened:
        ingest(opened, [photos])
        yield opened


@pytest.fixture(scope="module")
def local_gallery(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("local")
    with Gallery.create(folder / "gallery", Model.load(make_local_model(folder / "model"))) as opened:
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
    if not model.matcher.exact:
        features = {name: values.astype(np.float16).astype(np.float32) for name, values in features.items()}
    for seed in range(30, 40):
        scores = model.matcher.similarity(model.encode_sketches([make_sketch(seed)]), features)[0]
        # A matrix product may give copies scores that differ in the last digits.
        scores[[names.index("m.png"), names.index("z.png")]] = scores[names.index("07.png")]
        hits = Searcher(gallery).search(make_sketch(seed), top=len(names))
        assert [hit.name for hit in hits] == [names[i] for i in np.argsort(-scores, kind="stable")]
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


@pytest.mark.parametrize("look", [1, 2, 26, 27, 28])
def test_a_rank_is_the_same_however_many_photos_are_asked_for_at_a_time(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    searcher = Searcher(gallery)
    hits = searcher.search(make_sketch(7), top=27)
    expected = [sum(other.score >= hit.score for other in hits) for hit in hits]
    monkeypatch.setattr(searcher_module, "FIRST_LIMIT", look)
    monkeypatch.setattr(searcher_module, "LIMIT_FACTOR", 2)
    assert [searcher.rank_of(make_sketch(7), hit.id) for hit in hits] == expected


def test_only_candidates_are_compared_in_full(local_gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    similarity = Local.similarity

    def spy(self: Local, sketches: Any, photos: Any) -> Any:
        compared.append(len(photos["cells"]))
        return similarity(self, sketches, photos)

    monkeypatch.setattr(Local, "similarity", spy)
    for top, count in ((3, 4), (10, 10)):
        compared.clear()
        hits = Searcher(local_gallery, rerank=4).search(make_sketch(5), top)
        assert len(hits) == top and hits[0].name == "05.png"
        assert count <= sum(compared) <= count + 2  # where the last of them is a photo with two copies


def test_a_rank_is_among_all_photos_however_they_are_read(
    local_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Searcher(local_gallery).search(make_sketch(31), top=27)
    assert len(order) == 27
    searcher = Searcher(local_gallery, rerank=2)
    for together in (1, 3000, features_module.READ_TOGETHER):
        monkeypatch.setattr(features_module, "READ_TOGETHER", together)
        for hit in (order[0], order[13], order[26]):
            assert searcher.rank_of(make_sketch(31), hit.id) == sum(other.score >= hit.score for other in order)


def test_copies_are_equals_though_a_product_rounds_them_apart(
    local_gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    similarity = Local.similarity

    def rounded(self: Local, sketches: Any, photos: Any) -> Any:
        scores = similarity(self, sketches, photos)
        return scores * (1 + 1e-6 * np.random.default_rng(3).uniform(-1, 1, scores.shape))

    monkeypatch.setattr(Local, "similarity", rounded)
    searcher = Searcher(local_gallery)
    ids = {photo.name: photo.id for photo in local_gallery.photos()}
    for seed in range(30, 36):
        hits = searcher.search(make_sketch(seed), top=27)
        at = [hit.name for hit in hits].index("07.png")
        assert [hit.name for hit in hits[at : at + 3]] == ["07.png", "m.png", "z.png"]
        assert len({hit.score for hit in hits[at : at + 3]}) == 1
        assert {searcher.rank_of(make_sketch(seed), ids[name]) for name in ("07.png", "m.png", "z.png")} == {at + 3}


def test_ink_and_an_empty_drawing(gallery: Gallery) -> None:
    searcher = Searcher(gallery)
    ink = rasterise(make_sketch(4)).astype(np.uint8) * 255
    assert searcher.search(ink) == searcher.search(make_sketch(4))
    assert len(searcher.search(Sketch(), top=3)) == 3


def test_an_empty_gallery_has_no_hits(tmp_path: Path) -> None:
    for make in (make_tiny_model, make_local_model):
        model = Model.load(make(tmp_path / make.__name__))
        with Gallery.create(tmp_path / f"gallery-{make.__name__}", model) as gallery:
            assert Searcher(gallery).search(make_sketch(0)) == []
