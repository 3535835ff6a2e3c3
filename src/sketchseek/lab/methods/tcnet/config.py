"""Settings of TC-Net. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "TC-Net: triplet classification network"
PAPER = "TC-Net for iSBIR: Triplet Classification Network for Instance-level Sketch Based Image Retrieval, ACM MM 2019"
PUBLISHED_AS = ("TC-Net",)


@dataclass(frozen=True)
class Config:
    """Settings of one shared encoder and of the weighted sum of three losses."""

    backbone: str
    tap: str  # the layer whose map, after ReLU and average pooling, is projected to the embedding
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    embedding: int  # size of the vector, which is not normalised to unit length
    margin: float  # of the triplet loss, in squared L2 distance
    triplet_weight: float
    softmax_weight: float
    centre_weight: float
    centre_rate: float  # alpha of the centre loss, 0..1: how far a centre moves towards its class members in a step
    training: TrainingConfig


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        tap="features.18",
        size=224,
        polarity="black-on-white",
        normalisation="unit",
        embedding=256,
        margin=0.3,
        triplet_weight=1.0,
        softmax_weight=1.0,
        centre_weight=0.01,
        centre_rate=0.5,
        training=BENCH,
    ),
    "paper": Config(
        backbone="torchvision/densenet169",
        tap="features.norm5",
        size=225,
        polarity="black-on-white",
        normalisation="imagenet",
        embedding=1024,
        margin=0.3,
        triplet_weight=1.0,
        softmax_weight=1.0,
        centre_weight=0.01,
        centre_rate=0.5,
        # as in the released code
        training=TrainingConfig(
            pairs=None,
            epochs=2_000,
            epoch_of="photos",
            batch=16,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-4,
            weight_decay=5e-4,
            schedule="constant",
            augmentation="flip",
            precision="fp32",
        ),
    ),
}
