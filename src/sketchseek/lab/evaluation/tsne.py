"""Exact t-SNE (van der Maaten and Hinton, JMLR 2008), for up to about a thousand points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Matrix = NDArray[np.float64]

STEPS = 500
EXAGGERATION, EXAGGERATED_STEPS = 12.0, 125
MOMENTUM = (0.5, 0.8)  # during early exaggeration, and afterwards


def tsne(points: NDArray[np.floating], perplexity: float = 30.0) -> _Matrix:
    """Positions in the plane, ``[n, 2]``, for ``points [n, d]``, which keep neighbours close to each other.

    Initialised with the principal components, so the result is deterministic. ``perplexity``, about the number of
    neighbours of a point, is limited to a third of the number of other points. Memory and the time for a step are
    O(n^2).
    """
    count = len(points)
    if count < 3:
        return np.arange(2.0 * count).reshape(count, 2)
    centred = points.astype(np.float64) - points.mean(0)
    affinities = _affinities(_squared_distances(centred), min(perplexity, (count - 1) / 3))
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.pad(left * singular, ((0, 0), (0, 2)))[:, :2]  # a line has one component only
    places *= 1e-4 / max(places[:, 0].std(), 1e-12)
    velocity, gains = np.zeros_like(places), np.ones_like(places)
    rate = max(count / EXAGGERATION / 4, 50.0)
    for step in range(STEPS):
        early = step < EXAGGERATED_STEPS
        gradient = _gradient(places, affinities * EXAGGERATION if early else affinities)
        gains = np.where(np.sign(gradient) == np.sign(velocity), gains * 0.8, gains + 0.2).clip(0.01)
        velocity = MOMENTUM[not early] * velocity - rate * gains * gradient
        places += velocity
        places -= places.mean(0)
    return places


def _gradient(places: _Matrix, affinities: _Matrix) -> _Matrix:
    """The gradient of the Kullback-Leibler divergence between ``affinities`` and those of the positions (Eq. 5)."""
    closeness = 1 / (1 + _squared_distances(places))
    np.fill_diagonal(closeness, 0)
    pull = (affinities - closeness / closeness.sum()) * closeness
    return 4 * (pull.sum(1)[:, None] * places - pull @ places)


def _affinities(squared: _Matrix, perplexity: float) -> _Matrix:
    """Symmetric affinities with sum 1 (Eqs 1 and 2); the width of each point's Gaussian is found by bisection."""
    count = len(squared)
    low, high = np.zeros(count), np.full(count, np.inf)
    precision = 1 / np.maximum(squared.mean(1), 1e-12)
    others = ~np.eye(count, dtype=bool)
    nearest = np.where(others, squared, np.inf).min(1)[:, None]
    for _ in range(60):
        weight = np.exp(-(squared - nearest) * precision[:, None]) * others
        total = weight.sum(1)
        entropy = np.log(total) + precision * ((squared - nearest) * weight).sum(1) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, precision, low), np.where(wide, high, precision)
        precision = np.where(np.isinf(high), low * 2, (low + high) / 2)
    conditional = weight / total[:, None]
    return np.maximum((conditional + conditional.T) / (2 * count), 1e-12)


def _squared_distances(points: _Matrix) -> _Matrix:
    norms = np.square(points).sum(1)
    return np.maximum(norms[:, None] + norms - 2 * points @ points.T, 0)
