"""Fit the confidence of a model on validation drawings, and measure its calibration on others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.lab.datasets.base import SketchItem, Split
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_frames
from sketchseek.lab.evaluation.evaluate import Evaluation, has_steps
from sketchseek.model.confidence import SCORES, Confidence, ConfidenceInputs, ConfidenceTracker
from sketchseek.model.encoder import Encoder, encode_episodes
from sketchseek.strokes import CANVAS, last_points

STEPS = 20
MAX_SKETCHES, MAX_DISTRACTORS = 200, 500  # to fit on; the time this takes is part of training
ENOUGH_SKETCHES = 50
ENOUGH_PHOTOS = SCORES
LEAST_GALLERY = 8
GALLERIES = 5  # random ones for each sketch
RIDGE = 0.1  # keeps coefficients finite that the drawings do not determine
BINS = 10
LINE_WIDTH = 3  # pixels of the canvas


def calibrate(
    encoder: Encoder, datasets: Sequence[tuple[Split, NDArray[np.uint8] | None]], seed: int = 0
) -> Confidence | None:
    """Fit a model's confidence on validation drawings, 20 steps each, ranked in random galleries of 8 to all photos.

    ``datasets`` are validation splits, each with photos of its training part, uint8 ``[n, S, S, 3]``, or None. The
    training photos serve as distractors: they make galleries possible that are larger than the few validation photos,
    so the confidence extrapolates less. Beyond the largest gallery its logit is linear in the logarithm of the number
    of photos. Each gallery is of one data set, as photos of other kinds would make a search too easy.

    None where fewer than 50 sketches have strokes or frames in a data set of at least 24 photos.
    """
    usable = []
    for split, distractors in datasets:
        sketches = [s for s in split.sketches if has_steps(s)]
        if len(split.photos) + (0 if distractors is None else len(distractors)) >= ENOUGH_PHOTOS and sketches:
            usable.append((split, sketches, distractors))
    if sum(len(sketches) for _, sketches, _ in usable) < ENOUGH_SKETCHES:
        return None
    generator = np.random.default_rng(seed)
    inputs, right = [], []
    for split, sketches, distractors in usable:
        pixels = photo_pixels(split.photos, encoder.size)
        if distractors is not None:
            pixels = np.concatenate([pixels, distractors[:: max(1, -(-len(distractors) // MAX_DISTRACTORS))]])
        photos = encoder.encode_photos(pixels)
        count = min(len(sketches), MAX_SKETCHES // len(usable))
        for index in np.linspace(0, len(sketches) - 1, count).astype(int):
            sketch = sketches[index]
            frames = encode_episodes(encoder, sketch_frames(sketch, STEPS, encoder.size)[None])
            similarity = np.asarray(encoder.matcher.similarity(frames, photos))
            ink = lines_drawn(sketch, STEPS)
            for _ in range(GALLERIES):
                gallery = _random_gallery(generator, len(pixels), sketch.photo)
                of_drawing = ConfidenceInputs(len(gallery))
                for scores, length in zip(similarity[:, gallery], ink.tolist(), strict=True):
                    order = np.argsort(-scores, kind="stable")
                    inputs.append(of_drawing.update(int(order[0]), scores[order[:SCORES]].tolist(), length))
                    right.append(gallery[order[0]] == sketch.photo)
    return fit(np.array(inputs), np.array(right))


def fit(inputs: NDArray[np.float64], right: NDArray[np.bool_]) -> Confidence:
    """The logistic model of ``right [n]`` given ``inputs [n, 4]``: maximum likelihood with a small ridge, by Newton's
    method.
    """
    x = np.column_stack([inputs, np.ones(len(inputs))])
    ridge = RIDGE * np.diag([1.0, 1.0, 1.0, 1.0, 0.0])
    weights = np.zeros(len(ridge))
    for _ in range(30):
        probability = 0.5 * (1 + np.tanh(x @ weights / 2))
        gradient = x.T @ (probability - right) + ridge @ weights
        curvature = (x * (probability * (1 - probability) + 1e-9)[:, None]).T @ x + ridge
        weights -= np.linalg.solve(curvature, gradient)
    return Confidence(*weights.tolist())


def confidences(confidence: Confidence, evaluation: Evaluation, split: Split) -> NDArray[np.float64]:
    """The confidence in the first photo that a live session states at each step, 0..1, ``[queries, steps]``."""
    result = []
    for query, sketch in enumerate(split.sketches):
        tracker = ConfidenceTracker(confidence, evaluation.gallery)
        ink = lines_drawn(sketch, evaluation.steps)
        best, scores = evaluation.nearest[query, :, 0].tolist(), evaluation.scores[query].tolist()
        result.append([tracker.update(*moment) for moment in zip(best, scores, ink.tolist(), strict=True)])
    return np.array(result, dtype=np.float64)


def calibration_curve(
    probability: NDArray[np.floating[Any]], right: NDArray[np.bool_], bins: int = BINS
) -> NDArray[np.float64]:
    """Mean probability, accuracy and number of answers of each bin, ``[bins, 3]``.

    ``probability`` and ``right`` have one value an answer, in the same shape; bins are of equal count, in order of the
    probability.
    """
    order = np.argsort(probability, axis=None, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    flat, hit = probability.reshape(-1), right.reshape(-1)
    return np.array([[flat[part].mean(), hit[part].mean(), len(part)] for part in parts])


def calibration_error(probability: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> float:
    """The expected calibration error, 0..1: the mean gap between accuracy and stated probability, over ten bins of
    equal count (Nguyen and O'Connor, EMNLP 2015).
    """
    stated, found, count = calibration_curve(probability, right).T
    return float(np.average(np.abs(stated - found), weights=count))


def lines_drawn(sketch: SketchItem, steps: int) -> NDArray[np.float64]:
    """The length of all lines at each step, in canvas widths, ``[steps]``. Of a sketch that has frames only it is
    estimated: the ink divided by the width of the rasteriser's lines.
    """
    if sketch.strokes is None:
        return sketch_frames(sketch, steps, CANVAS).sum(axis=(1, 2)) / (255 * LINE_WIDTH * CANVAS)
    points, stroke = sketch.strokes.points, sketch.strokes.stroke_of_point
    way = np.hypot(*np.diff(points[:, :2], axis=0).T)
    way[np.diff(stroke) > 0] = 0  # the pen is up
    return np.concatenate([[0], np.cumsum(way)])[last_points(len(points), steps)]


def _random_gallery(generator: np.random.Generator, photos: int, right: int) -> NDArray[np.intp]:
    """The right photo and random others, 8 to all photos; the logarithm of their number is uniform."""
    count = round(math.exp(generator.uniform(math.log(LEAST_GALLERY), math.log(photos))))
    others = generator.permutation(photos)
    return np.append(others[others != right][: count - 1], right)  # last, so that a tie counts against it
