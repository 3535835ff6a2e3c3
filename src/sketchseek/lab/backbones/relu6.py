"""ReLU6 that keeps one map for the backward pass. torch's keeps two: in place, its input is first copied, and out of
place there is its output besides. That is a third of what a MobileNetV2 keeps for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def use_thrifty_relu6(network: nn.Module) -> None:
    """Put ``ThriftyReLU6`` wherever ``network`` has a ``nn.ReLU6`` that works in place."""
    for name, child in network.named_children():
        if isinstance(child, nn.ReLU6) and child.inplace:
            setattr(network, name, ThriftyReLU6())
        else:
            use_thrifty_relu6(child)


class ThriftyReLU6(nn.Module):
    """``nn.ReLU6(inplace=True)`` to the last bit, gradients included."""

    def forward(self, x: Tensor) -> Tensor:
        # A compiler decides by itself what it keeps, and an exported graph has the operator's own name.
        if x.requires_grad and not torch.compiler.is_compiling():
            return _ReLU6.apply(x)
        return F.relu6(x, inplace=True)


class _ReLU6(torch.autograd.Function):
    """The gradient is 0 where the output is 0 or 6, so the output alone tells it."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.mark_dirty(x)
        x.clamp_(0, 6)
        context.save_for_backward(x)
        return x

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (output,) = context.saved_tensors
        return torch.ops.aten.hardtanh_backward(gradient, output, 0.0, 6.0)
