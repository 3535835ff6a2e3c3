"""The training pairs, decoded in memory, and the batches made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import NO_PHOTO, Split, merge
from sketchseek.lab.datasets.categories import common_name
from sketchseek.lab.datasets.pixels import LabelKind, photo_pixels, sketch_labels, sketch_pixels
from sketchseek.lab.training.augmentation import augment_pairs, augment_unpaired
from sketchseek.lab.training.config import TrainingConfig
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes.augment import deform_strokes, disorder_strokes, remove_strokes

STROKES = 10  # number of strokes extracted from a drawing for stroke augmentation (CSR 2022, n_s)
STROKE_AUGMENTATIONS = {"disorder": disorder_strokes, "removal": remove_strokes, "deformation": deform_strokes}


@dataclass(frozen=True)
class PairBatch:
    """B pairs of a sketch and its photo; pixels are 0..255."""

    ink: Tensor  # [B, S, S]
    photos: Tensor  # [B, S, S, 3]
    photo: Tensor  # [B], index of the photo in the split
    labels: Tensor | None  # [B, S, S] uint8, label maps (``strokes.labels``), if requested


@dataclass(frozen=True)
class CategoryBatch:
    """Sketches and photos that have common categories but are no pairs; pixels are 0..255."""

    ink: Tensor  # [B, S, S]
    photos: Tensor  # [P, S, S, 3]
    photo: Tensor  # [P], indices of the photos in the split
    of_sketches: Tensor  # [B], indices into ``TrainingPairs.categories``
    of_photos: Tensor  # [P], indices into ``TrainingPairs.categories``


class TrainingPairs:
    """Decoded sketches and photos of one or several training splits.

    A batch depends only on (seed, step), so a resumed run continues with exactly the batches it would have had. An
    epoch contains each photo that has a sketch once, with one of its sketches at random, so a batch contains a photo at
    most once. If photos have categories, in every other epoch each batch is filled from as few categories as possible
    (MLRM 2022 alternates batches of one category and of many), because fine differences are learnt within a category;
    with ``within_category`` in every epoch.

    ``categories`` are the sorted names of all categories of the data, as given by ``common_name``.
    ``category_of_photo [photos]`` are indices into them, -1 for photos without a category. Drawings that have a
    category but no photo, and photos without a sketch, are in no pair; ``by_category`` uses them.
    """

    def __init__(
        self, splits: Sequence[Split], size: int, training: TrainingConfig, seed: int, within_category: bool = False
    ) -> None:
        self.split = merge(splits)
        self.within_category = within_category
        self.partial = _is_partial(training.completion, self.split)
        self.photos = photo_pixels(self.split.photos, size)
        self.ink = sketch_pixels(self.split.sketches, size)
        self.labels: NDArray[np.uint8] | None = None
        self.size, self.training, self.seed = size, training, seed
        self.sketches_of: dict[int, list[int]] = {}
        for index, sketch in enumerate(self.split.sketches):
            if sketch.photo != NO_PHOTO:
                self.sketches_of.setdefault(sketch.photo, []).append(index)
        self.drawn = np.array(sorted(self.sketches_of))  # the photos that have a sketch
        self.category = np.unique([self.split.photos[p].category for p in self.drawn], return_inverse=True)[1]
        if len(self.drawn) < training.batch:
            raise InputError(
                f"training needs at least {training.batch} photos with a sketch, this data has {len(self.drawn)}"
            )
        of_photos = [common_name(photo.category) for photo in self.split.photos]
        of_sketches = [common_name(sketch.category) for sketch in self.split.sketches]
        self.categories = sorted({*of_photos, *of_sketches} - {""})
        number = {"": -1} | {name: index for index, name in enumerate(self.categories)}
        self.category_of_photo = np.array([number[name] for name in of_photos], dtype=np.int64)
        self._category_of_sketch = np.array([number[name] for name in of_sketches], dtype=np.int64)
        if training.stroke_augmentation:
            self.label(training.strokes, STROKES)

    def label(self, kind: LabelKind, parts: int) -> None:
        """Add label maps to all batches from now on (arguments as for ``sketch_labels``)."""
        self.labels = sketch_labels(self.split.sketches, self.size, kind, parts)

    def at(self, step: int, device: torch.device | str = "cpu") -> PairBatch:
        """The augmented batch of a step. Uses torch's global random generator, which the loop seeds for each step."""
        photo, random = self._chosen(step)
        sketch = np.array([random.choice(self.sketches_of[p]) for p in photo])
        ink, labels = self._ink_of(sketch, random), None if self.labels is None else self.labels[sketch]
        if self.partial:
            ink = self._cut(ink, sketch, random.uniform(*self.training.completion, len(sketch)))
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

    def _chosen(self, step: int) -> tuple[NDArray[np.intp], np.random.Generator]:
        """The photos of a step's pairs, and the random generator for all further choices."""
        batch = self.training.batch
        per_epoch = len(self.drawn) // batch
        epoch, position = divmod(step, per_epoch)
        photo = self._order(epoch, per_epoch)[position * batch : (position + 1) * batch]
        return photo, np.random.default_rng([self.seed, epoch, position])

    def _ink_of(self, sketch: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.uint8]:
        """The ink ``[B, S, S]`` of sketches before augmentation."""
        return self.ink[sketch]

    def by_category(
        self, step: int, categories: int, drawings: int, device: torch.device | str = "cpu"
    ) -> CategoryBatch:
        """An augmented batch of a drawing and a photo of each of ``categories`` random categories, then ``drawings``
        further drawings, half of them of categories that have photos and half of any.

        Drawings without a photo are used if the category has any, else sketches of pairs. Uses torch's global random
        generator as ``at`` does. Raises InputError if there are too few categories with drawings and photos.
        """
        random = np.random.default_rng([self.seed, step, categories])
        both = sorted(self._drawings_of.keys() & self._photos_of.keys())
        if len(both) < categories:
            raise InputError(
                f"training by category needs {categories} categories with drawings and photos, this data has "
                f"{len(both)}; add data sets, or set categories=0"
            )
        chosen = random.choice(both, categories, replace=False)
        of_chosen = [random.choice(self._drawings_of[c]) for c in chosen]
        shown, any_kind = (np.concatenate([self._drawings_of[c] for c in kinds]) for kinds in (both, self._drawings_of))
        half = drawings // 2
        sketch = np.array([*of_chosen, *random.choice(shown, half), *random.choice(any_kind, drawings - half)])
        photo = np.array([random.choice(self._photos_of[c]) for c in chosen])
        ink, photos = augment_unpaired(
            self.training.augmentation,
            torch.from_numpy(self._ink_of(sketch, random)).to(device),
            torch.from_numpy(self.photos[photo]).to(device),
        )
        of_sketches, of_photos = self._category_of_sketch[sketch], self.category_of_photo[photo]
        numbers = (torch.from_numpy(n).to(device) for n in (photo, of_sketches, of_photos))
        return CategoryBatch(ink, photos, *numbers)

    @cached_property
    def _photos_of(self) -> dict[int, NDArray[np.intp]]:
        """The indices of the photos of each category that has photos."""
        return {
            int(c): np.flatnonzero(self.category_of_photo == c) for c in np.unique(self.category_of_photo) if c >= 0
        }

    @cached_property
    def _drawings_of(self) -> dict[int, NDArray[np.intp]]:
        """The indices of the drawings of each category that has drawings.

        These are the drawings without a photo or, if there are none, the sketches of pairs that were drawn by a person.
        """
        unpaired = np.array([sketch.photo == NO_PHOTO for sketch in self.split.sketches], dtype=np.bool_)
        drawn = np.array([not sketch.traced for sketch in self.split.sketches], dtype=np.bool_)
        found = {}
        for category in range(len(self.categories)):
            of_category = self._category_of_sketch == category
            chosen = np.flatnonzero(of_category & unpaired)
            chosen = chosen if len(chosen) else np.flatnonzero(of_category & drawn)
            if len(chosen):
                found[category] = chosen
        return found

    def _cut(self, ink: NDArray[np.uint8], sketch: NDArray[np.intp], share: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The ink of partial sketches, each with ``share`` of its points; sketches without strokes stay complete."""
        cut = ink.copy()
        for row, index in enumerate(sketch):
            strokes = self.split.sketches[index].strokes
            if strokes is not None:
                drawn = strokes.first_points(round(share[row] * len(strokes)) + 1)
                cut[row] = prepare_sketch(drawn, self.size)
        return cut

    def _order(self, epoch: int, batches: int) -> NDArray[np.intp]:
        """The photos in the order of an epoch, without an incomplete last batch."""
        generator = np.random.default_rng([self.seed, epoch])
        shuffled = generator.permutation(len(self.drawn))
        if (self.within_category or epoch % 2 == 1) and self.category.max() > 0:
            of_category = generator.permutation(self.category.max() + 1)[self.category[shuffled]]
            shuffled = shuffled[np.argsort(of_category, kind="stable")]
        order = self.drawn[shuffled][generator.integers(len(shuffled) % self.training.batch + 1) :]
        return generator.permutation(order[: batches * self.training.batch].reshape(batches, -1)).reshape(-1)


def _is_partial(completion: tuple[float, ...], split: Split) -> bool:
    """Whether training uses partial sketches. Raises InputError for invalid shares, and if no sketch has strokes."""
    if len(completion) != 2 or not 0 < completion[0] <= completion[1] <= 1:
        raise InputError(f"training.completion is two shares, 0 < from <= to <= 1, not {completion}")
    if completion == (1, 1):
        return False
    if all(sketch.strokes is None for sketch in split.sketches):
        raise InputError("training.completion cuts sketches by their strokes, this data has none; leave it at 1,1")
    return True
