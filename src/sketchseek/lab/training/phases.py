"""The phase used by most methods: train the whole network for the training budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sketchseek.lab.training.config import TrainingConfig
from sketchseek.lab.training.loop import Phase
from sketchseek.lab.training.optimizers import body_and_new, build_optimizer, schedule


def budget_phase(
    network: nn.Module,
    body: nn.Module,
    training: TrainingConfig,
    batch: Callable[[int, torch.device], Any],
    loss: Callable[[nn.Module, Any, float], dict[str, Tensor]],
    *,
    name: str = "train",
    rates: Callable[[float], float] | None = None,
    train_mode: Callable[[nn.Module], Any] = nn.Module.train,
    validated: bool = True,
) -> Phase:
    """A phase of ``training.steps`` steps with one optimiser.

    ``body``, the pretrained part of ``network``, is trained at ``training.rate_body``, everything else at
    ``training.rate_new``. ``rates`` replaces ``training.schedule``. All other arguments are as in ``Phase``.
    """
    return Phase(
        name=name,
        steps=training.steps,
        batch=batch,
        loss=loss,
        optimizers={"all": build_optimizer(body_and_new(network, body, training), training)},
        schedule=rates or schedule(training.schedule),
        train_mode=train_mode,
        validated=validated,
    )
