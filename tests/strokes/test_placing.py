"""A drawing is searched in the same pixels wherever it lies on the sheet, however large, and in whatever form."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sketchseek.strokes import CANVAS, Sketch, ink, placed, read_ink
from sketchseek.strokes.placing import GrowingInk
from sketchseek.synthetic import generate

# Of so many lines that they are surely complete.
LARGE = tuple(generate(index, 5, drawers=1).sketches[0].fitted() for index in (0, 2, 3, 5, 6))


def moved(sketch: Sketch, scale: float, x: float = 0.0, y: float = 0.0) -> Sketch:
    """The sketch scaled about the middle of the sheet, then shifted."""
    return Sketch.from_arrays([(stroke[:, :2] - 0.5) * scale + (0.5 + x, 0.5 + y) for stroke in sketch.strokes])


def pixels(drawing: Sketch | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The canvas as it is searched with."""
    seen = placed(drawing)
    return ink(seen) if isinstance(seen, Sketch) else seen


def stray(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The share of the ink of each, the larger of the two, that is more than 2 pixels from ink of the other."""
    near = [np.asarray(Image.fromarray(each).filter(ImageFilter.MaxFilter(5))) > 127 for each in (one, other)]
    return max(float((a > 127)[~b].sum() / (a > 127).sum()) for a, b in ((one, near[1]), (other, near[0])))


@pytest.mark.parametrize(("scale", "x", "y"), [(0.5, 0, 0), (0.5, -0.25, 0.2), (0.3, 0.3, -0.3)])
def test_a_small_drawing_is_searched_as_the_large_one(scale: float, x: float, y: float) -> None:
    for sketch in LARGE:
        assert stray(pixels(moved(sketch, scale, x, y)), pixels(sketch)) < 0.02


def test_a_large_drawing_and_a_first_line_stay_where_they_are() -> None:
    for sketch in (*LARGE, moved(LARGE[0], 0.85, 0.1, -0.1), moved(LARGE[0], 1.3)):
        np.testing.assert_array_equal(pixels(sketch), ink(sketch))
    line = Sketch.from_arrays([np.linspace([0.1, 0.2], [0.3, 0.25], 9)])
    np.testing.assert_array_equal(pixels(line), ink(line))
    for nothing in (Sketch(), Sketch.from_arrays([[[0.2, 0.9]]])):
        np.testing.assert_array_equal(pixels(nothing), ink(nothing))
    assert not pixels(np.zeros((9, 9), np.uint8)).any()


@pytest.mark.parametrize(("scale", "x", "y"), [(1, 0, 0), (0.75, 0, 0.1), (0.5, -0.2, 0.2)])
def test_a_picture_of_a_drawing_gives_the_pixels_of_its_strokes(scale: float, x: float, y: float) -> None:
    for sketch in LARGE:
        drawn = moved(sketch, scale, x, y)
        of_picture = pixels(read_ink(Image.fromarray(255 - ink(drawn))))
        if scale == 1:
            np.testing.assert_array_equal(of_picture, pixels(drawn))
        assert stray(of_picture, pixels(drawn)) < 0.12  # lines that nearly touch are one when the picture is enlarged


@pytest.mark.parametrize("pen", [4, 12])
def test_the_width_of_the_pen_does_not_count(pen: int) -> None:
    for sketch in LARGE:
        sheet = Image.new("L", (1000, 1000), "white")
        for stroke in moved(sketch, 0.5, -0.1, 0.15).strokes:
            line = [tuple(point) for point in (stroke[:, :2] * 1000).tolist()]
            ImageDraw.Draw(sheet).line(line, fill="black", width=pen, joint="curve")
        assert stray(pixels(read_ink(sheet)), pixels(moved(sketch, 0.5, -0.1, 0.15))) < 0.12


def test_thick_lines_are_thinned_with_their_corners_kept() -> None:
    thin = ink(Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.3], [0.3, 0.5], [0.8, 0.8], [0.2, 0.75]]]))
    thinned = pixels(np.asarray(Image.fromarray(thin).filter(ImageFilter.MaxFilter(7))))
    assert (thinned >= thin).all() and (thinned > 127).sum() < 1.2 * (thin > 127).sum()


def test_a_filled_shape_stays_filled() -> None:
    shape = np.zeros((CANVAS, CANVAS), np.uint8)
    shape[60:120, 40:120] = 255
    rows, columns = np.nonzero(pixels(shape) > 127)
    assert len(rows) == len(np.unique(rows)) * len(np.unique(columns)) > 2 * 60 * 80


def test_a_growing_drawing_is_placed_as_the_whole_at_every_moment() -> None:
    for sketch in (moved(LARGE[0], 0.4, 0.2, 0.2), LARGE[1]):
        growing = GrowingInk()
        for count, stroke in enumerate(sketch.strokes, 1):
            growing.add([stroke])
            whole = Sketch(sketch.strokes[:count])
            np.testing.assert_array_equal(growing.ink(as_framed=False)[0], pixels(whole))
            np.testing.assert_array_equal(growing.ink(as_framed=True)[0], ink(whole))
