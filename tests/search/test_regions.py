"""Which regions decided between photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from banded_model import make_banded_model
from PIL import Image

from sketchseek.gallery import Gallery, ingest
from sketchseek.matching import get_matcher
from sketchseek.matching.base import RegionMatcher
from sketchseek.matching.region_weighted import Strategy
from sketchseek.model import Model
from sketchseek.search.searcher import Searcher
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch


def across(*heights: float) -> Sketch:
    """A line across the sheet at each of some heights."""
    return Sketch.from_arrays([[[0.1, height], [0.9, height]] for height in heights])


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("banded")
    (folder / "photos").mkdir()
    heights = {"first": (0.12,), "first-and-third": (0.12, 0.62), "fourth": (0.88,)}
    for name, lines in heights.items():
        pixels = np.where(rasterise(across(*lines)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{name}.png")
    with Gallery.create(folder / "gallery", Model.load(make_banded_model(folder / "model"))) as opened:
        ingest(opened, [folder / "photos"])
        yield opened


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_the_parts_of_all_regions_add_up_to_the_distance(strategy: Strategy) -> None:
    random = np.random.default_rng(0)

    def features(items: int) -> dict[str, np.ndarray]:
        return {
            "level1": random.normal(size=(items, 3, 4)).astype(np.float32),
            "level2": random.normal(size=(items, 3, 7)).astype(np.float32),
            "level3": random.normal(size=(items, 3, 5)).astype(np.float32),
            "weights": random.dirichlet(np.ones(9), size=items).reshape(items, 3, 3).astype(np.float32),
        }

    sketches, photos = features(2), features(5)
    matcher = get_matcher("region-weighted", strategy=strategy)
    assert isinstance(matcher, RegionMatcher)
    if matcher.pairs_regions:
        parts = matcher.region_parts(sketches, photos)
        assert parts.shape == (2, 5, 3)
        assert np.allclose(-parts.sum(axis=2), matcher.similarity(sketches, photos), atol=1e-5)


def test_a_photo_came_forward_by_the_regions_that_fit_better_than_elsewhere(gallery: Gallery) -> None:
    searcher = Searcher(gallery)
    assert searcher.has_regions
    features = gallery.model.encode_sketches([across(0.12, 0.62)])
    hits = searcher.search_features(features)
    assert [Path(hit.name).stem for hit in hits] == ["first-and-third", "first", "fourth"]
    found = searcher.decisive_regions(features, hits)
    assert found.sketch.shape == (4, 8, 8) and found.photos.shape == (3, 4, 8, 8)
    assert (found.sketch[2] == 255).nonzero()[0].tolist() == [4] * 8 + [5] * 8
    assert found.strength[0].argmax() == 2 and found.strength[0, 0] > 0  # the third band sets it apart, the first helps
    assert found.strength[1].argmax() in (0, 3) and found.strength[1, 2] == 0
    assert ((found.strength >= 0) & (found.strength <= 1)).all() and (found.strength.max(axis=1) == 1).all()
    assert ((found.strength > 0).sum(axis=1) <= 3).all()


def test_a_single_photo_has_one_region_at_least(gallery: Gallery) -> None:
    features = gallery.model.encode_sketches([across(0.5)])
    hits = Searcher(gallery).search_features(features, top=1)
    assert (Searcher(gallery).decisive_regions(features, hits).strength > 0).sum() == 1


def test_only_matchers_that_pair_regions_tell() -> None:
    assert not isinstance(get_matcher("cosine"), RegionMatcher)
    nearest = get_matcher("region-weighted", strategy="nearest-region")
    assert isinstance(nearest, RegionMatcher) and not nearest.pairs_regions
