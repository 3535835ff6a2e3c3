"""Settings of ARNet and ARNet+MSTR. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "ARNet, with MSTR token recycling"
PAPER = "Contrastive Learning with Double Siamese Networks for FG-SBIR (ARNet, also EffNet), released code of 2024"
PUBLISHED_AS = ("ARNet Basic", "ARNet+MSTR")


@dataclass(frozen=True)
class Config:
    """Both presets hold ARNet+MSTR; the row ``basic`` is ARNet alone."""

    backbone: str  # timm/<a ViT or Swin>, or one of trunk.TAPS
    size: int  # the input's side in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet", "raw"]
    embedding: int  # the vector's entries

    recycling: bool  # MSTR
    recycling_heads: int  # of its transformers; divides the width of a token
    recycling_share: float  # of the recycled vector in the image's; the rest is the backbone's own
    recycling_weight: float  # of the recycling loss of each encoder; the contrastive terms weigh 1

    augmented_views: bool  # with the two terms within a domain, which compare an image with another view of it
    temperature: float
    batch: Literal["photos", "sketches"]  # each photo once an epoch and in a batch, or each sketch once an epoch
    id_aware: bool  # sketches of one photo are not each other's negatives; no difference where a batch has each once

    training: TrainingConfig


BENCH_CONFIG = Config(
    backbone="torchvision/mobilenet_v2",
    size=224,
    polarity="black-on-white",
    normalisation="unit",
    embedding=512,
    recycling=True,
    recycling_heads=4,
    recycling_share=0.1,
    recycling_weight=1.0,
    augmented_views=True,
    temperature=0.07,
    batch="photos",
    id_aware=False,
    training=BENCH,
)

PRESETS = {
    "bench": BENCH_CONFIG,
    "paper": replace(
        BENCH_CONFIG,
        backbone="timm/vit_base_patch16_224.augreg_in21k_ft_in1k",
        normalisation="raw",
        recycling_heads=8,
        batch="sketches",
        # 500 epochs over ChairV2's 952 training sketches
        training=TrainingConfig(
            pairs=476_000,
            batch=16,
            optimizer="adam",
            rate_body=6e-6,
            rate_new=6e-6,
            weight_decay=1e-4,
            schedule="constant",
            augmentation="none",
            precision="fp32",
        ),
    ),
}
