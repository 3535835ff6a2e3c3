"""Settings of DSSA; Triplet-SN is its row without attention, fusion and HOLEF. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "DSSA (Triplet-Att-SN), and Triplet-SN as its row"
PAPER = (
    "Song et al., Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval, ICCV 2017; "
    "Yu et al., Sketch Me That Shoe, CVPR 2016"
)
PUBLISHED_AS = ("DSSA", "Triplet-Att-SN")


@dataclass(frozen=True)
class Config:
    """Settings of one encoder shared by sketches and photos, and of the energy that compares them."""

    backbone: str
    tap: str  # the layer whose map is attended to
    channels: int | None  # a 1 x 1 convolution reduces the map to so many channels first; none: as it is
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    hidden: int  # outputs of the first of the two fully connected layers
    embedding: int  # outputs of the second, the coarse vector
    attention: bool  # residual spatial attention on the map
    fusion: bool  # the vector is the coarse one and the sum of the map over all places, each of unit length
    holef: bool  # compare by the learnt second-order energy; else by Euclidean distance
    margin: float  # of the triplet loss, in energy; without HOLEF that is the squared L2 distance
    regularisation: float  # weight of the energy's distance from the squared L2 distance
    training: TrainingConfig


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        tap="features.18",
        channels=256,
        size=224,
        polarity="black-on-white",
        normalisation="unit",
        hidden=512,
        embedding=256,
        attention=True,
        fusion=True,
        holef=True,
        margin=0.3,
        regularisation=5e-4,
        training=BENCH,
    ),
    "paper": Config(
        backbone="sketchseek/sketch_a_net",
        tap="pool5",
        channels=None,
        size=225,
        polarity="black-on-white",
        normalisation="unit",
        hidden=512,
        embedding=256,
        attention=True,
        fusion=True,
        holef=True,
        margin=0.3,
        regularisation=5e-4,
        # 20,000 steps of 128 triplets as released, there with momentum 0.9 at the same rate
        training=TrainingConfig(
            pairs=20_000 * 128,
            batch=128,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-3,
            weight_decay=5e-4,
            schedule="constant",
            augmentation="flip",
            precision="fp32",
        ),
    ),
}
