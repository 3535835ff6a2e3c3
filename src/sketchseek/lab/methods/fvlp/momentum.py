"""Used in training only: momentum copies of parts of the network, and queues of their features of recent pairs."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COPIED = ("vision", "text", "vision_projection", "text_projection")
MULTI_SCALE = "multi_scale"  # the name of the module that has a copy only with ``slow_module``, as in `bench`
UNFILLED = -100  # the identity of queue entries that no pair has filled yet


class Momentum(nn.Module):
    """Momentum copies of the parts ``copied`` of a network, and a queue of unit vectors ``[size, E]`` for each name.

    ``identity [size]`` is the photo that each entry belongs to. Queues initially hold random unit vectors with the
    identity ``UNFILLED``. Copies and queues are part of a checkpoint, so a resumed run continues with them.
    """

    def __init__(
        self, network: nn.Module, names: tuple[str, ...], size: int, momentum: float, copied: tuple[str, ...] = COPIED
    ) -> None:
        super().__init__()
        for name in copied:
            self.add_module(name, copy.deepcopy(network.get_submodule(name)).requires_grad_(False))
        self.vision: nn.Module
        self.text: nn.Module
        self.vision_projection: nn.Module
        self.text_projection: nn.Module
        self.size, self.momentum = size, momentum
        projection = network.get_submodule("text_projection")
        assert isinstance(projection, nn.Linear)
        self.names = names
        for name in names:
            self.register_buffer(f"queue_{name}", F.normalize(torch.randn(size, projection.out_features), dim=1))
        self.register_buffer("identity", torch.full((size,), UNFILLED))
        self.register_buffer("next", torch.zeros((), dtype=torch.int64))
        self.identity: Tensor
        self.next: Tensor

    def queue(self, name: str) -> Tensor:
        """The queue of that name, ``[size, E]``."""
        return self.get_buffer(f"queue_{name}")

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Update the copies: an exponential moving average of the network's parameters."""
        for name, slow in self.named_children():
            for parameter, average in zip(network.get_submodule(name).parameters(), slow.parameters(), strict=True):
                average.lerp_(parameter, 1 - self.momentum)

    @torch.no_grad()
    def push(self, vectors: Mapping[str, Tensor], identity: Tensor) -> None:
        """Replace the oldest entries of every queue by unit vectors ``[B, E]`` of the photos ``identity [B]``."""
        places = (self.next + torch.arange(len(identity), device=identity.device)) % self.size
        for name in self.names:
            self.queue(name)[places] = vectors[name]
        self.identity[places] = identity
        self.next.copy_((self.next + len(identity)) % self.size)
