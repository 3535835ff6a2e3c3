"""Backbones compute what the library's networks compute, and keep less of it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from sketchseek.lab.backbones import build_network
from sketchseek.lab.backbones.relu6 import use_thrifty_relu6


def train_step(network: nn.Module, images: Tensor) -> tuple[list[Tensor], int]:
    """The gradients of all parameters, and how many bytes the forward pass kept for them."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = network(images).square().mean()
    loss.backward()
    return [parameter.grad for parameter in network.parameters() if parameter.grad is not None], sum(kept.values())


def test_relu6_keeps_a_third_less_and_changes_no_gradient() -> None:
    torch.manual_seed(0)
    library = build_network("torchvision/mobilenet_v2").get_submodule("features").train()
    ours = copy.deepcopy(library)
    use_thrifty_relu6(ours)
    images = 4 * torch.randn(4, 3, 96, 96)  # so that some units are above 6

    expected, kept_by_library = train_step(library, images)
    gradients, kept = train_step(ours, images)

    for gradient, wanted in zip(gradients, expected, strict=True):
        assert torch.equal(gradient, wanted)
    assert kept < 0.75 * kept_by_library
    with torch.no_grad():
        assert torch.equal(ours.eval()(images), library.eval()(images))
