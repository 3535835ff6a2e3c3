"""Recovered strokes come silhouette first and details last."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.strokes import Sketch, read_qmul, silhouette_first

CIRCLE = [[0.5 + 0.4 * np.cos(a), 0.5 + 0.4 * np.sin(a)] for a in np.linspace(0, 2 * np.pi, 60)]
SCRIBBLE = [[0.4 + 0.2 * (i % 2), 0.45 + 0.002 * i] for i in range(20)]  # longer than the outline, and inside it
NOSE = [[0.5, 0.45], [0.5, 0.55]]
DOT = [[0.45, 0.4]]


def test_the_outline_comes_before_what_is_inside_it() -> None:
    ordered = silhouette_first(Sketch.from_arrays([DOT, NOSE, SCRIBBLE, CIRCLE]))
    assert [len(stroke) for stroke in ordered.strokes] == [60, 20, 2, 1]


def test_an_outline_in_parts_comes_part_by_part() -> None:
    parts = [CIRCLE[:15], CIRCLE[15:45], CIRCLE[45:]]
    ordered = silhouette_first(Sketch.from_arrays([NOSE, *parts, DOT]))
    assert [len(stroke) for stroke in ordered.strokes] == [30, 15, 15, 2, 1]


def test_equal_strokes_keep_their_order() -> None:
    dots = [[[0.2, 0.2]], [[0.8, 0.2]], [[0.8, 0.8]], [[0.2, 0.8]]]
    assert [s[0, :2].tolist() for s in silhouette_first(Sketch.from_arrays(dots)).strokes] == [d[0] for d in dots]


def test_long_strokes_of_few_points_count_in_full() -> None:
    square = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9], [0.1, 0.1]]
    ordered = silhouette_first(Sketch.from_arrays([SCRIBBLE, square]))
    assert len(ordered.strokes[0]) == 5


strokes = st.lists(st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)), min_size=1, max_size=6), max_size=6)


@given(drawn=strokes)
def test_no_stroke_is_lost_or_changed(drawn: list[list[tuple[float, float]]]) -> None:
    sketch = Sketch.from_arrays(drawn)
    ordered = silhouette_first(sketch)
    assert sorted(s.tobytes() for s in ordered.strokes) == sorted(s.tobytes() for s in sketch.strokes)


def test_half_a_chair_spans_more_when_its_silhouette_comes_first(shared: Path) -> None:
    sketches = read_qmul(shared / "data" / "qmul-chairv2" / "ChairV2_Coordinate")

    def extent(sketch: Sketch) -> float:
        return float(np.ptp(sketch.first_points(len(sketch) // 2).points[:, :2], axis=0).prod())

    chosen = [sketches[key] for key in sorted(sketches)[::60]]
    backwards = [Sketch(silhouette_first(sketch).strokes[::-1]) for sketch in chosen]
    ordered = [silhouette_first(sketch) for sketch in chosen]
    assert np.mean([extent(s) for s in ordered]) > 1.15 * np.mean([extent(s) for s in backwards])
