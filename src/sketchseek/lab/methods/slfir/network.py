"""A trunk shared by sketches and photos, an embedding of complete sketches, and a temporal encoder of partial ones."""

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
    """In stage 1, ``forward(ink [B, S, S], photos [B, S, S, 3])`` gives unit vectors ``[B, E]`` of both.

    In stage 2, which trains ``temporal`` on vectors of the frozen ``trunk`` (backbone, attention, global maximum),
    ``forward(frames [B, T, D], photos [B, D], of_trunk=True)`` gives unit vectors ``[B, T, E]`` and ``[B, E]``.

    The features of a frame depend on the frames before it. ``encode_next(ink, state)`` encodes the next frame of each
    drawing, with the recurrent state ``[B, state]`` after the previous frame, zeros at the start. ``encode_sketch`` and
    ``encode_photo`` encode sequences of one frame.
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
            # Zero output at first, so stage 2 starts from stage 1's embedding and learns a correction.
            nn.init.zeros_(self.temporal.project.weight)
            nn.init.zeros_(self.temporal.project.bias)
        self.state = self.temporal.state_size

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self.encode_next(ink, self._before(ink))[0]

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        vector, _ = self._step(self.trunk(self.inputs.photos(photos)), self._before(photos))
        return {"vector": vector}

    def encode_next(self, ink: Tensor, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Encode the next frame ``[B, S, S]`` of B drawings: its features, and the state ``[B, state]`` after it."""
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
        """Encode images ``[B, 3, S, S]`` as unit vectors ``[B, D]``.

        The map is normalised at every location, then come residual spatial attention and a global maximum.
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
        """The initial state of a drawing, for each of the images."""
        # Not len(images), which would fix the batch size of the exported graph.
        return torch.zeros(images.shape[0], self.state, device=images.device)


def build(config: Config, weights: Weights = "random") -> SLFIRNetwork:
    """The network with its backbone's weights loaded."""
    return SLFIRNetwork(config, weights).to(memory_format=torch.channels_last)
