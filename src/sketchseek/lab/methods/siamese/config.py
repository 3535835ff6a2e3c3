"""Settings of the Siamese baseline. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "Siamese baseline"
PAPER = "Yu et al., Sketch Me That Shoe, CVPR 2016; as released with Bhunia et al., CVPR 2020"


@dataclass(frozen=True)
class Config:
    """Settings of one encoder shared by sketches and photos."""

    backbone: str
    taps: tuple[str, ...]  # layers of the backbone whose maps are pooled and concatenated
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    pool: Literal["max", "avg"]
    attention: bool  # residual spatial attention on every tap before pooling (released code of OnTheFly)
    head: int | None  # size of the embedding; none: the pooled taps without a head
    objective: Literal["triplet", "batch-all", "quadruplet", "infonce"]
    margin: float  # for all but infonce, in L2 distance of unit vectors
    temperature: float  # for infonce
    training: TrainingConfig
    smoothing: float = 0.0  # for infonce: share (0..1) of the target that all photos of the batch have in common
    teacher: str | None = None  # a model folder, whose similarities of sketches and photos are learnt too
    distillation: float = 0.0  # weight of that; the objective has weight 1


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        taps=("features.13", "features.18"),
        size=224,
        polarity="black-on-white",
        normalisation="unit",
        pool="avg",
        attention=False,
        head=256,
        objective="infonce",
        margin=0.2,
        temperature=0.07,
        training=BENCH,
    ),
    "paper": Config(
        backbone="torchvision/vgg16",
        taps=("features.30",),
        size=299,
        polarity="white-on-black",
        normalisation="imagenet",
        pool="max",
        attention=False,
        head=None,
        objective="triplet",
        margin=0.2,
        temperature=0.07,
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
