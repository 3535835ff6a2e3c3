"""Training on photos alone, with sketches traced from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sketchseek.errors import InputError
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.pixels import sketch_frames, sketch_pixels
from sketchseek.lab.datasets.traced import TRACED, with_traced_sketches
from sketchseek.model.preprocess import prepare_sketch, read_photo
from sketchseek.strokes import edge_sketch


def test_each_photo_gets_the_sketch_of_its_edges(pairs_folder: Path) -> None:
    dataset = with_traced_sketches(open_dataset(f"folder:{pairs_folder / 'train' / 'photos'}"))
    assert len(dataset.train.photos) == len(dataset.train.sketches) == 24
    assert dataset.variant == TRACED
    pixels = sketch_pixels(dataset.train.sketches, 64)
    for sketch, ink in zip(dataset.train.sketches, pixels, strict=True):
        photo = dataset.train.photos[sketch.photo]
        assert np.array_equal(ink, prepare_sketch(edge_sketch(read_photo(photo.path, 256)).fitted(), 64))
        assert ink.max() > 128
    assert np.array_equal(sketch_frames(dataset.train.sketches[0], 1, 64)[0], pixels[0])
    with pytest.raises(InputError, match="partial sketches need strokes"):
        sketch_frames(dataset.train.sketches[0], 2, 64)


def test_a_sketch_and_the_photo_it_was_traced_from_are_cached_apart(pairs_folder: Path) -> None:
    """Of enough photos for the cache: a drawn image and a traced one of the same path are different pixels."""
    dataset = with_traced_sketches(open_dataset(f"folder:{pairs_folder / 'train' / 'photos'}"))
    traced = dataset.train.sketches * 3
    read = [replace(sketch, traced=False) for sketch in traced]
    assert len(traced) > 64 and not np.array_equal(sketch_pixels(traced, 32), sketch_pixels(read, 32))


def test_data_with_sketches_stay_as_they_are(pairs_folder: Path) -> None:
    dataset = open_dataset(f"folder:{pairs_folder}")
    assert with_traced_sketches(dataset) is dataset


def test_photos_of_a_test_part_with_sketches_are_not_trained_on(pairs_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "train").symlink_to(pairs_folder / "train" / "photos", target_is_directory=True)
    (tmp_path / "test").symlink_to(pairs_folder / "test", target_is_directory=True)
    dataset = with_traced_sketches(open_dataset(f"folder:{tmp_path}"))
    assert len(dataset.train.photos) == len(dataset.train.sketches) == 24
    assert len(dataset.test.photos) == len(dataset.test.sketches) == 12
