"""The cache of decoded images."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.lab.datasets import Photo, SketchItem, pixels
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_frames, sketch_pixels
from sketchseek.model.preprocess import prepare_sketch, read_photo
from sketchseek.strokes import Sketch, read_ink

Write = Callable[[Path], Path]
SIZE = 24


@pytest.fixture
def photos(tmp_path: Path, picture: Write) -> list[Photo]:
    return [Photo(str(i), picture(tmp_path / "photo" / f"{i}.png")) for i in range(pixels.SMALL + 3)]


@pytest.fixture
def stroke_sketch() -> Sketch:
    return Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.3]], [[0.5, 0.9], [0.4, 0.1], [0.7, 0.7]]])


def cache_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "xdg-cache").rglob("*.*"))


def refuse(*args: object) -> None:
    raise AssertionError("decoded again")


def test_photos_are_decoded_once(photos: list[Photo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = photo_pixels(photos, SIZE)
    assert first.shape == (len(photos), SIZE, SIZE, 3) and first.dtype == np.uint8
    assert np.array_equal(first[5], read_photo(photos[5].path, SIZE))
    assert [p.suffix for p in cache_files(tmp_path)] == [".safetensors"]
    monkeypatch.setattr(pixels, "read_photo", refuse)
    pixels_again = photo_pixels(photos, SIZE)
    assert np.array_equal(first, pixels_again)
    with pytest.raises(AssertionError):
        photo_pixels(photos, SIZE + 1)
    os.utime(photos[3].path, ns=(1, 1))
    with pytest.raises(AssertionError):
        photo_pixels(photos, SIZE)


def test_few_images_leave_no_file(photos: list[Photo], tmp_path: Path) -> None:
    assert photo_pixels(photos[:4], SIZE).shape == (4, SIZE, SIZE, 3)
    assert photo_pixels([], SIZE).shape == (0, SIZE, SIZE, 3)
    assert cache_files(tmp_path) == []


@pytest.mark.parametrize("damage", [b"", b"\x20\0\0\0\0\0\0\0nonsense", None])
def test_a_broken_cache_file_is_made_anew(photos: list[Photo], tmp_path: Path, damage: bytes | None) -> None:
    first = np.array(photo_pixels(photos, SIZE))
    (path,) = cache_files(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] if damage is None else damage)
    assert np.array_equal(photo_pixels(photos, SIZE), first)
    assert len(cache_files(tmp_path)) == 1


def test_a_damaged_image_is_named_and_leaves_nothing(photos: list[Photo], tmp_path: Path) -> None:
    photos[7].path.write_bytes(photos[7].path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"7\.png"):
        photo_pixels(photos, SIZE)
    photos[7].path.unlink()
    with pytest.raises(InputError, match=r"7\.png: no such file"):
        photo_pixels(photos, SIZE)
    assert cache_files(tmp_path) == []


def test_old_cache_files_are_forgotten(photos: list[Photo], tmp_path: Path) -> None:
    photo_pixels(photos, SIZE)
    (old,) = cache_files(tmp_path)
    os.utime(old, (0, 0))
    photo_pixels(photos, SIZE + 1)
    assert len(cache_files(tmp_path)) == 1 and not old.exists()


def test_sketches_of_strokes_and_of_images(tmp_path: Path, picture: Write, stroke_sketch: Sketch) -> None:
    raster = [SketchItem(str(i), 0, picture(tmp_path / "sketch" / f"{i}.png")) for i in range(pixels.SMALL)]
    drawn = SketchItem("drawn", 0, strokes=stroke_sketch)
    ink = sketch_pixels([*raster, drawn], SIZE)
    assert ink.shape == (len(raster) + 1, SIZE, SIZE) and ink.max() > 100 and ink[0, 0].max() == 0
    assert np.array_equal(ink[-1], prepare_sketch(stroke_sketch, SIZE))
    longer = replace(drawn, strokes=Sketch.from_arrays([[[0.1, 0.1], [0.9, 0.9]]]))
    assert not np.array_equal(sketch_pixels([*raster, longer], SIZE)[-1], ink[-1])


def test_frames_of_strokes(stroke_sketch: Sketch) -> None:
    item = SketchItem("drawn", 0, strokes=stroke_sketch)
    frames = sketch_frames(item, 5, SIZE)
    assert frames.shape == (5, SIZE, SIZE) and frames.dtype == np.uint8
    assert np.array_equal(frames[-1], sketch_pixels([item], SIZE)[0])
    assert (np.diff(frames.astype(int), axis=0) >= 0).all()


@pytest.mark.parametrize(("steps", "chosen"), [(1, [7]), (2, [4, 7]), (7, [1, 2, 3, 4, 5, 6, 7]), (14, None)])
def test_frames_of_images(steps: int, chosen: list[int] | None, tmp_path: Path) -> None:
    paths = []
    for index in range(1, 8):
        image = Image.new("L", (SIZE, SIZE), 255)
        image.paste(0, (4, 4, 6 + 2 * index, 8))
        paths.append(tmp_path / f"{index}.png")
        image.save(paths[-1])
    frames = sketch_frames(SketchItem("grown", 0, paths[-1], frames=tuple(paths)), steps, SIZE)
    assert len(frames) == steps and np.array_equal(frames[-1], read_ink(paths[-1]))
    if chosen:
        assert all(np.array_equal(f, read_ink(paths[i - 1])) for f, i in zip(frames, chosen, strict=True))


def test_one_image_has_no_partial_sketches(tmp_path: Path, picture: Write) -> None:
    item = SketchItem("flat", 0, picture(tmp_path / "sketch" / "flat.png"))
    assert np.array_equal(sketch_frames(item, 1, SIZE)[0], sketch_pixels([item], SIZE)[0])
    with pytest.raises(InputError, match="strokes or frames"):
        sketch_frames(item, 2, SIZE)
