"""Settings of SLFIR. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "SLFIR: sketch less face image retrieval"
PAPER = "Dai et al., Sketch Less Face Image Retrieval: A New Challenge, ICASSP 2023"
PUBLISHED_AS = ("SLFIR",)


@dataclass(frozen=True)
class Config:
    """Settings of stage 1, an embedding of complete sketches and photos, and of stage 2, a temporal encoder of partial
    sketches on features of stage 1's frozen trunk.
    """

    backbone: str
    tap: str
    frozen: tuple[str, ...]  # names of layers of the backbone that are never trained
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    embedding: int  # size of the vector that is compared; even

    objective: Literal["triplet", "infonce"]  # of both stages
    margin: float  # for triplet, in L2 distance of unit vectors
    temperature: float  # for infonce

    temporal: Literal["causal", "frame"]  # frame: as the released code computes, each frame by itself
    hidden: int  # size of the recurrent layer in each direction
    corrects: bool  # for causal: add the temporal encoder's output to stage 1's embedding instead of replacing it
    steps: int  # partial sketches of each sketch
    sequences: float  # updates in stage 2 for each update in stage 1; 0: no stage 2
    rate: float  # learning rate of stage 2

    training: TrainingConfig  # of stage 1; its batch and optimiser are those of stage 2 too


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        tap="features.18",
        frozen=(),
        size=224,
        polarity="black-on-white",
        normalisation="unit",
        embedding=64,
        objective="infonce",
        margin=0.3,
        temperature=0.07,
        temporal="causal",
        hidden=512,
        corrects=True,
        steps=20,
        sequences=2.0,
        rate=5e-4,
        training=BENCH,
    ),
    "paper": Config(
        backbone="torchvision/inception_v3",
        tap="Mixed_7c",
        frozen=("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"),
        size=299,
        polarity="white-on-black",
        normalisation="imagenet",
        embedding=16,
        objective="triplet",
        margin=0.3,
        temperature=0.07,
        temporal="causal",
        hidden=512,
        corrects=False,
        steps=70,
        sequences=1.5,
        rate=5e-4,
        # 300 epochs in stage 2
        training=TrainingConfig(
            pairs=None,
            epochs=200,
            epoch_of="photos",
            batch=32,
            optimizer="adam",
            rate_body=5e-4,
            rate_new=5e-3,
            weight_decay=0.0,
            schedule="constant",
            augmentation="flip",
            precision="fp32",
        ),
    ),
}
