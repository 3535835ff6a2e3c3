"""One trunk for sketch and photo, an embedding of complete sketches, and a temporal encoder of growing ones."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.backbones.attention import SpatialAttention
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.slfir.config import Config
from sketchseek.lab.methods.slfir.temporal import CausalEncoder, FrameEncoder
from sketchseek.lab.network import Network


class SLFIRNetwork(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3])`` is stage 1: embeddings ``[B, E]`` of both, of unit length.

    ``trunk`` (backbone, attention, global maximum) is frozen in stage 2, which trains ``temporal`` on its vectors:
    ``forward(frames [B, T, D], photos [B, D], of_trunk=True)`` gives ``[B, T, E]`` and ``[B, E]``, of unit length.

    A sketch's features depend on the frames before: ``encode_next(ink, state)`` is one more frame of each drawing,
    ``state [B, state]`` what the network keeps of those before, zeros at the beginning. ``encode_sketch`` and
    ``encode_photo`` are sequences of one frame.
    """

    for_partial_sketches = True
    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        if config.embedding % 2:
            raise InputError(f"slfir: embedding is an even number, not {config.embedding}")
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = build_backbone(config.backbone, (config.tap,), config.size, weights)
        for layer in config.frozen:
            self.backbone.network.get_submodule(layer).requires_grad_(False)
        self.channels = self.backbone.channels[0]
        self.attention = SpatialAttention(self.channels, self.channels // 4)
        self.head = nn.Linear(self.channels, config.embedding)
        nn.init.kaiming_normal_(self.head.weight)
        kind: Any = CausalEncoder if config.temporal == "causal" else FrameEncoder
        self.temporal = kind(self.channels, config.hidden, config.embedding)
        self.corrects = config.corrects and config.temporal == "causal"
        if self.corrects:
            # It begins as stage 1's embedding, and stage 2 learns what the frames before add to it.
            nn.init.zeros_(self.temporal.project.weight)
            nn.init.zeros_(self.temporal.project.bias)
        self.state = self.temporal.state_size

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self.encode_next(ink, self._before(ink))[0]

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        vector, _ = self._step(self.trunk(self.inputs.photos(photos)), self._before(photos))
        return {"vector": vector}

    def encode_next(self, ink: Tensor, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """One more frame of each of B drawings, ``[B, S, S]``: its features, and the state ``[B, state]`` after it."""
        vector, state = self._step(self.trunk(self.inputs.sketches(ink)), state)
        return {"vector": vector}, state

    def forward(self, sketches: Tensor, photos: Tensor, of_trunk: bool = False) -> tuple[Tensor, Tensor]:
        if of_trunk:
            return self._sequence(sketches), self._sequence(photos[:, None])[:, 0]
        images = torch.cat([self.inputs.sketches(sketches), self.inputs.photos(photos)])
        embedded = F.normalize(self.head(self.trunk(images)).float(), dim=1)
        sketch, photo = embedded.split([len(sketches), len(photos)])
        return sketch, photo

    def trunk(self, images: Tensor) -> Tensor:
        """Images ``[B, 3, S, S]`` to vectors ``[B, D]`` of unit length: maps normalised at every location, residual
        spatial attention, global maximum.
        """
        (maps,) = self.backbone(images.contiguous(memory_format=torch.channels_last))
        attended = self.attention(F.normalize(maps, dim=1))
        return F.normalize(attended.amax(dim=(2, 3)).float(), dim=1)

    def _sequence(self, frames: Tensor) -> Tensor:
        embedded = self.temporal(frames)
        return F.normalize((self.head(frames) + embedded if self.corrects else embedded).float(), dim=2)

    def _step(self, frame: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        embedded, state = self.temporal.step(frame, state)
        return F.normalize((self.head(frame) + embedded if self.corrects else embedded).float(), dim=1), state

    def _before(self, images: Tensor) -> Tensor:
        """The state of as many drawings before their first frame."""
        # Not len(images), which would fix the exported graph's batch.
        return torch.zeros(images.shape[0], self.state, device=images.device)


def build(config: Config, weights: Weights = "random") -> SLFIRNetwork:
    """The network with its backbone's weights loaded."""
    return SLFIRNetwork(config, weights).to(memory_format=torch.channels_last)
