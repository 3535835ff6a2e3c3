"""Build the optimiser and the learning rate schedule of a TrainingConfig."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from sketchseek.lab.training.config import TrainingConfig

WARM_UP = 0.15  # share of a one-cycle run during which the rate rises


def body_and_new(network: nn.Module, body: nn.Module, training: TrainingConfig) -> list[dict[str, Any]]:
    """Parameter groups: ``body`` with its own rate, the rest of the network with the rate of new parts.

    Vectors (biases, norms) have no weight decay.
    """
    in_body = {id(p) for p in body.parameters()}
    groups = []
    for is_body, rate in ((True, training.rate_body), (False, training.rate_new)):
        parameters = [p for p in network.parameters() if (id(p) in in_body) == is_body and p.requires_grad]
        for decay, chosen in (
            (training.weight_decay, [p for p in parameters if p.ndim > 1]),
            (0.0, [p for p in parameters if p.ndim <= 1]),
        ):
            if chosen:
                groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
    return groups


def build_optimizer(groups: list[dict[str, Any]], training: TrainingConfig) -> Optimizer:
    """Adam or AdamW over the groups."""
    kind = torch.optim.AdamW if training.optimizer == "adamw" else torch.optim.Adam
    # Not `fused`: it would misread the moments of a checkpoint, whose memory layout differs from that of the weights.
    return kind(groups, lr=training.rate_new)


def schedule(name: str) -> Callable[[float], float]:
    """The factor on the learning rates, as a function of the share of the phase done, 0..1.

    ``exponential`` decays to a tenth over the phase.
    """
    return {"one-cycle": one_cycle, "exponential": lambda f: 0.1**f, "constant": lambda f: 1.0}[name]


def one_cycle(fraction: float) -> float:
    """A cosine from 1/25 up to 1 over the first 15 %, then a cosine down to 0 (Smith & Topin 2019)."""
    if fraction < WARM_UP:
        return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * fraction / WARM_UP)) / 2
    return (1 + math.cos(math.pi * (fraction - WARM_UP) / (1 - WARM_UP))) / 2
