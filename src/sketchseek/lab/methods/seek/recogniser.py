"""What a network trained on ImageNet knows of a photo, and the table of names. The network is not trained here."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Backbone, SavedWeights, Weights, build_network
from sketchseek.lab.methods.seek.vocabulary import vocabulary


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
        self.vectors = nn.Parameter(torch.zeros(0, dimensions))
        self.members: Tensor
        self.register_buffer("members", torch.zeros(1, 0, dtype=torch.int64), persistent=False)
        self._name([], set())

    def begin(self, names: Sequence[str], drawn: Collection[str] = ()) -> None:
        """Take these names. Those that are known keep their vector, the others get a random one. ``drawn`` are those of
        which there are drawings and no photos; they are no words, as no photo has shown what they look like.
        """
        before = {name: self.vectors.detach()[row] for row, name in enumerate(self.names)}
        dimensions = self.vectors.shape[1]
        rows = [before[name] if name in before else torch.randn(dimensions) for name in names]
        self._name(names, drawn)
        self.vectors = nn.Parameter(torch.stack(rows))

    def forward(self, kinds: Tensor) -> Tensor:
        """The cosines ``[B, names]`` of unit vectors ``kinds [B, D]``."""
        return kinds @ F.normalize(self.vectors, dim=1).T

    def vectors_of(self, tokens: Tensor) -> Tensor:
        """The unit vectors ``[.., D]`` of what the tokens of ``vocabulary`` stand for; of token 0 it means nothing."""
        members = F.normalize(self.vectors, dim=1)[self.members[tokens]]
        return F.normalize(members.mean(dim=-2), dim=-1)

    def get_extra_state(self) -> Tensor:
        state = [[name] if name in self.drawn else name for name in self.names]
        return torch.frombuffer(bytearray(json.dumps(state).encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        entries = json.loads(bytes(state.cpu().numpy()))
        drawn = {entry[0] for entry in entries if isinstance(entry, list)}
        self._name([entry[0] if isinstance(entry, list) else entry for entry in entries], drawn)

    def _name(self, names: Sequence[str], drawn: Collection[str]) -> None:
        self.names, self.drawn = list(names), frozenset(drawn)
        self.vocabulary, members = vocabulary(self.names, self.drawn)
        self.members = torch.from_numpy(members).to(self.members.device)

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *others: Any) -> None:
        saved = state.get(f"{prefix}vectors")
        if saved is not None and saved.shape[1:] == self.vectors.shape[1:] and len(saved) != len(self.vectors):
            self.vectors = nn.Parameter(torch.zeros_like(saved))
        super()._load_from_state_dict(state, prefix, *others)
