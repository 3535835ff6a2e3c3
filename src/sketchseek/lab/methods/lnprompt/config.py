"""Settings of SketchLVM's fine-grained form. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "LN-Prompt: a frozen network adapted by prompts and norms (SketchLVM)"
PAPER = "Sain et al., CLIP for All Things Zero-Shot Sketch-Based Image Retrieval, Fine-Grained or Not, CVPR 2023"
PUBLISHED_AS = ("SketchLVM",)


@dataclass(frozen=True)
class TextTower:
    """The shape of CLIP's text tower."""

    layers: int
    width: int
    heads: int
    vocabulary: int
    length: int  # of a text in tokens


@dataclass(frozen=True)
class Config:
    """Settings of one frozen encoder shared by sketches and photos, and of the parts of it that are trained."""

    backbone: str  # timm/<a ViT>, or a CNN with ``tap``
    tap: str | None  # of a CNN, the layer whose map is averaged to the vector; of a ViT none
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    projection: bool  # of a ViT: keep its head, by which CLIP projects to the space of words
    prompts: int  # learnt tokens beside those of the image, of a ViT only
    norms: bool  # train scale and shift of layer norms and batch norms
    margin: float  # of both losses, in cosine distance
    shuffle_weight: float  # of patch shuffling; the triplet loss has weight 1
    shuffle_grid: int  # an image is cut into grid x grid parts, must divide ``size``
    text: TextTower | None  # with it the network takes words; of the same model as the backbone
    words: str  # a folder with transformers' CLIP and its tokenizer.json, whose text tower is loaded; "" for random
    training: TrainingConfig


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        tap="features.18",
        size=224,
        polarity="black-on-white",
        normalisation="imagenet",
        projection=False,
        prompts=0,
        norms=True,
        margin=0.2,
        shuffle_weight=1.0,
        shuffle_grid=2,
        text=None,
        words="",
        training=BENCH,
    ),
    "paper": Config(
        backbone="timm/vit_base_patch32_clip_224.openai",
        tap=None,
        size=224,
        polarity="black-on-white",
        normalisation="imagenet",
        projection=True,
        prompts=3,
        norms=True,
        margin=0.2,
        shuffle_weight=1.0,
        shuffle_grid=2,
        text=None,
        words="",
        # rates and batch as released; the number of epochs is ours
        training=TrainingConfig(
            pairs=None,
            epochs=60,
            epoch_of="sketches",
            batch=32,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-3,
            weight_decay=0.0,
            schedule="constant",
            augmentation="none",
            precision="fp32",
        ),
    ),
}
