"""The backbone of an encoder: gives one vector for an image, and the cells (tokens) that it was computed from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights, build_backbone, build_network


@dataclass(frozen=True)
class Taps:
    """Layers of a CNN from which features are taken."""

    final: str  # pooled into the vector
    cells: str  # has 14 cells on a side at 224 px (Inception: 12)
    pool: Literal["max", "avg"]


# The first three are the released code's. MobileNetV2 is ours, with the pooling it was pretrained with.
TAPS = {
    "torchvision/vgg16": Taps("features.30", "features.29", "max"),
    "torchvision/resnet50": Taps("layer4", "layer3", "max"),
    "torchvision/inception_v3": Taps("Mixed_7c", "Mixed_6e", "max"),
    "torchvision/mobilenet_v2": Taps("features.18", "features.13", "avg"),
}


class ConvolutionalTrunk(nn.Module):
    """``forward(images [B, 3, S, S]) -> (vector [B, width], cells [B, side^2, cell_width])``."""

    def __init__(self, name: str, size: int, weights: Weights) -> None:
        super().__init__()
        taps = TAPS[name]
        self.backbone = build_backbone(name, (taps.final, taps.cells), size, weights)
        self.pool = taps.pool
        self.width, self.cell_width = self.backbone.channels
        self.side = self.backbone.sides[1]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        final, cells = self.backbone(images.contiguous(memory_format=torch.channels_last))
        vector = final.amax(dim=(2, 3)) if self.pool == "max" else final.mean(dim=(2, 3))
        return vector, cells.flatten(2).transpose(1, 2)


class TransformerTrunk(nn.Module):
    """Like ``ConvolutionalTrunk``, for tokens after the final norm of a ViT or Swin.

    The vector is the class token, or the mean of the cells if there is none (Swin).
    """

    def __init__(self, name: str, size: int, weights: Weights) -> None:
        super().__init__()
        network: Any = build_network(name, weights)
        if not hasattr(network, "patch_embed") or getattr(network, "num_prefix_tokens", 0) > 1:
            raise InputError(f"arnet cannot use the backbone '{name}'; of timm it takes ViT and Swin, else {_known()}")
        try:
            if network.patch_embed.img_size != (size, size):
                network.set_input_size(img_size=(size, size))
            network.reset_classifier(0)
            self.network: Any = network.eval()
            self.prefix = getattr(network, "num_prefix_tokens", 0)
            with torch.no_grad():
                vector, cells = self(torch.zeros(1, 3, size, size))
        except (AssertionError, AttributeError, RuntimeError, ValueError) as error:
            raise InputError(f"arnet: '{name}' cannot take images of {size} px ({error})") from error
        self.width, self.cell_width = vector.shape[1], cells.shape[2]
        self.side = math.isqrt(cells.shape[1])
        if self.side < 2 or self.side**2 != cells.shape[1]:
            raise InputError(f"arnet: '{name}' gives {cells.shape[1]} cells, not a square of them; take a ViT or Swin")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.network.forward_features(images)
        if tokens.ndim == 4:  # Swin's, [B, h, w, D]
            tokens = tokens.flatten(1, 2)
        cells = tokens[:, self.prefix :]
        return tokens[:, 0] if self.prefix else cells.mean(1), cells


def build_trunk(name: str, size: int, weights: Weights) -> ConvolutionalTrunk | TransformerTrunk:
    """The trunk for a backbone, with ``weights`` as in ``build_network``.

    Raises InputError for a backbone that is not supported, and for a size that it cannot take.
    """
    if name in TAPS:
        return ConvolutionalTrunk(name, size, weights)
    if not name.startswith("timm/"):
        raise InputError(f"arnet cannot use the backbone '{name}'; it takes a timm ViT or Swin, {_known()}")
    return TransformerTrunk(name, size, weights)


def _known() -> str:
    return ", ".join(TAPS)
