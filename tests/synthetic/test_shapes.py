"""Solids must be closed and face outward, or the renderer, which draws only what faces the camera, shows holes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sketchseek.synthetic.raster import NO_TRIANGLE, rasterise_triangles
from sketchseek.synthetic.shapes import (
    Solid,
    bar,
    box,
    circle,
    curve,
    cushion,
    lathe,
    merge,
    rectangle,
    sheet,
    slab,
    sweep,
    volume,
)

size = st.floats(0.05, 2.0)


def is_closed(solid: Solid) -> bool:
    """The faces of a closed surface cancel out, seen from any side."""
    a, b, c = (solid.corners[:, k] for k in range(3))
    area = np.cross(b - a, c - a) / 2
    return bool(np.abs(area.sum(axis=0)).max() < 1e-6 * np.abs(area).sum())


def normals_face_outward(solid: Solid) -> bool:
    a, b, c = (solid.corners[:, k] for k in range(3))
    face = np.cross(b - a, c - a)
    length = np.sqrt((solid.normals**2).sum(axis=2))
    return bool(((face[:, None] * solid.normals).sum(axis=2) >= 0).all() and np.allclose(length[length > 0.5], 1))


@given(size, size, size)
@settings(max_examples=25)
def test_box(width: float, height: float, depth: float) -> None:
    solid = box(width, height, depth)
    assert is_closed(solid) and normals_face_outward(solid)
    assert 0.85 * width * height * depth < volume(solid) <= width * height * depth * 1.0001
    assert np.allclose(np.ptp(solid.corners.reshape(-1, 3), axis=0), [width, height, depth])
    assert solid.corners[..., 1].min() == pytest.approx(0, abs=1e-12)
    assert len(np.unique(solid.group)) == 6


@pytest.mark.parametrize(
    ("solid", "expected"),
    [
        (lathe([(0, 0), (1, 0), (1, 2), (0, 2)], 64), 2 * np.pi),
        (bar((0, 0, 0), (0, 3, 0), circle(0.5, 64)), 0.75 * np.pi),
        (slab(rectangle(2, 1), 0.5), 1.0),
        (cushion(2, 2, 2, 2), 4 / 3 * np.pi),
        (
            sheet(np.stack([*np.meshgrid(np.linspace(0, 2, 5), np.linspace(0, 1, 4)), np.zeros((4, 5))], axis=2), 0.1),
            0.2,
        ),
        (sweep(curve([(0, 0, 0), (1, 1, 0), (2, 0, 0)], 20), 0.1), 0.0315 * 2.9),
    ],
)
def test_other_solids(solid: Solid, expected: float) -> None:
    assert is_closed(solid) and normals_face_outward(solid)
    assert volume(solid) == pytest.approx(expected, rel=0.1)


def test_moving_turning_and_mirroring_keep_a_solid_whole() -> None:
    solid = box(1, 2, 3)
    for other in (solid.moved(1, 2, 3), solid.rotated("x", 30).rotated("z", -70), solid.moved(2).mirrored()):
        assert is_closed(other) and normals_face_outward(other)
        assert volume(other) == pytest.approx(volume(solid))
    both = merge([solid, solid.moved(3)])
    assert len(np.unique(both.group)) == 12


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_rasteriser_against_the_plain_way(seed: int) -> None:
    rng = np.random.default_rng(seed)
    xy, depth = rng.uniform(-5, 37, (6, 3, 2)), rng.uniform(0, 1, (6, 3))
    triangle, nearest = rasterise_triangles(xy, depth, 32)
    for row in range(32):
        for column in range(32):
            x, y = column + 0.5, row + 0.5
            best, hit = np.inf, NO_TRIANGLE
            for t in range(6):
                (ax, ay), (bx, by), (cx, cy) = xy[t]
                area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
                u = ((x - ax) * (cy - ay) - (cx - ax) * (y - ay)) / area
                v = ((bx - ax) * (y - ay) - (x - ax) * (by - ay)) / area
                value = depth[t, 0] + u * (depth[t, 1] - depth[t, 0]) + v * (depth[t, 2] - depth[t, 0])
                if min(u, v, 1 - u - v) >= 0 and value < best:
                    best, hit = value, t
            assert triangle[row, column] == hit
            assert nearest[row, column] == pytest.approx(best, abs=1e-6)
