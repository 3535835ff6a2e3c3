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
    """The size of a tower; its feed-forward layers are four times as wide."""

    layers: int
    width: int
    heads: int


@dataclass(frozen=True)
class Config:
    """``paper`` is CLIP ViT-B/16 and BERT, ``bench`` the same method on MobileNetV2 with a small text transformer."""

    backbone: str  # clip, torchvision/<name> or timm/<name>
    taps: tuple[str, ...]  # layers whose maps are joined, the last one the final one; of clip its blocks from 0 on
    vision: Transformer  # of clip, in patches of 16 px
    size: int  # the input's side in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet", "raw"]  # raw for clip, which applies its own mean and deviation

    text: Transformer
    vocabulary: int  # rows of the word table; the last stands for [ENC], with which a text reads a photo
    length: int  # tokens of a text, [CLS], [SEP] and padding included
    towers: str  # folder with the stock towers `clip` and `bert` as transformers saves them; only read to begin with

    features: Literal["multi-scale", "class"]  # class: the class token alone, as in pre-training
    channels: int  # of the multi-scale attention module
    embedding: int  # the vector's entries
    fusion: Literal["raw_sum", "unit_sum", "sketch_only", "text_only"]  # what the query is made of

    program: Literal["fine-tuning", "pre-training"]  # pre-training is on photos and words alone
    # Momentum features kept, at most, and never more than four epochs of pairs; and how much of themselves the momentum
    # copies keep a step. The published 57,600 and 0.995 are for thousands of steps, `bench` has 320.
    queue: int
    momentum: float
    slow_module: bool  # the multi-scale module has a momentum copy too, which the published one has not
    distillation: float  # share of the momentum copies' opinion in the targets, once the first two epochs are over
    matching_weight: float  # of the matching of words and photos (ITM); the contrast of words and photos (ITC) weighs 1
    sketch_weight: float  # of the contrast of sketches alone with photos, which the paper has not
    temperature: float  # to begin with; it is learnt
    partial: bool  # show a random part of each drawing, as the paper's random frame does
    partial_words: bool  # show a random part of every other text, as people type a word or two; the paper shows it all
    published_rates: bool  # the published warm-up and decay instead of training.schedule

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
    vocabulary=30_524,  # BERT's 30,522, [DEC], which nothing uses, and [ENC]
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
    # 100 epochs over FS2K-SDE1's 1,079 photos
    training=TrainingConfig(
        pairs=107_900,
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
        # 15 epochs of 23,925 steps of eight processes, which share them
        training=replace(PAPER_CONFIG.training, pairs=229_680_000, batch=80, precision="bf16"),
    ),
}
