"""One drawing encoded again and again while it grows, and the regions that some networks see it by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.matching import Features
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

if TYPE_CHECKING:
    from sketchseek.model.folder import Model


def cut(ink: NDArray[np.uint8], grid: int) -> NDArray[np.uint8]:
    """Drawings ``[n, S, S]`` cut into ``grid x grid`` regions, row by row: ``[n, grid grid, c, c]`` with c = S // grid.

    The pixels that are left over at the right and at the bottom belong to no region (LGRL, section 3).
    """
    side = ink.shape[1] // grid
    cells = ink[:, : grid * side, : grid * side].reshape(-1, grid, side, grid, side)
    return cells.swapaxes(2, 3).reshape(-1, grid * grid, side, side)


def encode_episodes(model: Any, frames: NDArray[np.uint8]) -> Features:
    """The features of growing drawings, prepared ink ``[n, T, S, S]``: first axis n T.

    Where the model (or a network of the lab) keeps a ``state``, each frame is encoded in the light of those before it,
    and a frame equal to the one before changes nothing.
    """
    drawings, steps = frames.shape[:2]
    if not getattr(model, "state", 0):
        encoded: Features = model.encode_sketches(list(frames.reshape(-1, *frames.shape[2:])))
        return encoded
    state = np.zeros((drawings, model.state), np.float32)
    grown: list[Features] = []
    for step in range(steps):
        features, after = model.follow(frames[:, step], state)
        if step:
            same = np.flatnonzero((frames[:, step] == frames[:, step - 1]).all(axis=(1, 2)))
            after[same] = state[same]
            for name, values in features.items():
                values[same] = grown[-1][name][same]
        grown.append(features)
        state = after
    stacked = {name: np.stack([features[name] for features in grown], axis=1) for name in grown[0]}
    return {name: values.reshape(-1, *values.shape[2:]) for name, values in stacked.items()}


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
                self._features, self._after = self._model.follow(ink[None], self._state)
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
