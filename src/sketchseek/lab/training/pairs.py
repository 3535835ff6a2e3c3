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
from sketchseek.lab.training.augment import augment_pairs


@dataclass(frozen=True)
class PairBatch:
    """``ink [B, S, S]`` and ``photos [B, S, S, 3]`` of B pairs, 0..255; ``photo [B]`` says which photo of the split
    each is.
    """

    ink: Tensor
    photos: Tensor
    photo: Tensor


class TrainingPairs:
    """Decoded sketches and photos of one or several training splits.

    A batch is a pure function of (seed, step), so training that resumes at a step sees exactly what it would have
    seen. An
    epoch shows each photo that has a sketch once, with one of its sketches at random: no photo is twice in a batch.
    Where
    photos have categories, every other epoch fills each batch from as few categories as can be (MLRM 2022: batches of
    one category and of many alternate), since only photos of one category teach the fine differences.
    """

    def __init__(self, splits: Sequence[Split], size: int, augmentation: str, batch: int, seed: int) -> None:
        from sketchseek.lab.datasets.pixels import photo_pixels, sketch_pixels

        split = merge(splits)
        self.photos = photo_pixels(split.photos, size)
        self.ink = sketch_pixels(split.sketches, size)
        self.augmentation, self.batch, self.seed = augmentation, batch, seed
        self.sketches_of: dict[int, list[int]] = {}
        for index, sketch in enumerate(split.sketches):
            self.sketches_of.setdefault(sketch.photo, []).append(index)
        self.drawn = np.array(sorted(self.sketches_of))  # the photos that have a sketch
        self.category = np.unique([split.photos[p].category for p in self.drawn], return_inverse=True)[1]
        if len(self.drawn) < batch:
            raise InputError(f"training needs at least {batch} photos with a sketch, this data has {len(self.drawn)}")

    def at(self, step: int, device: torch.device | str = "cpu") -> PairBatch:
        """The batch of a step, augmented. Uses and leaves torch's global generator; seed that per step, as the loop
        does.
        """
        per_epoch = len(self.drawn) // self.batch
        epoch, position = divmod(step, per_epoch)
        photo = self._order(epoch, per_epoch)[position * self.batch : (position + 1) * self.batch]
        choice = np.random.default_rng([self.seed, epoch, position])
        sketch = np.array([choice.choice(self.sketches_of[p]) for p in photo])
        ink, photos = augment_pairs(
            self.augmentation, _tensor(self.ink, sketch, device), _tensor(self.photos, photo, device)
        )
        return PairBatch(ink, photos, torch.from_numpy(photo).to(device))

    def _order(self, epoch: int, batches: int) -> NDArray[np.intp]:
        """The photos in the order of an epoch, cut to whole batches."""
        generator = np.random.default_rng([self.seed, epoch])
        shuffled = generator.permutation(len(self.drawn))
        if epoch % 2 == 1 and self.category.max() > 0:
            of_category = generator.permutation(self.category.max() + 1)[self.category[shuffled]]
            shuffled = shuffled[np.argsort(of_category, kind="stable")]
        order = self.drawn[shuffled][generator.integers(len(shuffled) % self.batch + 1) :][: batches * self.batch]
        return generator.permutation(order.reshape(batches, self.batch)).reshape(-1)


def _tensor(pixels: NDArray[np.uint8], index: NDArray[np.intp], device: torch.device | str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels[index])).to(device)
