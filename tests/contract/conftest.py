"""What the tests of all methods begin with."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def start_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of MobileNetV2 whose batch norms know what such a network sees, so that different images have
    different features. Random weights alone make all features equal up to rounding, which cannot be ranked.
    """
    import torch
    from safetensors.torch import save_file
    from torch import nn

    from sketchseek.lab.backbones import build_network

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = build_network("torchvision/mobilenet_v2").train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the running statistics are those of the one batch below
        network(nn.functional.interpolate(2 * torch.rand(8, 3, 5, 5) - 1, size=64))
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.safetensors"
    save_file(network.state_dict(), path)
    return path
