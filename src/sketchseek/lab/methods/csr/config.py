"""Settings of CSR. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "CSR: conditional stroke recovery"
PAPER = "Conditional Stroke Recovery for Fine-Grained Sketch-Based Image Retrieval, ECCV 2022"
PUBLISHED_AS = ("CSR",)


@dataclass(frozen=True)
class Config:
    """Settings with the paper's symbols. Preset values without a comment are those that the paper recommends."""

    backbone: str  # one of network.TAPS
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]

    channels: int  # m, the channels of each fused level; 0: no multi-level fusion
    recovery: bool  # train the stroke recovery network
    compensation: bool  # the recovery network also gets feature maps of the disordered sketch
    map_channels: tuple[int, ...]  # the channels of the recovery map (1 to 4) that are used in the recovery loss

    disorder: Literal["stroke", "grid"]
    strokes: int  # n_s, how many strokes a sketch is cut into; for "grid" the cells on a side
    share: tuple[float, float]  # p_d at start and end of training: the share of strokes moved, and how far they move

    double_anchor: bool  # disordered sketches are anchors too
    alpha_slope: float  # alpha_p: the weight of disordered sketches is alpha = 1 - alpha_p p_d
    # Variants of Table 5, for the single anchor:
    loss: Literal["infonce", "triplet"]
    anchor: Literal["sketch", "photo", "both"]
    negatives: Literal["batch", "one"]  # the efficient triplet collection (ETC), and the naive one
    similarity: Literal["cosine", "l2", "dot"]
    similarity_scale: float  # lambda, for triplet
    temperature: float  # tau, for infonce
    margin: float  # for triplet
    weight: float  # w, of the retrieval loss; the recovery loss has weight 1

    training: TrainingConfig


BENCH_CONFIG = Config(
    backbone="torchvision/mobilenet_v2",
    size=224,
    polarity="black-on-white",
    normalisation="unit",
    channels=64,
    recovery=True,
    compensation=True,
    map_channels=(1, 2, 3, 4),
    disorder="stroke",
    strokes=10,
    share=(0.1, 0.3),
    double_anchor=True,
    alpha_slope=2.0,
    loss="infonce",
    anchor="sketch",
    negatives="batch",
    similarity="cosine",
    similarity_scale=1.0,
    # Chosen on validation photos: with the paper's 0.005, such a short training of MobileNetV2 is far worse (README).
    temperature=0.05,
    margin=0.2,
    weight=10.0,
    training=BENCH,
)

PAPER_CONFIG = replace(
    BENCH_CONFIG,
    backbone="torchvision/googlenet",
    normalisation="imagenet",
    temperature=0.005,
    # 100,000 updates, as in the released code's smoke test; the paper does not state it
    training=TrainingConfig(
        pairs=9_600_000,
        batch=96,
        optimizer="adam",
        rate_body=2e-4,
        rate_new=2e-4,
        weight_decay=0.0,
        schedule="exponential",
        augmentation="none",
        precision="fp32",
    ),
)

PRESETS = {
    "bench": BENCH_CONFIG,
    "paper": PAPER_CONFIG,
    # The other backbones of Table 1
    "paper-inception_v3": replace(PAPER_CONFIG, backbone="torchvision/inception_v3", size=299),
    "paper-resnet18": replace(PAPER_CONFIG, backbone="torchvision/resnet18"),
    "paper-densenet169": replace(PAPER_CONFIG, backbone="torchvision/densenet169"),
}
