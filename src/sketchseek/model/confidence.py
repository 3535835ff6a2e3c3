"""The probability that the best photo is the right one, while somebody draws.

A logistic regression. Its inputs are computed from the results of one drawing as it grows (``ConfidenceInputs``). Its
coefficients are fitted to drawings not seen in training, and stored in the model folder's config (``Confidence``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError

SCORES = 24  # how many of the best scores give the standard deviation that scales the margin
LITTLE_INK = 0.1  # canvas widths; keeps the logarithm finite, and levels drawings with less ink than this


@dataclass(frozen=True)
class Confidence:
    """The coefficients of the regression, one for each input of ``ConfidenceInputs.update``, and the intercept."""

    margin: float
    stability: float
    log_ink: float
    log_gallery: float
    intercept: float
    score: float = 0.0  # models that were calibrated earlier have none

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Confidence:
        """Build from the config's JSON. Raises InputError where the coefficients are not those of this class."""
        try:
            return cls(**{name: float(value) for name, value in values.items()})
        except (TypeError, ValueError, AttributeError):
            raise InputError("confidence: not the coefficients known here; train or export the model again") from None

    def to_json(self) -> dict[str, float]:
        """As ``from_json`` takes it."""
        return asdict(self)

    def probability(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability, 0..1, that the best photo is the right one, for inputs ``[..., 5]``. Returns ``[...]``."""
        weights = np.array([self.margin, self.stability, self.log_ink, self.log_gallery, self.score])
        logit = inputs @ weights + self.intercept
        return np.asarray(0.5 * (1 + np.tanh(logit / 2)))


class ConfidenceInputs:
    """Computes the inputs of the regression, update by update, from the results of one drawing as it grows."""

    def __init__(self, gallery: int) -> None:
        """``gallery`` is the number of photos in the gallery."""
        self._log_gallery = math.log(max(gallery, 1))
        self._best: str | int | None = None
        self._since = 0.0  # the amount of ink when the best photo became the best

    def update(self, best: str | int | None, scores: Sequence[float], ink: float) -> NDArray[np.float64] | None:
        """The inputs ``[5]`` for the newest results, None where fewer than two photos were found.

        ``best`` identifies the best photo, ``scores`` are those of the photos found, best first, and ``ink`` is the
        length of all lines drawn so far, in canvas widths. The inputs are

        - margin: the best score minus the second, over the standard deviation of the first 24;
        - stability: how much was drawn since the best photo became the best, at most 1 canvas width;
        - log_ink: ln(ink + 0.1), because the margin of a few lines says less than that of a whole drawing;
        - log_gallery: ln(number of photos);
        - score: the best score, which is low where nothing like the drawing is in the gallery.
        """
        if best is None or len(scores) < 2:
            self._best = None
            return None
        if best != self._best:
            self._best, self._since = best, ink
        self._since = min(self._since, ink)  # where lines were erased
        first = np.asarray(scores[:SCORES], dtype=np.float64)
        spread = float(first.std())
        margin = float(first[0] - first[1]) / spread if spread > 0 else 0.0
        settled = min(ink - self._since, 1.0)
        return np.array([margin, settled, math.log(ink + LITTLE_INK), self._log_gallery, first[0]])


class ConfidenceTracker:
    """Follows one drawing as it grows and says how likely its best photo is the right one."""

    def __init__(self, confidence: Confidence, gallery: int) -> None:
        self._confidence = confidence
        self._inputs = ConfidenceInputs(gallery)

    def update(self, best: str | int | None, scores: Sequence[float], ink: float) -> float | None:
        """The probability, 0..1, that ``best`` is the right photo; None where fewer than two photos were found.

        Arguments as ``ConfidenceInputs.update``.
        """
        inputs = self._inputs.update(best, scores, ink)
        return None if inputs is None else float(self._confidence.probability(inputs))
