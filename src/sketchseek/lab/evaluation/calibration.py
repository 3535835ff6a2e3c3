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
from sketchseek.strokes.placing import placement

STEPS = 20
MAX_SKETCHES, MAX_DISTRACTORS = 200, 500  # used in fitting; limits the time, which is part of training
ENOUGH_SKETCHES = 50
ENOUGH_PHOTOS = SCORES
LEAST_GALLERY = 8
RIDGE = 0.1  # keeps coefficients finite that the data do not determine
BINS = 10
LINE_WIDTH = 3  # pixels of the canvas


def calibrate(
    encoder: Encoder, datasets: Sequence[tuple[Split, NDArray[np.uint8] | None]], seed: int = 0
) -> Confidence | None:
    """Fit a model's confidence on validation drawings, 20 steps each, ranked in random galleries of 8 to all photos.

    ``datasets`` are validation splits, each with photos of its training part, uint8 ``[n, S, S, 3]``, or None. The
    training photos serve as distractors: with them galleries can be larger than the few validation photos, so the
    confidence needs less extrapolation. For galleries larger than all of these, its logit is linear in the logarithm of
    the number of photos. Drawings are placed as in the app.

    Whoever draws may look for a photo that is not there. So each drawing is searched with its photo in the gallery and
    without it, among photos of its own data set and of all, and among those of the other data sets, where nothing is
    of its kind.

    Returns None if fewer than 50 sketches have strokes or frames in a data set of at least 24 photos.
    """
    usable = []
    for split, distractors in datasets:
        sketches = [s for s in split.sketches if has_steps(s)]
        if len(split.photos) + (0 if distractors is None else len(distractors)) >= ENOUGH_PHOTOS and sketches:
            usable.append((split, sketches, distractors))
    if sum(len(sketches) for _, sketches, _ in usable) < ENOUGH_SKETCHES:
        return None
    pixels = []
    for split, _, distractors in usable:
        pixels.append(photo_pixels(split.photos, encoder.size))
        if distractors is not None:
            pixels[-1] = np.concatenate([pixels[-1], distractors[:: max(1, -(-len(distractors) // MAX_DISTRACTORS))]])
    ends = np.cumsum([len(of_set) for of_set in pixels])
    photos = encoder.matcher.prepared(encoder.encode_photos(np.concatenate(pixels)))
    every = np.arange(ends[-1])
    generator = np.random.default_rng(seed)
    inputs, right = [], []
    for (_, sketches, _), own in zip(usable, np.split(every, ends[:-1]), strict=True):
        others = np.setdiff1d(every, own)
        for index in np.linspace(0, len(sketches) - 1, min(len(sketches), MAX_SKETCHES // len(usable))).astype(int):
            sketch = sketches[index]
            frames = encode_episodes(encoder, sketch_frames(sketch, STEPS, encoder.size, as_framed=False)[None])
            similarity = encoder.matcher.similarity(frames, photos)
            ink, photo = lines_drawn(sketch, STEPS, as_framed=False), int(own[sketch.photo])
            for among, there in ((own, True), (own, False), (every, True), (every, False), (others, False)):
                if not len(among):  # there is one data set
                    continue
                gallery = _random_gallery(generator, among, photo, there)
                of_drawing = ConfidenceInputs(len(gallery))
                for scores, length in zip(similarity[:, gallery], ink.tolist(), strict=True):
                    order = np.argsort(-scores, kind="stable")
                    inputs.append(of_drawing.update(int(order[0]), scores[order[:SCORES]].tolist(), length))
                    right.append(gallery[order[0]] == photo)
    return fit(np.array(inputs), np.array(right))


def fit(inputs: NDArray[np.float64], right: NDArray[np.bool_]) -> Confidence:
    """Logistic regression of ``right [n]`` on ``inputs [n, 5]`` with a small ridge penalty, by Newton's method."""
    x = np.column_stack([inputs, np.ones(len(inputs))])
    ridge = RIDGE * np.diag([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    weights = np.zeros(len(ridge))
    for _ in range(30):
        probability = 0.5 * (1 + np.tanh(x @ weights / 2))
        gradient = x.T @ (probability - right) + ridge @ weights
        curvature = (x * (probability * (1 - probability) + 1e-9)[:, None]).T @ x + ridge
        weights -= np.linalg.solve(curvature, gradient)
    margin, stability, log_ink, log_gallery, score, intercept = weights.tolist()
    return Confidence(margin, stability, log_ink, log_gallery, intercept, score)


def confidences(
    confidence: Confidence, evaluation: Evaluation, split: Split, as_framed: bool = True
) -> NDArray[np.float64]:
    """The confidence in the first photo that a live session would show at each step, 0..1, ``[queries, steps]``."""
    result = []
    for query, sketch in enumerate(split.sketches):
        tracker = ConfidenceTracker(confidence, evaluation.gallery)
        ink = lines_drawn(sketch, evaluation.steps, as_framed)
        best, scores = evaluation.nearest[query, :, 0].tolist(), evaluation.scores[query].tolist()
        result.append([tracker.update(*moment) for moment in zip(best, scores, ink.tolist(), strict=True)])
    return np.array(result, dtype=np.float64)


def calibration_curve(
    probability: NDArray[np.floating[Any]], right: NDArray[np.bool_], bins: int = BINS
) -> NDArray[np.float64]:
    """Mean probability, accuracy and number of answers in each bin, ``[bins, 3]``.

    ``probability`` and ``right`` have the same shape, with one value for each answer. Bins have equal counts, and are
    ordered by probability.
    """
    order = np.argsort(probability, axis=None, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    flat, hit = probability.reshape(-1), right.reshape(-1)
    return np.array([[flat[part].mean(), hit[part].mean(), len(part)] for part in parts])


def calibration_error(probability: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> float:
    """The expected calibration error, 0..1 (Nguyen and O'Connor, EMNLP 2015).

    It is the mean difference between accuracy and stated probability over ten bins of equal count.
    """
    stated, found, count = calibration_curve(probability, right).T
    return float(np.average(np.abs(stated - found), weights=count))


def lines_drawn(sketch: SketchItem, steps: int, as_framed: bool = True) -> NDArray[np.float64]:
    """The total length of lines at each step, in sides of the canvas, ``[steps]``; ``as_framed`` as in
    ``sketch_frames``.

    For a sketch that has only frames it is estimated as the ink divided by the width of the rasteriser's lines.
    """
    if sketch.strokes is None:
        return sketch_frames(sketch, steps, CANVAS, as_framed).sum(axis=(1, 2)) / (255 * LINE_WIDTH * CANVAS)
    points, stroke = sketch.strokes.points, sketch.strokes.stroke_of_point
    lengths = np.hypot(*np.diff(points[:, :2], axis=0).T)
    lengths[np.diff(stroke) > 0] = 0  # the pen is up
    drawn = np.concatenate([[0], np.cumsum(lengths)])[last_points(len(points), steps)]
    if as_framed:
        return drawn
    return drawn * [placement(frame).scale for frame in sketch_frames(sketch, steps, CANVAS)]


def _random_gallery(
    generator: np.random.Generator, among: NDArray[np.intp], right: int, there: bool
) -> NDArray[np.intp]:
    """Random photos of ``among``, 8 to all, with a log-uniform number of photos; with the right one or without it."""
    others = generator.permutation(among[among != right])
    count = round(math.exp(generator.uniform(math.log(LEAST_GALLERY), math.log(len(others) + there))))
    return np.append(others[: count - 1], right) if there else others[:count]  # last, so that a tie counts against it
