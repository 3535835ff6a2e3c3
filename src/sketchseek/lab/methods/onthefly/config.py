"""Settings of OnTheFly. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sketchseek.lab.training.config import BENCH, TrainingConfig

TITLE = "OnTheFly"
PAPER = "Bhunia et al., Sketch Less for More: On-the-Fly Fine-Grained Sketch Based Image Retrieval, CVPR 2020"
PUBLISHED_AS = ("OnTheFly",)

Reward = Literal["1/rank", "1/sqrt(rank)", "-rank", "rank<=1", "rank<=5", "rank<=10"]


@dataclass(frozen=True)
class PolicyConfig:
    """Settings of the second phase, which trains the policy. An epoch is one episode of every training sketch."""

    algorithm: Literal["reinforce", "ppo"]
    start: Literal["random", "supervised"]  # initial mean of the policy: random, or the supervised head
    reward: Reward  # as a function of the rank of the right photo among all training photos
    weight_local: float  # gamma_1
    weight_global: float  # gamma_2, of the Kendall-tau term
    baseline: bool  # the advantage is the reward minus the mean reward of the same frame in the update
    frames: int  # T, partial sketches in an episode
    epochs: int
    episodes: int  # in an update
    reuse: int  # updates with the same episodes; for ppo only
    clip: float  # epsilon; for ppo only
    rate: float  # learning rate of ppo
    full_rate: float  # the share of the phase (0..1) after which the rate drops to a tenth
    gradient_norm: float  # gradients are clipped to this norm
    reinforce_rate: float = 3e-4  # learning rate of reinforce, which makes one step for an update


@dataclass(frozen=True)
class Config:
    """Settings of a trunk shared by sketches and photos, and of its two phases of training."""

    backbone: str
    tap: str
    size: int  # side of the input in pixels
    polarity: Literal["black-on-white", "white-on-black"]
    normalisation: Literal["unit", "imagenet"]
    embedding: int  # output size of both heads
    objective: Literal["triplet", "infonce"]  # of the supervised phase
    margin: float  # for triplet, in L2 distance of unit vectors
    temperature: float  # for infonce
    policy: PolicyConfig
    training: TrainingConfig  # of the supervised phase


BENCH_CONFIG = Config(
    backbone="torchvision/mobilenet_v2",
    tap="features.18",
    size=224,
    polarity="black-on-white",
    normalisation="unit",
    embedding=64,
    objective="infonce",
    margin=0.3,
    temperature=0.07,
    policy=PolicyConfig(
        algorithm="ppo",
        start="supervised",
        reward="1/rank",
        weight_local=1.0,
        weight_global=1e-4,
        baseline=True,
        frames=20,
        epochs=40,
        episodes=16,
        reuse=4,
        clip=0.2,
        rate=1e-4,
        full_rate=0.5,
        gradient_norm=40.0,
    ),
    # A quarter of the pairs of other methods, because the trunk is meant to come from a `siamese` run.
    training=replace(BENCH, pairs=2_560),
)

PRESETS = {
    "bench": BENCH_CONFIG,
    "paper": replace(
        BENCH_CONFIG,
        backbone="torchvision/inception_v3",
        tap="Mixed_7c",
        size=299,
        polarity="white-on-black",
        normalisation="imagenet",
        objective="triplet",
        policy=replace(
            BENCH_CONFIG.policy,
            start="random",
            baseline=False,
            epochs=2_000,
            rate=1e-3,
            full_rate=0.05,
            reinforce_rate=1e-3,
        ),
        training=TrainingConfig(
            pairs=None,
            epochs=100,
            epoch_of="sketches",
            batch=16,
            optimizer="adam",
            rate_body=1e-4,
            rate_new=1e-4,
            weight_decay=0.0,
            schedule="constant",
            augmentation="flip",
            precision="fp32",
        ),
    ),
}
