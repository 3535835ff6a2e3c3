"""Ranks and figures: the worked example of the protocol, and what must hold for any table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.lab.evaluation.compare import paired_bootstrap
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.lab.evaluation.metrics import (
    LOWER_IS_BETTER,
    OVER_STEPS,
    Figures,
    figures,
    per_query,
    ranks_of,
    success_step,
)
from sketchseek.strokes.sketch import Sketch


def test_the_worked_example_of_the_protocol() -> None:
    result = figures(np.array([[10, 5, 2, 1], [4, 4, 1, 1]]), gallery=10)
    assert result["m@A"] == pytest.approx(72.22222, abs=1e-4)
    assert result["m@B"] == pytest.approx(53.75, abs=1e-4)
    assert result["w@mA"] == pytest.approx(36.10653, abs=1e-4)
    assert result["w@mB"] == pytest.approx(24.87285, abs=1e-4)
    assert result["acc@1"] == 100 and result["mean_reciprocal_rank"] == 100


@pytest.mark.parametrize(("steps", "maximum"), [(17, 61.371), (20, 61.645), (50, 62.582), (70, 62.762)])
def test_a_perfect_system_reaches_the_mean_weight(steps: int, maximum: float) -> None:
    result = figures(np.ones((3, steps), dtype=int), gallery=100)
    assert result["w@mA"] == pytest.approx(maximum, abs=1e-3) == result["w@mB"]
    assert result["m@A"] == 100 == result["m@B"]


def test_success_is_where_the_photo_comes_among_the_first_to_stay() -> None:
    ranks = np.array([[5, 1, 3, 1, 1], [1, 1, 1, 1, 1], [9, 9, 9, 9, 2], [1, 1, 1, 1, 7]])
    assert success_step(ranks, 1).tolist() == [3, 0, 5, 5]
    assert success_step(ranks, 5).tolist() == [0, 0, 4, 5]
    result = figures(ranks, gallery=10)
    assert result["strokes_to_success@1"] == pytest.approx(100 * (4 + 1 + 5 + 5) / 20)
    assert result["strokes_to_success@10"] == pytest.approx(20)


def test_the_rank_area_counts_each_halving_of_the_rank_alike() -> None:
    first = figures(np.array([[64, 32, 16, 8]]), gallery=64)["rank_area"]
    second = figures(np.array([[8, 4, 2, 1]]), gallery=64)["rank_area"]
    assert first == pytest.approx(25) and second == pytest.approx(75)
    assert figures(np.ones((1, 2), dtype=int), gallery=1)["rank_area"] == 100


def test_the_median_number_of_strokes_to_success() -> None:
    sketch = Sketch.from_arrays([[[0.1, 0.1], [0.2, 0.2]]] * 4)  # a stroke a step
    split = Split((Photo("p", Path("p.png")),), tuple(SketchItem(f"s{i}", 0, strokes=sketch) for i in range(3)))
    ranks = np.array([[9, 1, 1, 1], [9, 9, 9, 1], [9, 9, 9, 9]])
    evaluation = Evaluation(ranks, np.zeros((3, 4, 1), int), np.zeros((3, 4, 1), np.float32), 50)
    names = {k: f"median_strokes_to_success@{k}" for k in (1, 5, 10)}
    # Step t holds a point more than its share, so it has begun the next stroke.
    assert evaluation.median_strokes(split) == {names[1]: 4, names[5]: 4, names[10]: 2}
    never = Evaluation(ranks + 20, evaluation.nearest, evaluation.scores, 50)
    assert set(never.median_strokes(split).values()) == {None}
    images = Split(split.photos, tuple(SketchItem(s.name, 0, Path("s.png")) for s in split.sketches))
    assert set(evaluation.median_strokes(images).values()) == {None}


def test_one_step_has_no_early_figures() -> None:
    result = figures(np.array([[1], [7], [11]]), gallery=20)
    assert [result[k] for k in OVER_STEPS] == [None] * len(OVER_STEPS)
    assert [result[k] for k in ("acc@1", "acc@5", "acc@10")] == pytest.approx([100 / 3, 100 / 3, 200 / 3])


def test_a_tie_counts_against_the_query() -> None:
    similarity = np.array([[0.5, 0.5, 0.1], [0.0, 0.0, 0.0]])
    assert ranks_of(similarity, np.array([0, 1])).tolist() == [2, 3]


def test_a_similarity_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        ranks_of(np.array([[np.nan, 0.2]]), np.array([1]))


@given(arrays(np.float32, (4, 9), elements=st.floats(-1, 1, width=32)), st.integers(0, 8))
def test_a_rank_is_one_plus_the_photos_that_are_closer_or_tie(similarity: np.ndarray, target: int) -> None:
    ranks = ranks_of(similarity, np.full(4, target))
    for row, rank in zip(similarity, ranks, strict=True):
        assert rank == 1 + sum(v >= row[target] for i, v in enumerate(row) if i != target)


def known(found: Figures) -> dict[str, float]:
    """The figures, none of which may be missing."""
    assert None not in found.values()
    return {name: value for name, value in found.items() if value is not None}


@given(arrays(np.int64, (5, 6), elements=st.integers(1, 30)))
def test_figures_lie_in_their_range_and_fall_as_ranks_rise(ranks: np.ndarray) -> None:
    good, bad = known(figures(ranks, 30)), known(figures(np.minimum(ranks + 1, 30), 30))
    assert good["acc@1"] <= good["acc@5"] <= good["acc@10"]
    for name, value in good.items():
        assert 0 <= value <= 100
        assert bad[name] >= value if name in LOWER_IS_BETTER else bad[name] <= value + 1e-9
    for name, values in per_query(ranks, 30).items():
        assert values.mean() * 100 == pytest.approx(good[name])


def test_the_bootstrap_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.random(400) < 0.6, generator.random(400) < 0.5
    mean, low, high = paired_bootstrap(a.astype(float), b.astype(float))
    assert low < mean < high
    assert mean == pytest.approx(a.mean() - b.mean())
    _, low4, high4 = paired_bootstrap(np.tile(a, 4).astype(float), np.tile(b, 4).astype(float))
    assert high4 - low4 == pytest.approx((high - low) / 2, rel=0.1)


def test_no_difference_is_no_gain_and_unpaired_input_is_refused() -> None:
    same = np.array([1.0, 0.0, 1.0])
    assert paired_bootstrap(same, same) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="same queries"):
        paired_bootstrap(same, same[:2])
