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
    """Settings. Both presets are ARNet+MSTR; the row ``basic`` is ARNet without MSTR."""

    backbone: str  # timm/<a ViT or Swin>, or one of trunk.TAPS
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet", "raw"]
    embedding: int  # size of the embedding

    recycling: bool  # use MSTR
    recycling_heads: int  # attention heads of its transformers; must divide the width of a token
    recycling_share: float  # share (0..1) of the recycled vector in the image's vector
    recycling_weight: float  # of the recycling loss of each encoder; the contrastive terms have weight 1

    augmented_views: bool  # use the two terms within a domain, which compare an image with another view of it
    temperature: float
    batch: Literal["photos", "sketches"]  # each photo once per epoch and batch, or each sketch once per epoch
    id_aware: bool  # sketches of the same photo are not negatives; matters only for batch="sketches"

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
        training=TrainingConfig(
            pairs=None,
            epochs=500,
            epoch_of="sketches",
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
