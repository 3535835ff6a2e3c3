"""Settings of LA. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "LA: local aligned network"
PAPER = "DLA-Net for FG-SBIR: Dynamic Local Aligned Network for Fine-Grained Sketch-Based Image Retrieval, ACM MM 2021"
PUBLISHED_AS = ("LA",)


@dataclass(frozen=True)
class Config:
    """Settings of one shared encoder; the cells of an intermediate feature map are the features."""

    backbone: str
    tap: str  # the layer whose map is compared
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    margin: float  # of the triplet loss, in the distance of unit-length cells, 0..2
    training: TrainingConfig
    norm: Literal[1, 2] = 1  # over the cells: the mean distance, or the root of the mean square


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        tap="features.13",
        size=224,
        polarity="black-on-white",
        normalisation="unit",
        margin=0.1,
        training=BENCH,
    ),
    # We do not have the paper; these are the settings of the released code of its successor, DLI-Net.
    "paper": Config(
        backbone="torchvision/resnet50",
        tap="layer3",
        size=256,
        polarity="white-on-black",
        normalisation="unit",
        norm=2,
        margin=0.1 / 16,  # 0.1 of the 2-norm over 16 x 16 cells; ChairV2 has its own, row `chairv2`
        training=TrainingConfig(
            pairs=None,
            epochs=100,
            epoch_of="photos",
            batch=32,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-4,
            weight_decay=0.0,
            schedule="constant",
            augmentation="none",
            precision="fp32",
        ),
    ),
}
