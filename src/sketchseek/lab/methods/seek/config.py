"""Settings of Seek. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "Seek: global vector and inked cells"
PAPER = "our own; the model that comes with Sketchseek is of this method"


@dataclass(frozen=True)
class Config:
    """One shared encoder with two taps: ``taps[0]`` gives the cells, both together the global vector."""

    backbone: str
    taps: tuple[str, str]
    size: int  # the input's side in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    vector: int  # numbers of the global vector
    channels: int  # numbers of a cell
    grid: int  # cells a side to which a photo's map is pooled at most; all of a sketch's cells are kept
    cells_weight: float  # of the cells in the similarity; the global vector has 1
    temperature: float  # of the contrast between pairs
    categories: (
        int  # categories in each step's batch of drawings and photos that share only a category; 0: no such batch
    )
    drawings: int  # further drawings of any category in it, for the classifier
    category_temperature: float  # of the contrast between categories, and of the classifier
    category_weight: float  # of the category losses
    fold: bool  # fold the backbone's batch norms into its convolutions before training
    frozen: tuple[str, ...]  # first parts of the names of the backbone's layers that are not trained
    small_size: int  # side in pixels to which images are reduced at first
    small_share: float  # of the steps
    training: TrainingConfig


PRESETS = {
    "bench": Config(
        backbone="torchvision/mobilenet_v2",
        taps=("features.13", "features.18"),
        size=224,
        polarity="black-on-white",
        normalisation="unit",
        vector=256,
        channels=32,
        grid=14,
        cells_weight=1.0,
        temperature=0.05,
        categories=0,
        drawings=0,
        category_temperature=0.07,
        category_weight=0.0,
        fold=False,
        frozen=(),
        small_size=224,
        small_share=0.0,
        training=BENCH,
    ),
    # For a model that anybody may use: pairs, drawings and photos of all data sets at hand together.
    "app": Config(
        backbone="torchvision/mobilenet_v2",
        taps=("features.13", "features.18"),
        size=160,
        polarity="black-on-white",
        normalisation="unit",
        vector=256,
        channels=28,
        grid=8,
        cells_weight=1.0,
        temperature=0.05,
        categories=24,
        drawings=20,
        category_temperature=0.07,
        category_weight=0.7,
        fold=True,
        frozen=("features.0.", "features.1.", "features.2.", "features.3."),
        small_size=128,
        small_share=0.68,
        training=TrainingConfig(
            pairs=64_000,
            batch=64,
            optimizer="adamw",
            rate_body=3e-4,
            rate_new=1.5e-3,
            weight_decay=0.02,
            schedule="one-cycle",
            augmentation="freehand",
            precision="fp32",
            completion=(0.5, 1.0),
        ),
    ),
}
