"""Training settings, which are a part of the config of every method. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.errors import InputError


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how to train: for so many ``pairs``, or for so many ``epochs``; the other is None.

    Raises InputError unless one of them is given.
    """

    pairs: int | None  # sketch-photo pairs in total
    batch: int  # pairs in a batch
    optimizer: Literal["adam", "adamw"]
    rate_body: float  # learning rate of the pretrained backbone
    rate_new: float  # learning rate of new parts
    weight_decay: float
    schedule: Literal["constant", "one-cycle", "exponential"]
    augmentation: Literal["none", "flip", "randaugment", "bench", "freehand"]
    precision: Literal["fp32", "bf16"]  # of the network's layers; CPUs that would have to emulate bf16 train in fp32
    # Applied to the strokes of every training sketch before other augmentation: displace (CSR 2022, Table 6), remove or
    # deform some (Sketch-a-Net).
    stroke_augmentation: tuple[Literal["disorder", "removal", "deformation"], ...] = ()
    strokes: Literal["extracted", "drawn"] = "extracted"  # from pixels, or as drawn if the data has strokes
    # Smallest and largest share of its points that a training sketch shows, 0 < from <= to <= 1. The share is uniformly
    # random each time. Sketches that are images stay complete.
    completion: tuple[float, float] = (1.0, 1.0)
    epochs: int | None = (
        None  # as many pairs as the training data has photos (with a sketch) or sketches, so many times
    )
    epoch_of: Literal["photos", "sketches"] = "photos"

    def __post_init__(self) -> None:
        if (self.pairs is None) == (self.epochs is None):
            raise InputError(
                "training.pairs and training.epochs both say how long to train; set one, and the other to none"
            )

    def in_pairs(self, photos: int, sketches: int) -> TrainingConfig:
        """The same with its length in pairs, for data of so many training ``photos`` with a sketch and ``sketches``."""
        if self.epochs is None:
            return self
        return replace(self, pairs=self.epochs * (photos if self.epoch_of == "photos" else sketches), epochs=None)

    @property
    def steps(self) -> int:
        """The number of updates; an incomplete last batch is left out. Only where the length is in pairs."""
        assert self.pairs is not None, "the length is in epochs; see in_pairs"
        return self.pairs // self.batch


# The training budget for all comparison tables, the same for every method.
BENCH = TrainingConfig(
    pairs=10_240,
    batch=32,
    optimizer="adamw",
    rate_body=3e-4,
    rate_new=1e-3,
    weight_decay=0.01,
    schedule="one-cycle",
    augmentation="bench",
    precision="bf16",
)
