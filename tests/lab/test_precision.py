"""In which precision a step computes."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from sketchseek.lab.network import Network
from sketchseek.lab.training.loop import Phase, train
from sketchseek.lab.training.precision import usable_precision


def test_the_network_runs_in_bfloat16_and_the_loss_in_float32(tmp_path: Path) -> None:
    seen: dict[str, torch.dtype] = {}

    class Linear(Network):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y: torch.Tensor = self.linear(x)
            seen["network"] = y.dtype
            return y

    def loss(network: nn.Module, batch: torch.Tensor, fraction: float) -> dict[str, torch.Tensor]:
        vectors = network(batch)
        similarities = vectors @ vectors.T
        seen["loss"] = similarities.dtype
        return {"loss": similarities.square().mean()}

    network = Linear()
    optimizers: dict[str, torch.optim.Optimizer] = {"all": torch.optim.AdamW(network.parameters())}
    phase = Phase("train", 1, lambda step, device: torch.ones(3, 4, device=device), loss, optimizers, lambda f: 1.0)
    train(network, [phase], tmp_path, seed=0, precision="bf16")
    assert seen == {"network": torch.bfloat16, "loss": torch.float32}


@pytest.mark.parametrize(("emulates", "used"), [(True, "fp32"), (False, "bf16")])
def test_a_processor_that_would_emulate_bfloat16_trains_in_float32(
    emulates: bool, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: not emulates)
    assert usable_precision("bf16") == used
    assert usable_precision("fp32") == "fp32"
