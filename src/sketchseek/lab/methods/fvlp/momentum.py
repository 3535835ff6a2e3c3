"""What training alone has: slow copies of the towers, and queues of what these made of the last pairs."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COPIED = ("vision", "text", "vision_projection", "text_projection")
MODULE = "multi_scale"  # has a copy where the config asks for one, as `bench` does
NOBODY = -100  # the identity of a queue's entry that no pair has filled yet


class Momentum(nn.Module):
    """Copies of the parts of a network that are ``copied`` and, for each name, a queue of unit vectors ``[size, E]``,
    with the photo that each is of, ``identity [size]``. Part of a checkpoint, so a run resumes with them.

    Queues begin with random unit vectors of nobody.
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
        self.register_buffer("identity", torch.full((size,), NOBODY))
        self.register_buffer("next", torch.zeros((), dtype=torch.int64))
        self.identity: Tensor
        self.next: Tensor

    def queue(self, name: str) -> Tensor:
        """The queue ``[size, E]`` of a name."""
        return self.get_buffer(f"queue_{name}")

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move the copies a step towards the network."""
        for name, slow in self.named_children():
            for parameter, average in zip(network.get_submodule(name).parameters(), slow.parameters(), strict=True):
                average.lerp_(parameter, 1 - self.momentum)

    @torch.no_grad()
    def push(self, vectors: Mapping[str, Tensor], identity: Tensor) -> None:
        """Put unit vectors ``[B, E]`` of every queue, of the photos ``identity [B]``, in the place of the oldest."""
        places = (self.next + torch.arange(len(identity), device=identity.device)) % self.size
        for name in self.names:
            self.queue(name)[places] = vectors[name]
        self.identity[places] = identity
        self.next.copy_((self.next + len(identity)) % self.size)
