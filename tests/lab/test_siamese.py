"""The baseline learns from a teacher, and is refused without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tiny_model import SIZE, make_tiny_model
from torch import nn

from sketchseek.errors import InputError
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.siamese.objective import phases, teacher_similarities
from sketchseek.lab.training.pairs import PairBatch
from sketchseek.model import Model


def test_a_teacher_is_a_model_folder(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "teacher")
    random = torch.Generator().manual_seed(0)
    ink = torch.randint(0, 256, (4, 2 * SIZE, 2 * SIZE), generator=random).float()
    photos = torch.randint(0, 256, (4, 2 * SIZE, 2 * SIZE, 3), generator=random).float()
    batch = PairBatch(ink, photos, torch.arange(4), None)
    found = teacher_similarities(Model.load(folder), batch)
    halved = ink.view(4, SIZE, 2, SIZE, 2).mean((2, 4)), photos.view(4, SIZE, 2, SIZE, 2, 3).mean((2, 4))
    model = Model.load(folder)
    sketches = model.encode_sketches([np.round(i).astype(np.uint8) for i in halved[0].numpy()])
    expected = model.matcher.similarity(sketches, model.encode_photos(np.round(halved[1].numpy()).astype(np.uint8)))
    np.testing.assert_allclose(found.numpy(), expected, atol=0.02)  # antialiasing looks at the neighbours, too

    class Student(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.Linear(8, 8)

        def forward(self, ink: torch.Tensor, photos: torch.Tensor) -> Any:
            return tuple({"vector": self.backbone(torch.eye(8)[start : start + 4])} for start in (0, 4))

    config = get_method("siamese").config("bench", "distilled")
    pairs: Any = SimpleNamespace(category_of_photo=np.full(4, -1), at=lambda step, device: batch)
    network: Any = Student()
    with pytest.raises(InputError, match="--set teacher=DIR"):
        phases(config, network, pairs)
    (phase,) = phases(replace(config, teacher=str(folder)), network, pairs)
    values = phase.loss(network, batch, 0.0)
    assert values["loss"].item() == pytest.approx((values["objective"] + values["distillation"]).item())
    assert values["distillation"] > 0
