"""The training pairs in memory, and the order in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Split, merge
from sketchseek.lab.datasets.pixels import LabelKind, photo_pixels, sketch_labels, sketch_pixels
from sketchseek.lab.training.augmentation import augment_pairs
from sketchseek.lab.training.config import TrainingConfig
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes.augment import deform_strokes, disorder_strokes, remove_strokes

STROKES = 10  # into which drawings are cut for stroke augmentation (CSR 2022, n_s)
STROKE_AUGMENTATIONS = {"disorder": disorder_strokes, "removal": remove_strokes, "deformation": deform_strokes}


@dataclass(frozen=True)
class PairBatch:
    """``ink [B, S, S]`` and ``photos [B, S, S, 3]`` of B pairs, 0..255; ``photo [B]`` says which photo of the split
    each is. ``labels [B, S, S]``, uint8, says which stroke each pixel of ink belongs to, where that was asked for.
    """

    ink: Tensor
    photos: Tensor
    photo: Tensor
    labels: Tensor | None


class TrainingPairs:
    """Decoded sketches and photos of one or several training splits.

    A batch is a pure function of (seed, step), so training that resumes at a step sees exactly what it would have
    seen. An epoch shows each photo that has a sketch once, with one of its sketches at random: no photo is twice in a
    batch. Where photos have categories, every other epoch fills each batch from as few categories as can be (MLRM
    2022: batches of one category and of many alternate), since only photos of one category teach the fine
    differences.
    """

    def __init__(self, splits: Sequence[Split], size: int, training: TrainingConfig, seed: int) -> None:
        self.split = merge(splits)
        self.partial = _is_partial(training.completion, self.split)
        self.photos = photo_pixels(self.split.photos, size)
        self.ink = sketch_pixels(self.split.sketches, size)
        self.labels: NDArray[np.uint8] | None = None
        self.size, self.training, self.seed = size, training, seed
        self.sketches_of: dict[int, list[int]] = {}
        for index, sketch in enumerate(self.split.sketches):
            self.sketches_of.setdefault(sketch.photo, []).append(index)
        self.drawn = np.array(sorted(self.sketches_of))  # the photos that have a sketch
        self.category = np.unique([self.split.photos[p].category for p in self.drawn], return_inverse=True)[1]
        if len(self.drawn) < training.batch:
            raise InputError(
                f"training needs at least {training.batch} photos with a sketch, this data has {len(self.drawn)}"
            )
        if training.stroke_augmentation:
            self.label(training.strokes, STROKES)

    def label(self, kind: LabelKind, parts: int) -> None:
        """From now on batches say which stroke each pixel of ink belongs to (``sketch_labels``)."""
        self.labels = sketch_labels(self.split.sketches, self.size, kind, parts)

    def at(self, step: int, device: torch.device | str = "cpu") -> PairBatch:
        """The batch of a step, augmented. Uses and leaves torch's global generator; seed that per step, as the loop
        does.
        """
        batch = self.training.batch
        per_epoch = len(self.drawn) // batch
        epoch, position = divmod(step, per_epoch)
        photo = self._order(epoch, per_epoch)[position * batch : (position + 1) * batch]
        random = np.random.default_rng([self.seed, epoch, position])
        sketch = np.array([random.choice(self.sketches_of[p]) for p in photo])
        ink, labels = self.ink[sketch], None if self.labels is None else self.labels[sketch]
        if self.partial:
            ink = self._cut(ink, sketch, random.uniform(*self.training.completion, batch))
            labels = None if labels is None else np.where(ink > 0, labels, np.uint8(0))
        for name in self.training.stroke_augmentation:
            assert labels is not None
            ink, labels = STROKE_AUGMENTATIONS[name](ink, labels, random)
        augmented = augment_pairs(
            self.training.augmentation,
            torch.from_numpy(ink).to(device),
            torch.from_numpy(self.photos[photo]).to(device),
            None if labels is None else torch.from_numpy(labels).to(device),
        )
        return PairBatch(augmented[0], augmented[1], torch.from_numpy(photo).to(device), augmented[2])

    def _cut(self, ink: NDArray[np.uint8], sketch: NDArray[np.intp], share: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The ink of these sketches after each's share of its points, as a step of an episode shows it; of sketches
        without strokes the complete ``ink``.
        """
        cut = ink.copy()
        for row, index in enumerate(sketch):
            strokes = self.split.sketches[index].strokes
            if strokes is not None:
                drawn = strokes.first_points(round(share[row] * len(strokes)) + 1)
                cut[row] = prepare_sketch(drawn, self.size)
        return cut

    def _order(self, epoch: int, batches: int) -> NDArray[np.intp]:
        """The photos in the order of an epoch, cut to whole batches."""
        generator = np.random.default_rng([self.seed, epoch])
        shuffled = generator.permutation(len(self.drawn))
        if epoch % 2 == 1 and self.category.max() > 0:
            of_category = generator.permutation(self.category.max() + 1)[self.category[shuffled]]
            shuffled = shuffled[np.argsort(of_category, kind="stable")]
        order = self.drawn[shuffled][generator.integers(len(shuffled) % self.training.batch + 1) :]
        return generator.permutation(order[: batches * self.training.batch].reshape(batches, -1)).reshape(-1)


def _is_partial(completion: tuple[float, ...], split: Split) -> bool:
    """Whether sketches are to be cut. Raises InputError for shares that are none, and where no sketch can be cut."""
    if len(completion) != 2 or not 0 < completion[0] <= completion[1] <= 1:
        raise InputError(f"training.completion is two shares, 0 < from <= to <= 1, not {completion}")
    if completion == (1, 1):
        return False
    if all(sketch.strokes is None for sketch in split.sketches):
        raise InputError("training.completion cuts sketches by their strokes, this data has none; leave it at 1,1")
    return True
