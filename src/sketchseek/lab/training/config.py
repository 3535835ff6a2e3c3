"""How long and how to train; a preset of every method holds one. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainingConfig:
    """``pairs`` sketch-photo pairs in batches of ``batch``. Rates are for the pretrained body and for new parts.

    ``stroke_augmentation`` changes the strokes of every training sketch before anything else does: moves some
    (CSR 2022, Table 6), leaves some out, bends them (Sketch-a-Net). ``strokes`` says which strokes these are: those
    extracted from the pixels, or those a person drew, where the data has them.

    ``precision`` is that of the network's layers; a processor that would have to emulate bf16 trains in fp32.

    ``completion`` is the share of its points that each training sketch shows, from and to, drawn uniformly for each
    sketch each time, 0 < from <= to <= 1; sketches that are images stay complete.
    """

    pairs: int
    batch: int
    optimizer: Literal["adam", "adamw"]
    rate_body: float
    rate_new: float
    weight_decay: float
    schedule: Literal["constant", "one-cycle", "exponential"]
    augmentation: Literal["none", "flip", "randaugment", "bench", "freehand"]
    precision: Literal["fp32", "bf16"]
    stroke_augmentation: tuple[Literal["disorder", "removal", "deformation"], ...] = ()
    strokes: Literal["extracted", "drawn"] = "extracted"
    completion: tuple[float, float] = (1.0, 1.0)

    @property
    def steps(self) -> int:
        """Updates of the network; an incomplete last batch is left out."""
        return self.pairs // self.batch


# The one budget of all comparison tables: every method trains under exactly this.
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
