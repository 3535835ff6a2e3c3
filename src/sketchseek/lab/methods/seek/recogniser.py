"""What a network trained on ImageNet knows of a photo, and the table of names. The network is not trained here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Backbone, SavedWeights, Weights, build_network


class Recogniser(nn.Module):
    """``forward(images [B, 3, S, S])`` gives the averaged features ``[B, F]`` of a network of timm before its
    classifier. They tell kinds of things apart of which the training data has few photos.

    ``classify(features)`` gives the logits ``[B, classes]`` of the network's own classifier. Frozen, and always in
    evaluation mode.
    """

    def __init__(self, name: str, tap: str, size: int, weights: str) -> None:
        super().__init__()
        network: Any = build_network(name, _read(weights))
        if not hasattr(network, "get_classifier"):
            raise InputError(f"recogniser '{name}': give a network of timm with a classifier")
        self.classifier: nn.Linear = network.get_classifier()
        self.backbone = Backbone(network, (tap,), size)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Recogniser:
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        return self.backbone(images)[0].float().mean(dim=(2, 3))

    def classify(self, features: Tensor) -> Tensor:
        return F.linear(features, self.classifier.weight, self.classifier.bias)


def _read(weights: str) -> Weights:
    """``random``, ``pretrained`` (downloaded once), or a ``.safetensors`` file. Raises InputError if it is none."""
    if weights == "random":
        return "random"
    if weights == "pretrained":
        return "pretrained"
    try:
        return SavedWeights(Path(weights), load_file(weights))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{weights}: the recogniser's weights cannot be read ({error}); get the file anew") from None


class Names(nn.Module):
    """A vector of each name of a kind of thing: ``vectors [names, D]``, in the order of ``names``.

    The names are in the state dict too, as JSON bytes, so that they are saved with the weights.
    """

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.names: list[str] = []
        self.vectors = nn.Parameter(torch.zeros(0, dimensions))

    def begin(self, names: Sequence[str]) -> None:
        """Take these names. Those that are known keep their vector, the others get a random one."""
        before = {name: self.vectors.detach()[row] for row, name in enumerate(self.names)}
        dimensions = self.vectors.shape[1]
        rows = [before[name] if name in before else torch.randn(dimensions) for name in names]
        self.names = list(names)
        self.vectors = nn.Parameter(torch.stack(rows))

    def forward(self, kinds: Tensor) -> Tensor:
        """The cosines ``[B, names]`` of unit vectors ``kinds [B, D]``."""
        return kinds @ F.normalize(self.vectors, dim=1).T

    def get_extra_state(self) -> Tensor:
        return torch.frombuffer(bytearray(json.dumps(self.names).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        self.names = json.loads(bytes(state.cpu().numpy()))

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *others: Any) -> None:
        saved = state.get(f"{prefix}vectors")
        if saved is not None and saved.shape[1:] == self.vectors.shape[1:] and len(saved) != len(self.vectors):
            self.vectors = nn.Parameter(torch.zeros_like(saved))
        super()._load_from_state_dict(state, prefix, *others)
