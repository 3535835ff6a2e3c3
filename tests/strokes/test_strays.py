"""Specks far from a drawing are left out, and what belongs to it stays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sketchseek.strokes import Sketch, ink, load_drawing, read_ink, write_svg

FACE = [[[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6], [0.4, 0.4]], [[0.45, 0.45]]]  # with an eye
CASTOR = [[0.42, 0.62]]


def png(drawn: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(255 - drawn).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("speck", [[[0.95, 0.95]], [[0.05, 0.5]]])
def test_a_speck_far_away_is_left_out_of_strokes_and_pictures(speck: list, tmp_path: Path) -> None:
    drawn = Sketch.from_arrays([*FACE, CASTOR])
    write_svg(Sketch.from_arrays([*FACE, CASTOR, speck]), tmp_path / "face.svg")
    read = load_drawing(tmp_path / "face.svg")
    assert isinstance(read, Sketch)
    np.testing.assert_array_equal(read.points, drawn.points)
    with_speck = load_drawing(png(ink(Sketch.from_arrays([*FACE, CASTOR, speck]))))
    np.testing.assert_array_equal(with_speck, ink(drawn))


def test_one_dark_pixel_on_a_large_sheet_is_left_out() -> None:
    sheet = np.zeros((877, 620), dtype=np.uint8)
    sheet[300:556, 200:456] = ink(Sketch.from_arrays(FACE))
    clean = load_drawing(png(sheet))
    sheet[860, 610] = 255
    np.testing.assert_array_equal(load_drawing(png(sheet)), clean)


def test_small_pieces_far_apart_stay_where_they_are_much_of_the_drawing() -> None:
    dots = [[[x / 10, y / 10]] for x in range(1, 10) for y in range(1, 10)]
    drawn = ink(Sketch.from_arrays([[[0.5, 0.5], [0.58, 0.5]], *dots]))
    np.testing.assert_array_equal(load_drawing(png(drawn)), read_ink(Image.fromarray(255 - drawn)))
