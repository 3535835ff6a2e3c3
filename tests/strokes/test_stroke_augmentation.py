"""Augmentation by strokes: removal, deformation, disorder."""

from __future__ import annotations

from collections.abc import Callable

import cc3d
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sketchseek.strokes import (
    UNASSIGNED,
    Sketch,
    deform_strokes,
    disorder_strokes,
    drawn_labels,
    extracted_labels,
    ink,
    remove_strokes,
)

CHAIR = Sketch.from_arrays(
    [
        [[0.25, 0.2], [0.3, 0.5], [0.7, 0.5], [0.75, 0.2], [0.25, 0.2]],
        [[0.3, 0.5], [0.25, 0.85]],
        [[0.7, 0.5], [0.75, 0.85]],
        [[0.4, 0.5], [0.42, 0.6], [0.4, 0.75]],
        [[0.6, 0.5], [0.6, 0.75]],
        [[0.35, 0.3], [0.65, 0.3]],
    ]
)
ALL = pytest.mark.parametrize("augment", [remove_strokes, deform_strokes, disorder_strokes])
Augmentation = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def chairs(count: int) -> tuple[np.ndarray, np.ndarray]:
    pixels = ink(CHAIR)
    return np.stack([pixels] * count), np.stack([drawn_labels(CHAIR, pixels)] * count)


def strokes(labels: np.ndarray) -> set[int]:
    return set(np.unique(labels).tolist()) - {0, UNASSIGNED}


@ALL
@given(
    pixels=arrays.arrays(np.uint8, st.tuples(st.integers(1, 2), st.integers(1, 40), st.integers(1, 40))),
    cells=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_ink(augment: Augmentation, pixels: np.ndarray, cells: int, seed: int) -> None:
    labels = np.stack([extracted_labels(image, cells) for image in pixels])
    before = pixels.copy(), labels.copy()
    new_pixels, new_labels = augment(pixels, labels, np.random.default_rng(seed))
    assert new_pixels.dtype == new_labels.dtype == np.uint8
    assert new_pixels.shape == new_labels.shape == pixels.shape
    np.testing.assert_array_equal(new_labels > 0, new_pixels > 0)
    for old, new in zip(labels, new_labels, strict=True):
        assert strokes(new) <= strokes(old)
        assert strokes(new) or not strokes(old) or augment is deform_strokes
    np.testing.assert_array_equal(pixels, before[0])
    np.testing.assert_array_equal(labels, before[1])
    again = augment(pixels, labels, np.random.default_rng(seed))
    np.testing.assert_array_equal(new_pixels, again[0])


@ALL
def test_blank_stays_blank_and_a_chair_changes(augment: Augmentation) -> None:
    pixels, labels = chairs(4)
    pixels[1], labels[1] = 0, 0
    new_pixels, new_labels = augment(pixels, labels, np.random.default_rng(0))
    assert not new_pixels[1].any() and not new_labels[1].any()
    for i in (0, 2, 3):
        assert (new_pixels[i] != pixels[i]).sum() > 20
        assert new_pixels[i].any()
    assert (new_pixels[0] != new_pixels[2]).any()


def test_removal_takes_whole_strokes() -> None:
    pixels, labels = chairs(200)
    labels[:, 120:124][labels[:, 120:124] > 0] = UNASSIGNED
    new_pixels, new_labels = remove_strokes(pixels, labels, np.random.default_rng(1))
    kept = new_labels > 0
    np.testing.assert_array_equal(new_labels[kept], labels[kept])
    np.testing.assert_array_equal(new_pixels, np.where(kept, pixels, 0))
    assert ((labels == UNASSIGNED) <= kept).all()
    left = [len(strokes(new)) for new in new_labels]
    assert set(left) == {3, 4, 5}  # 10 to 50 % of six are gone
    for old, new in zip(labels, new_labels, strict=True):
        assert all((new == stroke).sum() == (old == stroke).sum() for stroke in strokes(new))


def test_removal_prefers_short_and_late_strokes() -> None:
    labels = np.zeros((1500, 60, 60), dtype=np.uint8)
    for stroke, length in ((1, 10), (2, 50), (3, 50), (4, 10)):
        labels[:, 10 * stroke, :length] = stroke
    _, new = remove_strokes(labels, labels, np.random.default_rng(2))
    gone = [float((new[:, 10 * stroke, 0] == 0).mean()) for stroke in (1, 2, 3, 4)]
    assert gone[3] > gone[0] + 0.03 > gone[2] + 0.1 > gone[1] + 0.1
    assert gone[1] > 0.02


def test_the_only_stroke_stays() -> None:
    labels = np.zeros((20, 30, 30), dtype=np.uint8)
    labels[:, 15, 3:27] = 8
    np.testing.assert_array_equal(remove_strokes(labels, labels, np.random.default_rng(3))[1], labels)


def test_deformation_bends_but_does_not_tear() -> None:
    pixels, labels = chairs(8)
    new_pixels, new_labels = deform_strokes(pixels, labels, np.random.default_rng(4))
    for before, after in zip(labels, new_labels, strict=True):
        assert strokes(after) == strokes(before)
        for stroke in strokes(before):
            rows, columns = (axis.mean() for axis in np.nonzero(before == stroke))
            new_rows, new_columns = (axis.mean() for axis in np.nonzero(after == stroke))
            assert np.hypot(new_rows - rows, new_columns - columns) < 0.08 * 256
    for before, after in zip(pixels, new_pixels, strict=True):
        pieces = cc3d.connected_components((after >= 100).astype(np.uint8), connectivity=8, return_N=True)[1]
        assert pieces <= 4  # two to begin with: the bar in the chair's back touches nothing
        assert 0.85 < after.sum(dtype=int) / before.sum(dtype=int) < 1.15


def test_disorder_takes_the_cuts_away() -> None:
    pixels, labels = chairs(3)
    labels[:, 120:124][labels[:, 120:124] > 0] = UNASSIGNED
    labels[2] = np.where(labels[2] > 0, UNASSIGNED, 0)
    new_pixels, new_labels = disorder_strokes(pixels, labels, np.random.default_rng(5))
    assert not (new_labels[:2] == UNASSIGNED).any()
    assert strokes(new_labels[0]) <= strokes(labels[0])
    np.testing.assert_array_equal(new_pixels[2], pixels[2])  # nothing can move, so it stays as it is
    np.testing.assert_array_equal(new_labels[2], labels[2])
    few, _ = disorder_strokes(*chairs(30), np.random.default_rng(6), share=0.01)
    many, _ = disorder_strokes(*chairs(30), np.random.default_rng(6), share=0.5)
    assert (many != ink(CHAIR)).sum() > 2 * (few != ink(CHAIR)).sum()
