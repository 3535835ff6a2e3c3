"""LA's network with another matcher, which aligns the cells of each pair of sketch and photo."""

from __future__ import annotations

import torch

from sketchseek.lab.backbones import Weights
from sketchseek.lab.methods.dla.config import Config
from sketchseek.lab.methods.la.network import LocalMapNetwork


class DynamicLocalMapNetwork(LocalMapNetwork):
    """LA's network with the matcher ``DynamicLocal``."""

    matcher = "dynamic-local"


def build(config: Config, weights: Weights = "random") -> DynamicLocalMapNetwork:
    """The network with its backbone's weights loaded."""
    return DynamicLocalMapNetwork(config, weights).to(memory_format=torch.channels_last)
