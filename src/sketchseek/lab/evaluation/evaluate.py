"""Rank the gallery of a split for every (sketch, step)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import SketchItem, Split
from sketchseek.lab.evaluation.metrics import Figures, figures, ranks_of
from sketchseek.matching import Features, Matcher

SKETCHES_AT_A_TIME = 8


class Encoder(Protocol):
    """What evaluation needs of a model: a run of the lab (torch) or an exported folder (ONNX) alike."""

    @property
    def size(self) -> int: ...
    @property
    def matcher(self) -> Matcher: ...
    def encode_sketches(self, drawings: Sequence[Any]) -> Features: ...
    def encode_photos(self, pixels: NDArray[np.uint8]) -> Features: ...


@dataclass(frozen=True)
class Evaluation:
    """``ranks [queries, steps]`` and, for pictures, the ``top [queries, up to 10]`` photos of the complete sketch."""

    ranks: NDArray[np.int64]
    top: NDArray[np.int64]
    gallery: int

    @property
    def steps(self) -> int:
        return self.ranks.shape[1]

    def figures(self) -> Figures:
        return figures(self.ranks, self.gallery)

    def per_drawer(self, split: Split) -> dict[str, Figures]:
        """The figures of each drawer's sketches, where the data set knows who drew."""
        drawers = np.array([s.drawer for s in split.sketches])
        return {str(d): figures(self.ranks[drawers == d], self.gallery) for d in np.unique(drawers) if d}


def default_steps(split: Split) -> int:
    """20 partial sketches where every sketch of the split has strokes or frames, else the complete sketch alone."""
    return 20 if split.sketches and all(_has_steps(s) for s in split.sketches) else 1


def _has_steps(sketch: SketchItem) -> bool:
    return sketch.strokes is not None or bool(sketch.frames)


def evaluate(
    encoder: Encoder, split: Split, steps: int = 1, advance: Callable[[int], None] = lambda images: None
) -> Evaluation:
    """Encode all photos and all (sketch, step) of the split and rank. ``advance`` is told of images as they are
    encoded.

    Raises InputError for a split without photos or sketches, and for steps > 1 where a sketch has no strokes.
    """
    from sketchseek.lab.datasets.pixels import photo_pixels, sketch_frames, sketch_pixels

    if not split.photos or not split.sketches:
        raise InputError("there is nothing to evaluate: the split has no photos or no sketches")
    if steps > 1 and not all(_has_steps(s) for s in split.sketches):
        raise InputError("partial sketches need strokes, this data has none; use --extract-strokes or --steps 1")
    pixels = photo_pixels(split.photos, encoder.size)
    photos = encoder.encode_photos(pixels)
    advance(len(pixels))
    complete = sketch_pixels(split.sketches, encoder.size) if steps == 1 else None
    target = np.array([s.photo for s in split.sketches])
    ranks, top = [], []
    for start in range(0, len(target), SKETCHES_AT_A_TIME):
        chunk = range(start, min(start + SKETCHES_AT_A_TIME, len(target)))
        if complete is not None:
            frames = complete[chunk.start : chunk.stop, None]
        else:
            frames = np.stack([sketch_frames(split.sketches[i], steps, encoder.size) for i in chunk])
        features = encoder.encode_sketches(list(frames.reshape(-1, *frames.shape[2:])))
        similarity = np.asarray(encoder.matcher.similarity(features, photos))
        ranks.append(ranks_of(similarity, np.repeat(target[start : chunk.stop], steps)).reshape(-1, steps))
        last = similarity[steps - 1 :: steps]
        top.append(np.argsort(-last, axis=1, kind="stable")[:, :10])
        advance(len(frames) * steps)
    return Evaluation(np.concatenate(ranks), np.concatenate(top), len(split.photos))
