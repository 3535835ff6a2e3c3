"""How sure a model is that the best photo is the right one, while somebody draws.

A logistic regression. Its inputs are read off the results of one drawing as it grows (``ConfidenceInputs``); its
coefficients are fitted to drawings that training has not seen, and lie in the model folder's config (``Confidence``).
numpy only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError

SCORES = 24  # the best ones, whose spread is the unit of the margin
LITTLE_INK = 0.1  # canvas widths; drawings with less are all alike


@dataclass(frozen=True)
class Confidence:
    """A logistic model: the coefficients of the inputs of ``ConfidenceInputs.update``, and the intercept."""

    margin: float
    stability: float
    log_ink: float
    log_gallery: float
    intercept: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Confidence:
        """Raises InputError where the coefficients are not those of this class."""
        try:
            return cls(**{name: float(value) for name, value in values.items()})
        except (TypeError, ValueError, AttributeError):
            raise InputError("confidence: not the coefficients known here; train or export the model again") from None

    def to_json(self) -> dict[str, float]:
        return asdict(self)

    def probability(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """That the best photo is the right one, 0..1, of ``inputs [..., 4]``."""
        logit = inputs @ np.array([self.margin, self.stability, self.log_ink, self.log_gallery]) + self.intercept
        return np.asarray(0.5 * (1 + np.tanh(logit / 2)))


class ConfidenceInputs:
    """The inputs of the regression, computed from the results of one drawing as it grows."""

    def __init__(self, gallery: int) -> None:
        """``gallery`` is the number of photos."""
        self._log_gallery = math.log(max(gallery, 1))
        self._best: str | int | None = None
        self._since = 0.0  # the ink there was when the best photo came to be the best

    def update(self, best: str | int | None, scores: Sequence[float], ink: float) -> NDArray[np.float64] | None:
        """The inputs ``[4]`` at this moment; None where fewer than two photos were found.

        ``best`` is the best photo, ``scores`` are those of the photos found, best first, ``ink`` is the length of all
        lines drawn, in canvas widths. The inputs are

        - the margin: the best score minus the second, over the standard deviation of the first 24;
        - the stability: how much has been drawn since the best photo came to be the best, 1 canvas width at most;
        - how much is drawn: ln(ink + 0.1). The margin of a few lines says less than that of a drawing;
        - the natural logarithm of the number of photos.
        """
        if best is None or len(scores) < 2:
            self._best = None
            return None
        if best != self._best:
            self._best, self._since = best, ink
        self._since = min(self._since, ink)  # lines were taken back
        first = np.asarray(scores[:SCORES], dtype=np.float64)
        spread = float(first.std())
        margin = float(first[0] - first[1]) / spread if spread > 0 else 0.0
        return np.array([margin, min(ink - self._since, 1.0), math.log(ink + LITTLE_INK), self._log_gallery])


class ConfidenceTracker:
    """How sure ``confidence`` is of the best photo of one drawing as it grows, in a gallery of so many photos."""

    def __init__(self, confidence: Confidence, gallery: int) -> None:
        self._confidence = confidence
        self._inputs = ConfidenceInputs(gallery)

    def update(self, best: str | int | None, scores: Sequence[float], ink: float) -> float | None:
        """The probability, 0..1, that ``best`` is the right photo, after results as ``ConfidenceInputs.update`` takes
        them; None where fewer than two photos were found.
        """
        inputs = self._inputs.update(best, scores, ink)
        return None if inputs is None else float(self._confidence.probability(inputs))
