"""Label maps: they cover the ink exactly, and say which stroke it is of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from sketchseek.strokes import UNASSIGNED, Sketch, drawn_labels, extracted_labels, grid_labels, ink

CROSS = Sketch.from_arrays([[[0.2, 0.5], [0.8, 0.5]], [[0.5, 0.3], [0.5, 0.7]]])

inks = arrays.arrays(np.uint8, st.tuples(st.integers(1, 50), st.integers(1, 50)), fill=st.sampled_from([0, 100, 255]))


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    return np.array(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))


def check(labels: np.ndarray, pixels: np.ndarray) -> None:
    assert labels.dtype == np.uint8 and labels.shape == pixels.shape
    np.testing.assert_array_equal(labels > 0, pixels > 0)


@given(pixels=inks, cells=st.integers(1, 15))
def test_any_ink_is_covered(pixels: np.ndarray, cells: int) -> None:
    check(extracted_labels(pixels), pixels)
    check(drawn_labels(CROSS, pixels), pixels)
    check(grid_labels(pixels, cells), pixels)


@pytest.mark.parametrize("size", [224, 256, 299])
def test_drawn_strokes_at_any_size(size: int) -> None:
    pixels = resized(ink(CROSS), size)
    labels = drawn_labels(CROSS, pixels)
    check(labels, pixels)
    assert set(np.unique(labels)) == {0, 1, 2}
    assert labels[size // 2, size // 2] == 2  # the later stroke on top
    assert labels[size // 2, size // 4] == 1


def test_extracted_strokes_and_the_cut_between_them() -> None:
    pixels = resized(ink(CROSS), 224)
    labels = extracted_labels(pixels)
    check(labels, pixels)
    strokes = np.unique(labels[(labels > 0) & (labels < UNASSIGNED)])
    assert list(strokes) == list(range(1, len(strokes) + 1))
    assert 0 < (labels == UNASSIGNED).sum() < 0.3 * (pixels > 0).sum()


def test_faint_ink_joins_its_neighbour_or_none() -> None:
    pixels = np.zeros((20, 20), dtype=np.uint8)
    pixels[5, 5:15] = 255
    pixels[6, 5:15] = 60
    pixels[15, 15] = 60
    labels = extracted_labels(pixels)
    assert (labels[5:7, 5:15] == 1).all()
    assert labels[15, 15] == UNASSIGNED


def test_more_strokes_than_a_byte_holds() -> None:
    pixels = np.zeros((60, 60), dtype=np.uint8)
    pixels[::2, ::2] = 255
    pixels[-2:] = 0
    pixels[59, :40] = 255  # the last and largest
    labels = extracted_labels(pixels)
    check(labels, pixels)
    assert np.bincount(labels.ravel())[1:255].min() == 1
    assert labels[59, 0] == 254
    assert (labels == UNASSIGNED).sum() == 870 + 1 - 254
    many = Sketch.from_arrays([[[x / 20, y / 20]] for x in range(1, 20) for y in range(1, 20)])
    drawn = drawn_labels(many, ink(many))
    check(drawn, ink(many))
    assert len(np.unique(drawn)) == 256


def test_grid_cells() -> None:
    labels = grid_labels(np.full((224, 224), 255, dtype=np.uint8), 4)
    assert list(np.bincount(labels.ravel())) == [0] + [56 * 56] * 16
    with pytest.raises(ValueError, match="15"):
        grid_labels(np.zeros((224, 224), dtype=np.uint8), 16)
