"""TC-Net: its sizes, its three losses, and the classifier that training alone has."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file

from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.experiment import Plan, run_training
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.tcnet.config import PRESETS
from sketchseek.lab.methods.tcnet.network import build
from sketchseek.lab.methods.tcnet.objective import InstanceClasses, softmax_loss, triplet_loss
from sketchseek.lab.training import loop

TINY = {"size": "64", "training.pairs": "32", "training.batch": "8", "training.precision": "fp32"}


def test_the_papers_network_is_densenet_169_and_one_layer() -> None:
    network = build(PRESETS["paper"]).eval()
    backbone = 12_484_480  # DenseNet-169 without its classifier
    assert sum(p.numel() for p in network.parameters()) == backbone + 1664 * 1024 + 1024
    with torch.no_grad():
        features = network.encode_photo(torch.randint(0, 256, (2, 225, 225, 3), dtype=torch.uint8))
    assert features["vector"].shape == (2, 1024) and features["vector"].dtype == torch.float32


def test_sketch_and_photo_share_the_encoder_and_the_pass() -> None:
    network = build(replace(PRESETS["bench"], size=64)).eval()
    network.add_module(loop.TRAINING_ONLY, InstanceClasses(4, 256, centre_rate=0.5))
    ink = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)
    photos = (255 - ink)[..., None].expand(-1, -1, -1, 3)
    with torch.no_grad():
        sketch, photo, of_sketch, of_photo = network(ink, photos)
        assert torch.allclose(sketch, photo, atol=1e-6)
        assert torch.allclose(sketch, network.encode_sketch(ink)["vector"], atol=1e-6)
    assert of_sketch.shape == of_photo.shape == (3, 4)


def test_the_triplet_loss_is_that_of_another_photo_in_squared_distance() -> None:
    sketches, photos = torch.randn(2, 5, 4)
    torch.manual_seed(1)
    shift = int(torch.randint(1, 5, ()))
    torch.manual_seed(1)
    expected = []
    for i in range(5):
        own = ((sketches[i] - photos[i]) ** 2).sum()
        other = ((sketches[i] - photos[(i - shift) % 5]) ** 2).sum()
        expected.append(max(0.0, float(0.3 + own - other)))
    assert float(triplet_loss(sketches, photos, 0.3)) == pytest.approx(sum(expected) / 5, rel=1e-5)


def test_centres_move_to_their_members_after_they_were_measured() -> None:
    instances = InstanceClasses(6, 2, centre_rate=0.5)
    sketches = torch.tensor([[3.0, 0.0], [0.0, 1.0]], requires_grad=True)
    photos = torch.tensor([[1.0, 2.0], [0.0, 3.0]])
    loss = instances.centre_loss(sketches, photos, torch.tensor([4, 1]))
    assert loss.item() == pytest.approx((9 + 1) / 2 + (5 + 9) / 2)
    expected = torch.zeros(6, 2)
    expected[4], expected[1] = torch.tensor([2 / 3, 1 / 3]), torch.tensor([0.0, 2 / 3])  # half of (s + p) / 3
    torch.testing.assert_close(instances.centres, expected)
    loss.backward()
    torch.testing.assert_close(sketches.grad, sketches.detach())  # 2 (s - c) over two members, c = 0 when measured
    again = instances.centre_loss(sketches, photos, torch.tensor([4, 1]))
    assert again.item() < loss.item()


def test_a_sketch_is_of_its_photos_class() -> None:
    logits = 20 * torch.eye(3)[[2, 0]]
    assert softmax_loss(logits, logits, torch.tensor([2, 0])).item() < 1e-6
    assert float(softmax_loss(logits, logits, torch.tensor([0, 2]))) == pytest.approx(40, rel=1e-3)


@pytest.mark.slow
def test_training_resumes_with_its_classifier_and_leaves_the_network_alone(
    pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    method, data = get_method("tcnet"), [open_dataset(f"folder:{pairs_folder}")]
    plan = Plan(method, override(method.config("bench"), TINY), "bench", None, 0, "random", None)
    run_training(plan, data, tmp_path / "whole")

    def killed_after_two(done: int, total: int, values: dict[str, float]) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(plan, data, tmp_path / "resumed", killed_after_two)
    held = load_file(tmp_path / "resumed" / "checkpoint.safetensors")
    assert held["network.training_only.classifier.weight"].shape[1] == 256
    assert held["network.training_only.centres"].abs().sum() > 0
    run_training(plan, data, tmp_path / "resumed")
    whole, resumed = (
        [json.loads(line) for line in (tmp_path / folder / "log.jsonl").read_text().splitlines()]
        for folder in ("whole", "resumed")
    )
    for name in ("loss", "triplet", "softmax", "centre"):
        assert [entry[name] for entry in whole if "loss" in entry] == [e[name] for e in resumed if "loss" in e]
    left = load_file(tmp_path / "whole" / "last.safetensors")
    assert set(left) == set(method.build(plan.config).state_dict())


def test_every_row_is_a_config() -> None:
    method = get_method("tcnet")
    for row in method.rows:
        config = method.config("bench", row)
        assert config.triplet_weight + config.softmax_weight > 0, row
