"""A photo's edges as strokes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sketchseek.strokes import edge_sketch


def disc(radius: float, colour: tuple[int, int, int] = (30, 80, 160), side: int = 256) -> np.ndarray:
    photo = Image.new("RGB", (side, side), (244, 243, 240))
    middle, reach = side / 2, radius * side
    ImageDraw.Draw(photo).ellipse((middle - reach, middle - reach, middle + reach, middle + reach), fill=colour)
    return np.asarray(photo)


@settings(max_examples=15)
@given(radius=st.floats(0.1, 0.4), side=st.sampled_from([128, 256, 300]))
def test_the_outline_is_drawn_where_it_is(radius: float, side: int) -> None:
    sketch = edge_sketch(disc(radius, side=side))
    points = sketch.points[:, :2] - 0.5
    assert np.abs(np.hypot(*points.T) - radius).max() < 3 / side
    angles = np.sort(np.arctan2(points[:, 1], points[:, 0]))
    assert np.diff(angles).max() < 0.5, "all the way round"


def test_a_change_of_colour_alone_is_an_edge() -> None:
    """Red and green of one brightness."""
    photo = np.zeros((256, 256, 3), dtype=np.uint8)
    photo[:, :128], photo[:, 128:] = (200, 0, 0), (0, 102, 0)
    columns = edge_sketch(photo).points[:, 0]
    assert len(columns) and np.abs(columns - 0.5).max() < 0.02


def test_grain_specks_and_an_empty_photo_are_not_drawn() -> None:
    generator = np.random.default_rng(0)
    grain = generator.normal(0, 4, (256, 256, 3))
    noisy = (disc(0.3) + grain).clip(0, 255).astype(np.uint8)
    noisy[20:23, 20:23] = 0
    distance = np.abs(np.hypot(*(edge_sketch(noisy).points[:, :2] - 0.5).T) - 0.3)
    assert distance.max() < 0.03
    assert not edge_sketch(np.full((256, 256, 3), 200, dtype=np.uint8)).strokes
    assert not edge_sketch((200 + grain / 4).astype(np.uint8)).strokes


def test_there_is_no_more_than_a_person_draws() -> None:
    """Of forty circles about half fit; the large ones come first."""
    photo = Image.new("RGB", (256, 256), "white")
    for index in range(40):
        x, y = 16 + 32 * (index % 8), 24 + 48 * (index // 8)
        reach = 13 if index % 2 else 8
        ImageDraw.Draw(photo).ellipse((x - reach, y - reach, x + reach, y + reach), fill="black")
    lengths = [np.hypot(*np.diff(stroke[:, :2], axis=0).T).sum() for stroke in edge_sketch(np.asarray(photo)).strokes]
    assert 6 < sum(lengths) < 9
    assert np.median(lengths) == pytest.approx(2 * np.pi * 13 / 256, rel=0.15)
