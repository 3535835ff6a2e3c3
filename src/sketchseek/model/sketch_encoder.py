"""One drawing encoded again and again while it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.matching import Features
from sketchseek.model.folder import Model
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.model.regions import cut
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch


class SketchEncoder:
    """Encodes one drawing again and again as it grows, and computes only what changed.

    The features are those of ``Model.encode_sketches``, up to rounding. Where no pixel changed, those of the drawing
    before are returned as they are, the same object; where the network sees a sketch by regions, only regions whose
    pixels changed are encoded. A recurrent model keeps its state from drawing to drawing; where ink was removed the
    state starts again from zeros.

    One for each drawing, for one thread at a time.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._ink: NDArray[np.uint8] | None = None
        self._regions: NDArray[Any] | None = None  # their features [R, ...], where the model has regions
        # [1, K], where the model keeps one: before the newest drawing and after it
        self._state = self._after = np.zeros((1, model.state), np.float32)
        self._features: Features = {}

    def encode(self, drawing: Sketch | Ink, advance: bool = True) -> Features:
        """The features of the drawing as it is now, float32, first axis of length 1; not to be written to.

        ``advance=False`` does not advance a recurrent model's state: the next drawing is encoded as if this one had not
        been. It is for an unfinished stroke, which is encoded far more often than the steps of training were.
        """
        ink = prepare_sketch(drawing, self._model.size)
        if self._ink is None or not np.array_equal(ink, self._ink):
            regions = self._encode_regions(ink)
            if self._model.state:
                if self._ink is not None and (ink < self._ink).any():
                    self._state = np.zeros_like(self._state)
                self._features, self._after = self._model.encode_next(ink[None], self._state)
            else:
                self._features = self._model.encode_ink(ink[None], None if regions is None else regions[None])
            self._ink, self._regions = ink.copy(), regions  # the caller may draw on in its own array
        if advance:
            self._state = self._after
        return self._features

    def _encode_regions(self, ink: NDArray[np.uint8]) -> NDArray[Any] | None:
        grid = self._model.grid
        if not grid:
            return None
        crops = cut(ink[None], grid)[0]
        if self._ink is None or self._regions is None:
            return self._model.encode_regions(crops)
        changed = (crops != cut(self._ink[None], grid)[0]).any(axis=(1, 2))
        if not changed.any():  # what changed is left over at the edge
            return self._regions
        regions = self._regions.copy()
        regions[changed] = self._model.encode_regions(crops[changed])
        return regions
