"""Raster drawings get strokes, and with them partial sketches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.lab.datasets import Photo, SketchItem, Split
from sketchseek.lab.datasets.pixels import sketch_frames
from sketchseek.lab.datasets.recovered import with_strokes
from sketchseek.strokes import Sketch, ink

FACE = Sketch.from_arrays(
    [
        [[0.45, 0.5], [0.5, 0.55], [0.45, 0.55]],
        [[0.5 + 0.3 * np.cos(a), 0.5 + 0.4 * np.sin(a)] for a in np.linspace(0, 6.2, 50)],
        [[0.4, 0.7], [0.6, 0.7]],
    ]
)


def test_a_raster_drawing_grows_from_its_silhouette(tmp_path: Path) -> None:
    Image.fromarray(255 - ink(FACE)).save(tmp_path / "face.png")
    drawn = SketchItem("drawn", 0, strokes=FACE)
    framed = SketchItem("framed", 0, tmp_path / "face.png", frames=(tmp_path / "a.png", tmp_path / "face.png"))
    raster = SketchItem("raster", 0, tmp_path / "face.png", drawer="anna")
    split = with_strokes(Split((Photo("p", tmp_path / "p.jpg"),), (drawn, framed, raster)))
    assert split.sketches[:2] == (drawn, framed)
    recovered = split.sketches[2]
    assert (recovered.name, recovered.drawer) == ("raster", "anna") and recovered.strokes is not None
    frames = sketch_frames(recovered, 10, 256)
    grown = (frames > 0).sum(axis=(1, 2))
    assert (np.diff(grown.astype(int)) >= 0).all() and 0 < grown[0] < 0.25 * grown[-1]
    inside = (slice(110, 190), slice(100, 160))
    assert not frames[4][inside].any() and frames[9][inside].any()  # nose and mouth come after the outline
    again, original = frames[9] > 0, ink(FACE) > 0
    assert (again & original).sum() > 0.85 * original.sum()


def test_strokes_are_recovered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = SketchItem("blank", 0, tmp_path / "blank.png")
    Image.new("L", (64, 64), 255).save(tmp_path / "blank.png")
    Image.fromarray(255 - ink(FACE)).save(tmp_path / "face.png")
    raster = SketchItem("raster", 0, tmp_path / "face.png")
    split = replace(Split(), sketches=(raster, blank, raster))
    first = with_strokes(split).sketches
    assert first[1].strokes is not None and not first[1].strokes.strokes
    monkeypatch.setattr("sketchseek.lab.datasets.recovered.recover_sketch", None)  # now only the cache can say
    for one, again in zip(first, with_strokes(split).sketches, strict=True):
        assert one.strokes is not None and again.strokes is not None
        assert len(one.strokes.strokes) == len(again.strokes.strokes)
        assert all(np.array_equal(a, b) for a, b in zip(one.strokes.strokes, again.strokes.strokes, strict=True))
    with pytest.raises(TypeError):  # a cache of other drawings does not do
        with_strokes(replace(split, sketches=(raster, raster)))


def test_a_broken_drawing_is_named(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"nothing")
    raster = SketchItem("raster", 0, tmp_path / "face.png")
    with pytest.raises(InputError, match=r"face\.png"):
        with_strokes(replace(Split(), sketches=(raster,)))
