"""Settings of LGRL. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "LGRL: local-global representation learning"
PAPER = "Local-Global Representation Learning for on-the-fly FG-SBIR; as released by its authors"


@dataclass(frozen=True)
class Config:
    """Settings of stage 1 (trunk, attention, heads of photos) and of stage 2, which trains new heads for sketches."""

    backbone: str  # one of network.CUTS
    size: int  # side of the input in pixels
    grid: int  # cells on a side: grid x grid regions
    region_size: int  # side in pixels to which a region is resized
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    region_channels: int  # input channels of the attention on regions
    embedding: int  # size of the vectors
    batch_norm: Literal["trained", "frozen"]  # of the trunk, in stage 1
    negatives: Literal["one", "batch"]  # for triplet, in stage 1: one other photo of the batch, or all
    margin: float  # in stage 1, in L2 distance of unit vectors

    second_stage: bool  # without it sketches use stage 1's heads, and all distances have equal weight
    head_epochs: int  # epochs of stage 2 over the episodes of all training sketches
    head_margin: float  # in stage 2
    unit_sketches: bool  # normalise stage 2's sketch vectors to unit length
    ink_weighted_training: bool  # weight regions in stage 2's local loss as in the distance, instead of equally

    training: TrainingConfig  # of stage 1
    objective: Literal["triplet", "infonce"] = "triplet"  # of stage 1
    temperature: float = 0.07  # for infonce


BENCH_CONFIG = Config(
    backbone="torchvision/mobilenet_v2",
    size=224,
    grid=3,
    region_size=96,
    polarity="black-on-white",
    normalisation="unit",
    region_channels=256,
    embedding=64,
    batch_norm="frozen",
    negatives="one",
    margin=0.2,
    second_stage=True,
    head_epochs=100,
    head_margin=0.3,
    unit_sketches=False,
    ink_weighted_training=False,
    # a quarter of the pairs of other methods, because stage 1 starts from a trained `siamese` (--weights)
    training=replace(BENCH, pairs=2_560),
)

PRESETS = {
    "bench": BENCH_CONFIG,
    "paper": replace(
        BENCH_CONFIG,
        backbone="torchvision/inception_v3",
        size=299,
        region_size=170,
        polarity="white-on-black",
        normalisation="imagenet",
        region_channels=1024,
        batch_norm="trained",
        head_epochs=500,
        training=TrainingConfig(
            pairs=None,
            epochs=200,
            epoch_of="sketches",
            batch=16,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-4,
            weight_decay=0.0,
            schedule="constant",
            augmentation="flip",
            precision="fp32",
        ),
    ),
}
