"""Settings of Seek. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "Seek: global vector and inked cells"
PAPER = "our own; the model that comes with Sketchseek is of this method"


@dataclass(frozen=True)
class Config:
    """One shared encoder with two taps: ``taps[0]`` gives the cells, both together the global vector.

    With ``kinds``, that many numbers of the global vector say what kind of thing it is. Those of a photo come from a
    *recogniser*, a frozen network trained on ImageNet; those of a sketch from the encoder.
    """

    backbone: str
    taps: tuple[str, str]
    size: int  # the input's side in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    vector: int  # numbers of the global vector
    kinds: int  # of these say the kind of thing; 0: none
    recogniser: str  # a network of timm, with `kinds` only
    recogniser_tap: str  # its layer before the classifier
    recogniser_weights: str  # `pretrained` (downloaded once), `random`, or a .safetensors file
    channels: int  # numbers of a cell
    grid: int  # cells a side to which a photo's map is pooled at most; all of a sketch's cells are kept
    cells_weight: float  # of the cells in the similarity; the shape's cosine has 1, the kind's `network.KIND_WEIGHT`
    temperature: float  # of the contrast between pairs
    # Of each data set, in their order: the share of the batches whose pairs are all of one of its categories, and its
    # part in the other batches. Empty: as `TrainingPairs` makes batches, the same for all.
    batches: tuple[tuple[float, float], ...]
    categories: int  # in each step's drawings and photos that share only a category; 0: train with pairs alone
    drawings: int  # further drawings in a step, half of them of categories that have photos
    recognised: int  # further photos in a step, as the recogniser sees them
    category_temperature: float  # of the contrast between categories, and of names
    category_weight: float  # of the losses by category and by name
    redrawn: bool  # vary the strokes of training sketches, see `redrawing`
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
        kinds=0,
        recogniser="",
        recogniser_tap="",
        recogniser_weights="random",
        channels=32,
        grid=14,
        cells_weight=1.0,
        temperature=0.05,
        batches=(),
        categories=0,
        drawings=0,
        recognised=0,
        category_temperature=0.07,
        category_weight=0.0,
        redrawn=False,
        fold=False,
        frozen=(),
        small_size=224,
        small_share=0.0,
        training=BENCH,
    ),
    # For a model that anybody may use: pairs, drawings and photos of all data sets at hand together. `batches` is for
    # ChairV2, Sketchy-10, Sketchy-125, synthetic, drawings without photos, and photos without sketches, in this order.
    "app": Config(
        backbone="torchvision/mobilenet_v2",
        taps=("features.13", "features.18"),
        size=192,
        polarity="black-on-white",
        normalisation="unit",
        vector=256,
        kinds=128,
        recogniser="timm/tf_efficientnet_lite0",
        recogniser_tap="bn2",
        recogniser_weights="pretrained",
        channels=28,
        grid=8,
        cells_weight=1.0,
        temperature=0.05,
        batches=((0.36, 1.0), (0.24, 3.0), (0.0, 6.0), (0.0, 2.0), (0.0, 0.0), (0.0, 4.0)),
        categories=12,
        drawings=56,
        recognised=128,
        category_temperature=0.06,
        category_weight=1.0,
        redrawn=True,
        fold=True,
        frozen=("features.0.", "features.1.", "features.2.", "features.3."),
        small_size=128,
        small_share=0.68,
        training=TrainingConfig(
            pairs=128_000,
            batch=28,
            optimizer="adamw",
            rate_body=3e-4,
            rate_new=1.5e-3,
            weight_decay=0.02,
            schedule="one-cycle",
            augmentation="freehand",
            precision="fp32",
        ),
    ),
}
