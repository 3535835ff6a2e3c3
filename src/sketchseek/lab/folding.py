"""Fold batch norms into convolutions, for networks in evaluation."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(network: nn.Module) -> None:
    """Fold each batch norm into the convolution before it, in place.

    The exporter does the same, so torch and the exported model use equally rounded weights. timm's ``BatchNormAct2d``
    is followed by its activation, which stays.
    """
    for module in network.modules():
        pairs: list[tuple[str, str]] = []
        if isinstance(module, nn.Sequential):
            pairs = list(pairwise(name for name, _ in module.named_children()))
        elif isinstance(module, torch.fx.GraphModule):
            called = [n for n in module.graph.nodes if n.op == "call_module" and isinstance(n.args[0], torch.fx.Node)]
            pairs = [(str(n.args[0].target), str(n.target)) for n in called if len(n.args[0].users) == 1]
        layers = dict(module.named_modules())
        for before, norm in pairs:
            convolution, batch_norm = layers.get(before), layers[norm]
            if isinstance(convolution, nn.Conv2d) and isinstance(batch_norm, nn.BatchNorm2d):
                module.set_submodule(before, fuse_conv_bn_eval(convolution, batch_norm))
                module.set_submodule(norm, getattr(batch_norm, "act", nn.Identity()))
