"""A confidence fitted on some drawings says of others how often the best photo is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.lab.datasets.pixels import photo_pixels
from sketchseek.lab.evaluation.calibration import (
    calibrate,
    calibration_curve,
    calibration_error,
    confidences,
    fit,
    lines_drawn,
)
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.matching import get_matcher
from sketchseek.model.encoder import Encoder
from sketchseek.strokes import Sketch


class MeanInk(Encoder):
    """A sketch is where its ink lies, blurred, plus noise; a photo the same of its dark pixels."""

    size = 16
    matcher = get_matcher("cosine")

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def encode_sketches(self, drawings: Sequence[Any]) -> dict[str, np.ndarray]:
        return self._encode(np.stack(drawings))

    def encode_photos(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        return self._encode(255 - pixels.mean(axis=3))

    def _encode(self, ink: np.ndarray) -> dict[str, np.ndarray]:
        vectors = ink.reshape(len(ink), -1) / 255
        seeds = (vectors @ np.arange(vectors.shape[1])).astype(np.int64)  # the same image has the same noise
        noise = np.stack([np.random.default_rng(seed).normal(size=vectors.shape[1]) for seed in seeds])
        vectors = vectors + self.noise * noise
        return {"vector": (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)}


def drawings(folder: Path, count: int, seed: int) -> Split:
    """Photos of random lines, and their sketches."""
    generator = np.random.default_rng(seed)
    photos, sketches = [], []
    folder.mkdir()
    for index in range(count):
        sketch = Sketch.from_arrays(np.cumsum(generator.normal(0, 0.06, (3, 20, 2)), axis=1) + 0.5)
        pixels = np.full((256, 256, 3), 255, np.uint8)
        xy = (sketch.points[:, :2].clip(0, 0.99) * 256).astype(int)
        for dx in range(-6, 7):
            for dy in range(-6, 7):
                pixels[(xy[:, 1] + dy).clip(0, 255), (xy[:, 0] + dx).clip(0, 255)] = 0
        Image.fromarray(pixels).save(folder / f"{index}.png")
        photos.append(Photo(f"{index}", folder / f"{index}.png"))
        sketches.append(SketchItem(f"{index}_1", index, strokes=sketch))
    return Split(tuple(photos), tuple(sketches))


def test_a_fitted_confidence_holds_for_other_drawings_whether_their_photo_is_there_or_not(tmp_path: Path) -> None:
    encoder: Encoder = MeanInk(noise=0.1)
    others = photo_pixels(drawings(tmp_path / "training", 40, seed=2).photos, encoder.size)
    confidence = calibrate(encoder, [(drawings(tmp_path / "validation", 60, seed=0), others)])
    assert confidence is not None and confidence.margin > 0
    split = drawings(tmp_path / "test", 60, seed=1)
    elsewhere = Split(drawings(tmp_path / "elsewhere", 60, seed=4).photos, split.sketches)
    stated, right = [], []
    for gallery, there in ((split, True), (elsewhere, False)):
        evaluation = evaluate(encoder, gallery, 20, as_framed=False)
        stated.append(confidences(confidence, evaluation, gallery, as_framed=False))
        right.append((evaluation.nearest[:, :, 0] == np.arange(60)[:, None]) & there)
    assert 0.05 < right[0].mean() < 0.95  # neither always nor never
    assert calibration_error(np.array(stated), np.array(right)) < 0.1
    assert stated[0][right[0]].mean() > stated[0][~right[0]].mean() + 0.1
    assert stated[1][:, -1].mean() < stated[0][:, -1].mean() - 0.1  # complete drawings


def test_too_few_drawings_give_none(tmp_path: Path) -> None:
    split = drawings(tmp_path / "few", 30, seed=0)
    assert calibrate(MeanInk(0.1), [(split, None)]) is None  # 30 sketches
    images = Split(split.photos, tuple(SketchItem(s.name, s.photo, tmp_path) for s in split.sketches * 2))
    assert calibrate(MeanInk(0.1), [(images, None)]) is None  # nobody knows how these grew


def test_a_drawing_is_ranked_among_photos_of_its_own_data_set(tmp_path: Path) -> None:
    hard, easy = drawings(tmp_path / "hard", 60, seed=0), drawings(tmp_path / "easy", 60, seed=3)
    nothing = np.full((60, 16, 16, 3), 255, np.uint8)  # photos of another data set, which no drawing resembles
    apart = calibrate(MeanInk(0.1), [(hard, None), (Split(easy.photos, ()), nothing)])
    assert apart is not None and apart == calibrate(MeanInk(0.1), [(hard, None)])


def test_the_fit_finds_the_model_that_made_the_data() -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(50_000, 5))
    truth = np.array([1.5, -0.5, 1.0, -0.8, 0.7])
    right = generator.random(50_000) < 1 / (1 + np.exp(-(inputs @ truth + 0.3)))
    found = fit(inputs, right)
    assert list(found.to_json().values()) == pytest.approx([*truth[:4], 0.3, truth[4]], abs=0.06)
    assert np.isfinite(list(fit(inputs, np.ones(50_000, bool)).to_json().values())).all()  # always right


def test_the_calibration_error_by_hand() -> None:
    stated = np.repeat([0.2, 0.8], 50)
    right = np.tile(np.arange(10) < 5, 10)
    assert calibration_error(stated, right) == pytest.approx(0.3)
    assert calibration_curve(stated, right)[:, 2].tolist() == [10] * 10
    assert calibration_error(np.array([0.25]), np.array([True])) == pytest.approx(0.75)


@given(arrays(np.float64, (6, 5), elements=st.floats(0, 1)), arrays(np.bool_, (6, 5)))
def test_the_calibration_error_lies_between_the_gap_of_the_means_and_one(stated: np.ndarray, right: np.ndarray) -> None:
    error = calibration_error(stated, right)
    assert abs(stated.mean() - right.mean()) - 1e-12 <= error <= 1


def test_lines_are_measured_in_canvas_widths_without_the_jumps_of_the_pen() -> None:
    sketch = Sketch.from_arrays([[[0.1, 0.1], [0.1, 0.6]], [[0.9, 0.6], [0.6, 0.2]]])
    assert lines_drawn(SketchItem("s", 0, strokes=sketch), 2) == pytest.approx([0.5, 1.0])


def test_frames_are_measured_by_their_ink(tmp_path: Path) -> None:
    frames = []
    for name, length in (("1", 64), ("2", 128)):
        pixels = np.full((256, 256), 255, np.uint8)
        pixels[100:103, 20 : 20 + length] = 0
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        frames.append(tmp_path / f"{name}.png")
    item = SketchItem("s", 0, frames[-1], frames=tuple(frames))
    assert lines_drawn(item, 2) == pytest.approx([0.25, 0.5])
