"""The batches of Seek: pairs of several data sets in given shares, and sketches whose strokes vary."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods.seek.config import Config
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes.ink import LEAST_INK
from sketchseek.strokes.sketch import Sketch

# Shares of the drawings that are incomplete, and that have shaky lines. Of the incomplete ones, the share that lack
# some strokes instead of the last points. Of drawings that are images, the share of which a part is erased.
PARTIAL, SHAKY, STROKES_MISSING, ERASED = 0.45, 0.3, 0.5, 0.2
FEWEST_POINTS, MOST_POINTS = 0.3, 0.95  # the share of its points that an incomplete drawing has
FEWEST_STROKES, MOST_STROKES = 0.4, 0.9
LEAST_SHAKE, MOST_SHAKE = 0.002, 0.016  # standard deviation of a point's displacement, as a share of the canvas


class SeekPairs(TrainingPairs):
    """Training pairs whose batches have the data sets in the shares ``config.batches``.

    A share of the batches has pairs of one category of one data set only, because fine differences are learnt within a
    category; a data set without categories counts as one. All others mix the data sets.
    """

    def __init__(self, splits: Sequence[Split], config: Config, seed: int) -> None:
        super().__init__(splits, config.size, config.training, seed)
        self.redrawn = config.redrawn
        self.shares = config.batches
        if not self.shares:
            return
        if len(self.shares) != len(splits):
            raise InputError(
                f"the config's batches are for {len(self.shares)} data sets and {len(splits)} are given; "
                "give those that the preset names, in their order, or --set batches= for equal parts"
            )
        data_set = np.repeat(np.arange(len(splits)), [len(split.photos) for split in splits])
        self.drawn_of = [self.drawn[data_set[self.drawn] == index] for index in range(len(splits))]
        self.groups = [self._large_categories(drawn) for drawn in self.drawn_of]
        for index, (alone, mixed) in enumerate(self.shares):
            if alone and not self.groups[index]:
                raise InputError(
                    f"no category of data set {index + 1} has {self.training.batch} photos with a sketch; "
                    "set its first share in batches to 0"
                )
            if mixed and not len(self.drawn_of[index]):
                raise InputError(f"data set {index + 1} has no pairs; set its shares in batches to 0")

    def _large_categories(self, drawn: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """The photos ``drawn`` by category; only categories that can fill a batch."""
        category = self.category_of_photo[drawn]
        groups = [drawn[category == c] for c in np.unique(category)]
        return [group for group in groups if len(group) >= self.training.batch]

    def _chosen(self, step: int) -> tuple[NDArray[np.intp], np.random.Generator]:
        if not self.shares:
            return super()._chosen(step)
        random = np.random.default_rng([self.seed, step])
        alone = np.array([share for share, _ in self.shares])
        index = int(random.choice(len(alone) + 1, p=[*alone, 1 - alone.sum()]))
        if index < len(alone):
            group = self.groups[index][random.integers(len(self.groups[index]))]
            return random.choice(group, self.training.batch, replace=False), random
        mixed = np.array([share for _, share in self.shares])
        counts = random.multinomial(self.training.batch, mixed / mixed.sum())
        chosen = [
            random.choice(drawn, count, replace=False) if count <= len(drawn) else random.choice(drawn, count)
            for drawn, count in zip(self.drawn_of, counts, strict=True)
            if count
        ]
        return np.concatenate(chosen), random

    def _ink_of(self, sketch: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.uint8]:
        ink = super()._ink_of(sketch, random)
        if not self.redrawn:
            return ink
        ink = ink.copy()
        for row, index in enumerate(sketch):
            strokes = self.split.sketches[index].strokes
            if strokes is None:
                if random.random() < ERASED:
                    ink[row] = without_a_side(ink[row], random)
                continue
            partial, shaky = random.random() < PARTIAL, random.random() < SHAKY
            if partial or shaky:
                drawing = incomplete(strokes, random) if partial else strokes
                ink[row] = prepare_sketch(shaken(drawing, random) if shaky else drawing, self.size)
        return ink


def incomplete(drawing: Sketch, random: np.random.Generator) -> Sketch:
    """A drawing with only the first of its points, or without some of its strokes; at least one stroke stays."""
    strokes = drawing.strokes
    if random.random() >= STROKES_MISSING:
        return drawing.first_points(max(2, int(len(drawing) * random.uniform(FEWEST_POINTS, MOST_POINTS))))
    kept = random.random(len(strokes)) < random.uniform(FEWEST_STROKES, MOST_STROKES)
    kept[random.integers(len(strokes))] = True
    return Sketch(tuple(stroke for stroke, keep in zip(strokes, kept, strict=True) if keep))


def shaken(drawing: Sketch, random: np.random.Generator) -> Sketch:
    """A drawing of which every point is displaced by normal noise."""
    deviation = random.uniform(LEAST_SHAKE, MOST_SHAKE)
    return Sketch.from_arrays([s[:, :2] + random.normal(0, deviation, (len(s), 2)) for s in drawing.strokes])


def without_a_side(ink: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Ink ``[S, S]`` without 10 to 55 % of its pixels, those that lie farthest in a random direction."""
    y, x = np.nonzero(ink >= LEAST_INK)
    if not len(x):
        return ink
    angle = random.uniform(0, 2 * math.pi)
    rows, columns = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]]
    along = columns * math.cos(angle) + rows * math.sin(angle)
    return np.where(along <= np.quantile(along[y, x], random.uniform(0.45, 0.9)), ink, np.uint8(0))
