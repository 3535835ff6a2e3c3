"""Settings of FVLP. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "FVLP: sketch and words"
PAPER = (
    "Dai et al., Vision-Language Joint Representation Learning for Sketch Less Facial Image Retrieval, "
    "Information Fusion 112, 2024"
)


@dataclass(frozen=True)
class Transformer:
    """The size of a transformer; its feed-forward layers are four times as wide."""

    layers: int
    width: int
    heads: int


@dataclass(frozen=True)
class Config:
    """Settings. ``paper`` is CLIP ViT-B/16 and BERT; ``bench`` is MobileNetV2 and a small text transformer."""

    backbone: str  # clip, torchvision/<name> or timm/<name>
    taps: tuple[str, ...]  # layers whose maps are concatenated, ending with the final one; for clip, numbers of blocks
    vision: Transformer  # for clip, with patches of 16 px
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet", "raw"]  # raw for clip, which applies its own mean and deviation

    text: Transformer
    vocabulary: int  # rows of the token embedding; the last is [ENC], the first token when a text attends to a photo
    length: int  # tokens of a text, including [CLS], [SEP] and padding
    towers: str  # a folder with `clip` and `bert`, saved by transformers; used for initialisation only

    features: Literal["multi-scale", "class"]  # class: only the class token, as in pre-training
    channels: int  # of the multi-scale attention module
    embedding: int  # size of the vectors
    fusion: Literal["raw_sum", "unit_sum", "sketch_only", "text_only"]  # what the query consists of

    program: Literal["fine-tuning", "pre-training"]  # pre-training uses photos and texts only
    # The published queue of 57,600 and momentum of 0.995 are for thousands of steps; `bench` has 320.
    queue: int  # how many momentum features are kept, but at most four epochs of pairs
    momentum: float  # of the momentum copies, per step
    slow_module: bool  # the multi-scale module has a momentum copy too, unlike the published code
    distillation: float  # share of the targets given by the momentum copies, after a ramp of two epochs
    matching_weight: float  # of image-text matching (ITM); image-text contrast (ITC) has weight 1
    sketch_weight: float  # of the contrast between sketches alone and photos, which the paper does not have
    temperature: float  # initial value; it is learnt
    partial: bool  # train on a random part of each drawing, like the paper's random frame
    partial_words: bool  # train on a random part of every other text, as users type a word or two; not in the paper
    published_rates: bool  # use the published warm-up and decay instead of training.schedule

    training: TrainingConfig


BENCH_CONFIG = Config(
    backbone="torchvision/mobilenet_v2",
    taps=("features.6", "features.10", "features.13", "features.18"),
    vision=Transformer(layers=12, width=768, heads=12),
    size=112,
    polarity="black-on-white",
    normalisation="unit",
    text=Transformer(layers=3, width=192, heads=4),
    vocabulary=2000,
    length=48,
    towers="",
    features="multi-scale",
    channels=512,
    embedding=256,
    fusion="unit_sum",
    program="fine-tuning",
    queue=256,
    momentum=0.98,
    slow_module=True,
    distillation=0.4,
    matching_weight=1.0,
    sketch_weight=0.5,
    temperature=0.07,
    partial=True,
    partial_words=False,
    published_rates=False,
    training=BENCH,
)

PAPER_CONFIG = replace(
    BENCH_CONFIG,
    backbone="clip",
    taps=("3", "5", "7", "11"),
    normalisation="raw",
    text=Transformer(layers=12, width=768, heads=12),
    vocabulary=30_524,  # BERT's 30,522, [DEC], which is unused, and [ENC]
    length=65,
    size=224,
    channels=2048,
    fusion="raw_sum",
    queue=57_600,
    momentum=0.995,
    slow_module=False,
    matching_weight=10.0,
    sketch_weight=0.0,
    published_rates=True,
    training=TrainingConfig(
        pairs=None,
        epochs=100,
        epoch_of="photos",
        batch=16,
        optimizer="adamw",
        rate_body=3e-5,
        rate_new=1e-3,
        weight_decay=0.05,
        schedule="constant",
        augmentation="randaugment",
        precision="fp32",
    ),
)

PRESETS = {
    "bench": BENCH_CONFIG,
    "paper": PAPER_CONFIG,
    "pre-training": replace(
        PAPER_CONFIG,
        features="class",
        program="pre-training",
        queue=61_440,
        matching_weight=1.0,
        partial=False,
        # 15 epochs of 23,925 steps, with eight processes
        training=replace(PAPER_CONFIG.training, epochs=15, batch=80, precision="bf16"),
    ),
}
