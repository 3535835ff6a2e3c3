"""Strokes out of pixels: pieces that are connected, cut where lines meet, traced along their middle."""

from __future__ import annotations

from pathlib import Path

import cc3d
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes import Sketch, extract_strokes, ink, rasterise, read_qmul, recover_sketch, trace
from sketchseek.strokes.tracing import skeleton

CHAIR = Sketch.from_arrays(
    [
        [[0.25, 0.2], [0.3, 0.5], [0.7, 0.5], [0.75, 0.2], [0.25, 0.2]],
        [[0.3, 0.5], [0.25, 0.85]],
        [[0.7, 0.5], [0.75, 0.85]],
        [[0.4, 0.5], [0.4, 0.75]],
        [[0.6, 0.5], [0.6, 0.75]],
        [[0.35, 0.3], [0.65, 0.3]],
        [[0.27, 0.7], [0.73, 0.7]],
    ]
)


def pieces(mask: np.ndarray) -> int:
    return int(cc3d.connected_components(mask.astype(np.uint8), connectivity=8, return_N=True)[1])


def check(mask: np.ndarray, labels: np.ndarray) -> None:
    assert labels.shape == mask.shape
    assert labels.dtype in (np.uint8, np.uint16)
    assert not labels[~mask].any()
    count = int(labels.max(initial=0))
    for label in range(1, count + 1):
        assert pieces(labels == label) == 1
    assert pieces(labels > 0) == count  # so no two of them touch
    assert (count > 0) == bool(mask.any())


def test_a_chair_is_cut_into_ten() -> None:
    mask = rasterise(CHAIR)
    labels = extract_strokes(mask)
    check(mask, labels)
    assert 10 <= labels.max() <= 13
    assert (labels > 0).sum() > 0.85 * mask.sum()
    check(mask, extract_strokes(mask, strokes=3))
    assert extract_strokes(mask, strokes=3).max() < labels.max()
    np.testing.assert_array_equal(extract_strokes(mask), labels)


def test_a_cross_is_cut_near_its_crossing() -> None:
    mask = rasterise(Sketch.from_arrays([[[0.2, 0.5], [0.8, 0.5]], [[0.5, 0.3], [0.5, 0.7]]]))
    labels = extract_strokes(mask, strokes=2)
    check(mask, labels)
    assert labels.max() >= 2
    rows, columns = np.nonzero(mask & (labels == 0))
    assert 0 < len(rows) < 0.05 * mask.sum()
    assert np.hypot(rows - 128, columns - 128).max() < 32


def test_enough_pieces_are_left_alone() -> None:
    mask = np.zeros((100, 100), dtype=bool)
    mask[5::9, 5:60] = True
    labels = extract_strokes(mask)
    assert labels.max() == 11
    np.testing.assert_array_equal(labels > 0, mask)


@pytest.mark.parametrize("shape", [(224, 224), (1, 1), (1, 300), (40, 7), (0, 0)])
def test_blank_and_black(shape: tuple[int, int]) -> None:
    blank, black = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)
    check(blank, extract_strokes(blank))
    check(black, extract_strokes(black))
    if black.size:
        assert len(trace(extract_strokes(black))) > 0
    assert not trace(extract_strokes(blank)).strokes


def test_more_pieces_than_a_byte_holds() -> None:
    dots = np.zeros((60, 60), dtype=bool)
    dots[::2, ::2] = True
    labels = extract_strokes(dots)
    assert labels.dtype == np.uint16 and labels.max() == 900
    assert [len(stroke) for stroke in trace(labels).strokes] == [1] * 900


masks = arrays.arrays(
    bool, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.booleans(), fill=st.booleans()
)


@given(mask=masks, strokes=st.integers(1, 12))
def test_any_pixels(mask: np.ndarray, strokes: int) -> None:
    labels = extract_strokes(mask, strokes)
    if labels.max(initial=0) or not mask.any():
        check(mask, labels)
    sketch = trace(labels)
    assert len(sketch.strokes) >= labels.max(initial=0)
    assert ((sketch.points[:, :2] >= 0) & (sketch.points[:, :2] < 1)).all()


@given(mask=masks)
def test_thinning_keeps_every_piece_whole(mask: np.ndarray) -> None:
    thin = skeleton(mask.astype(np.uint8))
    assert not (thin & ~mask).any()
    assert pieces(thin) == pieces(mask)
    labels = cc3d.connected_components(mask.astype(np.uint8), connectivity=8)
    assert len(np.unique(labels[thin])) == len(np.unique(labels[mask]))


def test_thin_lines_are_one_pixel_wide() -> None:
    thin = skeleton(rasterise(CHAIR).astype(np.uint8))
    blocks = thin[:-1, :-1].astype(int) + thin[1:, :-1] + thin[:-1, 1:] + thin[1:, 1:]
    assert blocks.max() <= 3


def test_recovered_strokes_draw_the_drawing_again() -> None:
    pixels = ink(CHAIR)
    sketch = recover_sketch(pixels)
    assert 10 <= len(sketch.strokes) <= 30
    again = ink(sketch)
    assert ((again > 0) & (pixels > 0)).sum() > 0.85 * (pixels > 0).sum()
    assert ((again > 0) & (pixels == 0)).sum() < 0.1 * (pixels > 0).sum()


def test_recovered_at_any_size() -> None:
    sketch = recover_sketch(np.kron(ink(CHAIR), np.ones((5, 5), dtype=np.uint8)))
    again = ink(sketch) > 0
    assert (again & rasterise(CHAIR)).sum() > 0.75 * rasterise(CHAIR).sum()


def test_silhouette_first_and_details_last() -> None:
    labels = np.zeros((200, 200), dtype=np.uint8)
    labels[100, 95:105] = 1  # a detail in the middle
    labels[60:140, 50] = 2
    labels[20, 20:180] = 3  # the longest, outermost
    sketch = trace(labels)
    assert [round(float(np.ptp(stroke[:, :2], axis=0).max()) * 200) for stroke in sketch.strokes] == [159, 79, 9]


def test_real_sketches(shared: Path) -> None:
    sketches = read_qmul(shared / "data" / "qmul-chairv2" / "ChairV2_Coordinate")
    for key in sorted(sketches)[::60]:
        mask = rasterise(sketches[key])
        labels = extract_strokes(mask)
        check(mask, labels)
        assert labels.max() >= 10
        assert (rasterise(trace(labels)) & mask).sum() > 0.75 * mask.sum()


@pytest.mark.slow
def test_many_real_sketches(shared: Path) -> None:
    """Each stroke is one connected piece, and there are as many as asked for, at the size that networks see."""
    sketches = read_qmul(shared / "data" / "qmul-chairv2" / "ChairV2_Coordinate")
    for key in sorted(sketches)[::5]:
        mask = prepare_sketch(sketches[key], 224) >= 128
        labels = extract_strokes(mask)
        assert not labels[~mask].any()
        found, count = cc3d.connected_components((labels > 0).astype(np.uint8), connectivity=8, return_N=True)
        # Strokes touch nowhere, so the pieces of all ink are the strokes one by one.
        assert len(np.unique(found.astype(int) * 256 + labels)) == count + 1 == labels.max() + 1
        assert count >= 10 or np.bincount(labels.ravel())[1:].max() < 40
