"""Settings of MLRM. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig
from sketchseek.matching.region_weighted import Strategy

TITLE = "MLRM: multi-level region matching"
PAPER = "Multi-Level Region Matching for Fine-Grained Sketch-Based Image Retrieval, ACM MM 2022"
PUBLISHED_AS = ("MLRM",)


@dataclass(frozen=True)
class Config:
    """Settings with the paper's symbols and numbers of levels. Both presets are the full method."""

    backbone: str  # one of network.CUTS
    size: int  # side of the input in pixels, a multiple of 32
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]

    regions: int  # N
    levels: tuple[int, ...]  # those used, of 1, 2, 3
    attention: Literal["lama", "cama"]  # maps by an indicator and a shared Block4, or by a copy of Block4 per region
    tau: int  # how many cells of a map are at least one half; 0: plain sigmoid
    geometry: bool  # positional embeddings from geometry maps
    dropout: float  # of RLA's transformer
    unit_length: bool  # normalise region features to unit length
    strategy: Strategy  # how distances of regions are combined, in training and, by default, retrieval

    margin: float  # m
    local_share: float  # alpha: the margin of local region-negatives, as a share of m
    global_share: float  # beta: the margin of global region-negatives, as a share of m
    local_region_negatives: bool
    local_mean: Literal["joint", "separate"]  # one mean over both kinds of local negatives, or the sum of two means
    global_region_negatives: bool
    overlap: Literal["lama", "cama"]
    # Weights of the losses
    weight_global: float
    weight_local: float
    weight_overlap_sketch: float
    weight_overlap_photo: float

    training: TrainingConfig
    norms: bool = False  # batch norms in the reductions of levels 1 and 2


BENCH_CONFIG = Config(
    backbone="torchvision/mobilenet_v2",
    size=224,
    polarity="black-on-white",
    normalisation="unit",
    regions=3,
    levels=(1, 2, 3),
    attention="lama",
    tau=3,
    geometry=True,
    dropout=0.1,
    unit_length=False,
    strategy="weighted",
    margin=0.3,
    local_share=0.1,
    global_share=0.1,
    local_region_negatives=True,
    local_mean="joint",
    global_region_negatives=True,
    overlap="lama",
    weight_global=1.0,
    weight_local=1.0,
    # At weight 1 all maps concentrate on the same cells within 40 updates, where the penalty's gradient vanishes.
    weight_overlap_sketch=0.1,
    weight_overlap_photo=0.1,
    training=BENCH,
)

PRESETS = {
    "bench": BENCH_CONFIG,
    "paper": replace(
        BENCH_CONFIG,
        backbone="torchvision/densenet169",
        size=256,
        normalisation="imagenet",
        weight_overlap_sketch=1.0,
        weight_overlap_photo=1.0,
        # 150,000 updates, as in the released code; the paper does not state it
        training=TrainingConfig(
            pairs=9_600_000,
            batch=64,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-4,
            weight_decay=0.0,
            schedule="exponential",
            augmentation="bench",
            precision="fp32",
        ),
    ),
}
