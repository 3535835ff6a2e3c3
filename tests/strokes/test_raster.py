"""The rasteriser and partial sketches: exactly the published pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.strokes import (
    CANVAS,
    NEVER,
    InkCanvas,
    Sketch,
    episode,
    ink,
    inked_at,
    last_points,
    rasterise,
    read_qmul,
)


def plain_episode(sketch: Sketch, steps: int) -> np.ndarray:
    """The published description word for word: one pixel after the other, a frame after each moment."""
    canvas = np.zeros((CANVAS, CANVAS), dtype=bool)
    points = np.rint(sketch.points[:, :2] * 256).astype(int).tolist()
    stroke = sketch.stroke_of_point
    moments = set(np.rint(np.arange(1, steps + 1) * len(points) / steps).astype(int).tolist())
    frames = {}
    for i, (to_x, to_y) in enumerate(points):
        x, y = points[i - 1] if i and stroke[i - 1] == stroke[i] else (to_x, to_y)
        dx, dy = abs(to_x - x), abs(to_y - y)
        sx, sy = 1 if to_x - x > 0 else -1, 1 if to_y - y > 0 else -1
        steep = not dx > dy
        major, minor = (dy, dx) if steep else (dx, dy)
        error = 2 * minor - major
        for _ in range(major + 1):
            if 0 < x < 256 and 0 < y < 256:
                canvas[y, x] = True
            if error >= 0:
                x, y = (x + sx, y) if steep else (x, y + sy)
                error -= 2 * major
            x, y = (x, y + sy) if steep else (x + sx, y)
            error += 2 * minor
        frames[i] = canvas.copy()
    last = len(points) - 1
    wanted = [min(round(j * len(points) / steps), last) for j in range(1, steps + 1)]
    assert moments >= set(wanted) - {last}
    return np.array([dilated(frames[i]) for i in wanted])


def dilated(canvas: np.ndarray) -> np.ndarray:
    wide = np.pad(canvas, 1)
    cross = wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return canvas | cross


# Partly outside of the canvas, on its edges, and with halves that round to even.
coordinate = st.one_of(st.integers(-90, 600).map(lambda p: p / 512), st.floats(-0.2, 1.2))
sketches = st.lists(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=8), min_size=1, max_size=4).map(
    Sketch.from_arrays
)


@given(sketch=sketches, steps=st.integers(1, 25))
def test_the_same_pixels_as_a_plain_loop(sketch: Sketch, steps: int) -> None:
    frames = episode(sketch, steps)
    np.testing.assert_array_equal(frames, plain_episode(sketch, steps))
    np.testing.assert_array_equal(frames[-1], rasterise(sketch))


@given(sketch=sketches, steps=st.integers(1, 25))
def test_an_episode_only_grows_and_each_step_is_the_sketch_so_far(sketch: Sketch, steps: int) -> None:
    frames, last = episode(sketch, steps), last_points(len(sketch), steps)
    assert frames.shape == (steps, CANVAS, CANVAS)
    assert (frames[1:] >= frames[:-1]).all()
    for frame, point in zip(frames, last, strict=True):
        np.testing.assert_array_equal(frame, rasterise(sketch.first_points(int(point) + 1)))


@given(sketch=sketches, data=st.data())
def test_a_canvas_that_grows_in_pieces_has_the_same_bytes_as_the_whole(sketch: Sketch, data: st.DataObject) -> None:
    canvas = InkCanvas()
    for number, stroke in enumerate(sketch.strokes):
        cuts = sorted(data.draw(st.sets(st.integers(1, len(stroke)))) | {len(stroke)})
        for start, stop in zip([0, *cuts], cuts, strict=False):
            canvas.add([stroke[max(start - 1, 0) : stop]])
        whole = ink(Sketch(sketch.strokes[: number + 1]))
        assert canvas.ink().tobytes() == whole.tobytes() and canvas.ink().dtype == whole.dtype


def test_golden_counts_of_a_small_drawing() -> None:
    zigzag = [[0.1, 0.2], [0.5, 0.25], [0.45, 0.7], [0.9, 0.65], [0.3, 0.9]]
    sketch = Sketch.from_arrays([zigzag, [[0.6, 0.1]], [[0.7, 0.3], [0.71, 0.31], [0.0, 1.0]]])
    assert episode(sketch, 4).sum(axis=(1, 2)).tolist() == [655, 1446, 1465, 1995]


def test_golden_counts_of_a_real_sketch(shared: Path) -> None:
    sketch = read_qmul(shared / "data" / "qmul-chairv2" / "ChairV2_Coordinate")["/test/9910-02-carbon_1"]
    assert len(sketch) == 138
    twenty = [248, 494, 734, 992, 1175, 1418, 1643, 1843, 2104, 2318]
    twenty += [2558, 2765, 2967, 3207, 3426, 3596, 3798, 4050, 4250, 4468]
    assert episode(sketch, 20).sum(axis=(1, 2)).tolist() == twenty
    seventeen = [287, 560, 848, 1106, 1418, 1682, 1915, 2200, 2462, 2687, 2931, 3207, 3501, 3735, 3980, 4211, 4468]
    assert episode(sketch, 17).sum(axis=(1, 2)).tolist() == seventeen
    cells = rasterise(sketch)[:255, :255].reshape(3, 85, 3, 85).sum(axis=(1, 3)) / rasterise(sketch).sum()
    shares = [0.04141, 0.05707, 0.0432, 0.12847, 0.30483, 0.14951, 0.07296, 0.14167, 0.06088]
    np.testing.assert_allclose(cells.ravel(), shares, atol=5e-6)


def test_a_step_may_cut_through_a_stroke() -> None:
    sketch = Sketch.from_arrays([np.linspace([0.1, 0.5], [0.9, 0.5], 9)])
    first, *_, last = episode(sketch, 4)
    assert 0 < first.sum() < last.sum()


def test_fewer_points_than_steps_repeat_themselves() -> None:
    assert last_points(3, 6).tolist() == [0, 1, 2, 2, 2, 2]


def test_the_upper_and_left_edge_are_never_drawn_on() -> None:
    edge = Sketch.from_arrays([[[0, 0], [1, 0]], [[0, 0], [0, 1]]])
    assert not rasterise(edge).any()
    beside = Sketch.from_arrays([[[1 / 256, 0.5], [1 / 256, 0.6]]])
    assert rasterise(beside)[:, 0].any()  # the dilation does reach them
    assert not rasterise(beside)[:, -1].any()


def test_no_strokes_no_ink() -> None:
    assert not rasterise(Sketch()).any()
    assert (inked_at(Sketch()) == NEVER).all()
    with pytest.raises(ValueError):
        episode(Sketch())


def test_ink_is_full_or_none() -> None:
    pixels = ink(Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.7]]]))
    assert pixels.dtype == np.uint8
    assert set(np.unique(pixels)) == {0, 255}


def test_fitted_is_centred_and_190_pixels_long() -> None:
    fitted = Sketch.from_arrays([[[3, 5, 7, 0.5], [13, 9, 8, 0.5]]]).fitted()
    low, high = fitted.points[:, :2].min(axis=0), fitted.points[:, :2].max(axis=0)
    np.testing.assert_allclose((low + high) / 2, 0.5)
    np.testing.assert_allclose(high - low, [190 / 256, 190 / 256 * 0.4])
    np.testing.assert_array_equal(fitted.points[:, 2:], [[7, 0.5], [8, 0.5]])
    dot = Sketch.from_arrays([[[3, 5]]]).fitted()
    np.testing.assert_array_equal(dot.points[:, :2], [[0.5, 0.5]])
