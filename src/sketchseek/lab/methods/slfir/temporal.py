"""Stage 2: temporal encoders, which turn the features of a drawing's frames into an embedding at every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CausalEncoder(nn.Module):
    """An LSTM over the frames, with attention over all its outputs so far. Step t depends on frames 1..t only.

    ``forward(frames [B, T, D]) -> [B, T, embedding]``; ``step(frame [B, D], state) -> ([B, embedding], state)`` adds
    one frame. The attention weights each output by the sigmoid of its score and divides by the sum of the weights. So
    two running sums represent all earlier outputs, and ``state [B, state_size]`` has a fixed size. The state before the
    first frame is zero.
    """

    def __init__(self, channels: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(channels, hidden)
        self.score = nn.Sequential(nn.Linear(hidden, hidden // 4), nn.Tanh(), nn.Linear(hidden // 4, 1))
        self.project = nn.Linear(hidden, embedding)
        self.sizes = (hidden, hidden, hidden, 1)  # of the state's parts: output, cell, weighted sum, sum of weights
        self.state_size = sum(self.sizes)

    # The compiler would unroll the loop, and compile it again for every number of frames.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def forward(self, frames: Tensor) -> Tensor:
        state = frames.new_zeros(len(frames), self.state_size)
        steps = []
        for frame in frames.unbind(1):
            embedded, state = self.step(frame, state)
            steps.append(embedded)
        return torch.stack(steps, dim=1)

    def step(self, frame: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        output, cell, weighted, weights = state.split(self.sizes, dim=1)
        output, cell = self.cell(frame, (output, cell))
        weight = self.score(output).sigmoid()
        weighted, weights = weighted + weight * output, weights + weight
        return self.project(weighted / weights), torch.cat([output, cell, weighted, weights], dim=1)


class FrameEncoder(nn.Module):
    """The computation of the released code's two bidirectional LSTM layers in closed form, each frame by itself.

    The released code passes the frames as a batch of sequences of length one with zero initial states, and its
    attention weights are constant zeros. Then each direction of a layer is ``sigmoid(o) tanh(sigmoid(i) tanh(g))`` with
    gates that are linear in the frame. ``forward`` and ``step`` are as in ``CausalEncoder``; there is no state.
    """

    state_size = 0

    def __init__(self, channels: int, hidden: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Linear(channels, 3 * 2 * hidden)  # input gate, candidate, output gate of both directions
        self.second = nn.Linear(2 * hidden, 3 * embedding)

    def forward(self, frames: Tensor) -> Tensor:
        return _gated(self.second(_gated(self.first(frames))))

    def step(self, frame: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self(frame), state


def _gated(gates: Tensor) -> Tensor:
    i, g, o = gates.chunk(3, dim=-1)
    return o.sigmoid() * (i.sigmoid() * g.tanh()).tanh()
