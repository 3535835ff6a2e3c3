"""Stroke disorder: what is moved, how far, and the four maps that follow from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.strokes import UNASSIGNED, disorder, disordered_ink, recovery_map


@st.composite
def label_maps(draw: st.DrawFn) -> np.ndarray:
    """A batch of 1 to 3 drawings of bars, dots and blocks, some of them at the border, with unassigned ink on top."""
    side = draw(st.integers(1, 48))
    batch = np.zeros((draw(st.integers(1, 3)), side, side), dtype=np.uint8)
    place = st.integers(0, side - 1)
    for labels in batch:
        for label in draw(st.lists(st.sampled_from([1, 2, 3, 4, 5, 100, 254, UNASSIGNED]), max_size=8)):
            top, left = draw(place), draw(place)
            labels[top : top + draw(st.integers(1, side)), left : left + draw(st.integers(1, 8))] = label
    return batch


SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.floats(0, 1)


def plain_pool(maps: np.ndarray, size: int) -> np.ndarray:
    side = maps.shape[-1]
    edges = [(i * side // size, -(-(i + 1) * side // size)) for i in range(size)]
    return np.stack(
        [np.stack([maps[..., t:b, s:e].max(axis=(-2, -1)) for s, e in edges], axis=-1) for t, b in edges], axis=-2
    )


@given(labels=label_maps(), share=SHARES, seed=SEEDS)
def test_set_identities(labels: np.ndarray, share: float, seed: int) -> None:
    moved = disorder(labels, share, np.random.default_rng(seed))
    maps = recovery_map(labels, moved)
    assert maps.dtype == np.uint8
    assert maps.shape == (len(labels), 4, *labels.shape[1:])
    everything, after, fixed, before = maps.astype(bool).transpose(1, 0, 2, 3)
    unassigned = labels == UNASSIGNED
    np.testing.assert_array_equal(everything, labels > 0)
    np.testing.assert_array_equal(everything, fixed | before | unassigned)
    assert not (fixed & before).any() and not (unassigned & (fixed | before)).any()
    shades = np.where(labels > 0, 1 + np.arange(labels[0].size, dtype=np.float32).reshape(labels[0].shape), 0)
    disordered = disordered_ink(shades, labels, moved)
    np.testing.assert_array_equal(disordered > 0, after | fixed)
    np.testing.assert_array_equal(disordered[fixed & ~after], shades[fixed & ~after])

    for i, (selected, source) in enumerate(zip(moved.selected, moved.source, strict=True)):
        sizes = np.bincount(labels[i].ravel(), minlength=256)
        sizes[[0, UNASSIGNED]] = 0
        eligible = int((sizes > 20).sum())
        assert selected.sum() == min(max(1, math.ceil(share * (sizes > 0).sum() - 1e-9)), eligible)
        assert (sizes[selected] > 20).all()
        np.testing.assert_array_equal(before[i], selected[labels[i]])
        np.testing.assert_array_equal(after[i], source >= 0)
        assert after[i].any() == selected.any()  # what moves never leaves the drawing
        origins = source[source >= 0]
        assert selected[labels[i].ravel()[origins]].all()
        np.testing.assert_array_equal(disordered[i][after[i] & ~fixed[i]], origins[~fixed[i][source >= 0]] + 1)


@given(labels=label_maps(), share=SHARES, seed=SEEDS)
def test_a_single_stroke_keeps_its_size(labels: np.ndarray, share: float, seed: int) -> None:
    labels = (labels == 1).astype(np.uint8)
    maps = recovery_map(labels, disorder(labels, share, np.random.default_rng(seed))).astype(int)
    after, before = maps[:, 1].sum(axis=(1, 2)), maps[:, 3].sum(axis=(1, 2))
    # Turned, the staircase of its edges is another one, and at the border a step of it may be cut off.
    assert (abs(after - before) <= 0.25 * before + 4).all()


@given(labels=label_maps(), seed=SEEDS)
def test_no_motion_is_the_identity(labels: np.ndarray, seed: int) -> None:
    moved = disorder(labels, 0.0, np.random.default_rng(seed))
    own_place = np.arange(labels[0].size).reshape(labels.shape[1:])
    for i in range(len(labels)):
        np.testing.assert_array_equal(moved.source[i], np.where(moved.selected[i][labels[i]], own_place, -1))
    shades = np.where(labels > 0, 200, 0).astype(np.uint8)
    disordered = disordered_ink(shades, labels, moved)
    assert disordered.dtype == np.uint8
    np.testing.assert_array_equal(disordered, np.where(labels == UNASSIGNED, 0, shades))


@pytest.mark.parametrize(("side", "size"), [(224, 56), (299, 73), (35, 17), (20, 20), (9, 1)])
def test_reduced_as_adaptive_pooling_does(side: int, size: int) -> None:
    generator = np.random.default_rng(side)
    labels = np.where(generator.random((2, side, side)) < 0.02, generator.integers(1, 256, (2, side, side)), 0)
    labels = labels.astype(np.uint8)
    labels[0, :, side // 3] = 7
    moved = disorder(labels, 0.3, generator)
    reduced = recovery_map(labels, moved, size)
    np.testing.assert_array_equal(reduced, plain_pool(recovery_map(labels, moved), size))
    with pytest.raises(ValueError, match="cannot be reduced"):
        recovery_map(labels, moved, side + 1)


def test_reduced_as_torch_does() -> None:
    torch = pytest.importorskip("torch")
    labels = np.random.default_rng(0).integers(0, 2, (2, 299, 299)).astype(np.uint8) * 5
    moved = disorder(labels, 0.3, np.random.default_rng(1))
    full = torch.from_numpy(recovery_map(labels, moved)).float()
    np.testing.assert_array_equal(recovery_map(labels, moved, 73), torch.nn.AdaptiveMaxPool2d(73)(full).numpy())


@pytest.mark.parametrize(("strokes", "share", "expected"), [(10, 0.1, 1), (10, 0.3, 3), (14, 0.1, 2), (1, 0.3, 1)])
def test_how_many_move(strokes: int, share: float, expected: int) -> None:
    labels = np.zeros((5, 100, 100), dtype=np.uint8)
    labels[:, 5 : 5 + 6 * strokes : 6, 10:50] = np.arange(1, strokes + 1)[:, None]
    selected = disorder(labels, share, np.random.default_rng(0)).selected
    assert (selected.sum(axis=1) == expected).all()
    assert not selected[:, [0, *range(strokes + 1, 256)]].any()
    assert expected == strokes or len(np.unique(selected, axis=0)) > 1


def test_every_stroke_is_as_likely() -> None:
    labels = np.zeros((900, 40, 40), dtype=np.uint8)
    labels[:, 2:38:4, 2:32] = np.arange(1, 10)[:, None]
    often = disorder(labels, 0.3, np.random.default_rng(1)).selected.mean(axis=0)[1:10]
    np.testing.assert_allclose(often, 1 / 3, atol=0.07)


def test_the_law_of_motion() -> None:
    labels = np.zeros((500, 160, 120), dtype=np.uint8)
    labels[:, 79:82, 50:71] = 1  # a bar 21 x 3 about row 80, column 60
    moved = disorder(labels, 0.1, np.random.default_rng(2)).source >= 0
    rows, columns = (np.array([axis.mean() for axis in axes]) for axes in zip(*map(np.nonzero, moved), strict=True))
    assert abs(rows.mean() - 80) < 2 and abs(columns.mean() - 60) < 2
    np.testing.assert_allclose([rows.std(), columns.std()], [16, 12], rtol=0.1)
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.12

    turned = disorder(labels, 0.3, np.random.default_rng(3)).source
    angles = []
    for source in turned:
        row, column = np.nonzero(source >= 0)
        from_row, from_column = np.divmod(source[row, column], 120)
        before = (from_column - from_column.mean()) + 1j * (from_row - from_row.mean())
        after = (column - column.mean()) + 1j * (row - row.mean())
        angles.append(math.degrees(np.angle((after * before.conj()).sum())))
    assert abs(np.mean(angles)) < 2.5
    np.testing.assert_allclose(np.std(angles), 180 * 0.3**2, rtol=0.1)


def test_what_does_not_fit_turned_is_only_shifted() -> None:
    labels = np.zeros((30, 80, 80), dtype=np.uint8)
    labels[:, 20:50] = 9  # from border to border
    source = disorder(labels, 0.2, np.random.default_rng(4)).source
    for moved in source >= 0:
        assert moved.sum() == 30 * 80
        assert moved.all(axis=1).sum() == 30
    assert len({int(np.argmax(moved.any(axis=1))) for moved in source >= 0}) > 10


def test_ink_held_back_at_the_border_is_whole() -> None:
    labels = np.zeros((50, 60, 60), dtype=np.uint8)
    labels[:, :6, :10] = 3
    after = recovery_map(labels, disorder(labels, 1.0, np.random.default_rng(5)))[:, 1].sum(axis=(1, 2))
    assert ((after >= 48) & (after <= 70)).all()


@pytest.mark.parametrize("side", [1, 4, 64])
def test_blank_black_and_dots(side: int) -> None:
    generator = np.random.default_rng(6)
    blank = np.zeros((2, side, side), dtype=np.uint8)
    moved = disorder(blank, 0.3, generator)
    assert not moved.selected.any() and (moved.source == -1).all()
    assert not recovery_map(blank, moved).any()

    black = np.ones((2, side, side), dtype=np.uint8)
    moved = disorder(black, 0.3, generator)
    assert moved.selected[:, 1].all() == (side * side > 20)
    np.testing.assert_array_equal(disordered_ink(black, black, moved), black)  # there is nowhere to go

    dots = blank.copy()
    dots[:, ::2, ::2] = 1 + np.arange(dots[:, ::2, ::2][0].size).reshape(dots[0, ::2, ::2].shape) % 253
    np.testing.assert_array_equal(disorder(dots, 0.3, generator).selected.any(axis=1), [False, False])
    unassigned = np.full_like(blank, UNASSIGNED)
    assert not disorder(unassigned, 0.3, generator).selected.any()


def test_drawings_of_a_batch_do_not_mix() -> None:
    labels = np.zeros((3, 50, 50), dtype=np.uint8)
    labels[0, 5:10, 5:40], labels[2, 30:35, 5:40] = 1, 2
    moved = disorder(labels, 0.3, np.random.default_rng(7))
    assert [list(np.flatnonzero(row)) for row in moved.selected] == [[1], [], [2]]
    shades = np.stack([np.full((50, 50), value, dtype=np.uint8) for value in (10, 20, 30)])
    assert [set(np.unique(ink)) for ink in disordered_ink(shades, labels, moved)] == [{0, 10}, {0}, {0, 30}]


def test_the_same_seed_gives_the_same() -> None:
    labels = np.zeros((4, 64, 64), dtype=np.uint8)
    labels[:, 4:60:6, 4:50] = np.arange(1, 11)[:, None]
    one, two, other = (disorder(labels, 0.3, np.random.default_rng(seed)).source for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_refuses_another_share(share: float) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        disorder(np.zeros((1, 8, 8), dtype=np.uint8), share, np.random.default_rng(0))
