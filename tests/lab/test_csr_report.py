"""What CSR's report draws and measures, of a tiny network at 64 px."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch

from sketchseek.cli import main
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.csr.network import TripletOutputs
from sketchseek.lab.methods.csr.report import conditioning

TINY = {"size": "64", "training.pairs": "16", "training.batch": "8", "training.precision": "fp32"}
SET = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def split(pairs_folder: Path) -> Split:
    return open_dataset(f"folder:{pairs_folder}").test


def network(**changes: Any) -> tuple[Any, Any]:
    method = get_method("csr")
    config = override(method.config("bench"), TINY | changes)
    torch.manual_seed(0)
    return method.build(config).eval(), config


@pytest.mark.slow
def test_evaluate_writes_pictures_and_numbers(
    pairs_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", f"folder:{pairs_folder}"]
    run, report, result = tmp_path / "run", tmp_path / "report", tmp_path / "result.json"
    assert main(["train", "csr", *data, "--weights", "random", "--out", str(run), *SET]) == 0
    assert main(["evaluate", str(run), *data, "--report", str(report), "--result", str(result)]) == 0
    for name in ("disorder.png", "recovered.png", "top.png"):
        with Image.open(report / name) as picture:
            assert picture.width > 1000 and len(np.unique(np.asarray(picture))) > 2
    written = json.loads((report / "evaluation.json").read_text())["method_report"]
    assert written == json.loads(result.read_text())["method_report"]
    assert written["conditioning"]["sketches"] == 12
    assert set(written["conditioning"]["channels"]) == {"1", "2", "3", "4"}


def test_conditioning_is_the_same_every_time_and_of_the_channels_learned(split: Split) -> None:
    net, config = network(map_channels=(2, 3, 4))
    first, second = (conditioning(net, config, split) for _ in range(2))
    assert first == second
    assert set(first["channels"]) == {"2", "3", "4"}
    mean, low, high = first["difference"]
    assert low <= mean <= high
    assert mean == pytest.approx(first["other photo"] - first["true photo"])
    assert mean == pytest.approx(np.mean([channel[0] for channel in first["channels"].values()]))
    assert np.isfinite([first["true photo"], first["other photo"], mean, low, high]).all()


class Spy(torch.nn.Module):
    """Remembers how bright the photos were, and recovers nothing."""

    recovery_size = 8

    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[torch.Tensor] = []

    def forward(self, ink: Any, photos: Any, disordered: Any) -> Any:
        self.seen.append(photos.flatten(1).float().mean(dim=1))
        nothing = torch.zeros(len(ink), 0)
        return TripletOutputs(nothing, nothing, nothing, torch.zeros(len(ink), 4, 8, 8))


def test_every_sketch_is_shown_its_own_photo_and_then_another(split: Split) -> None:
    _, config = network()
    spy = Spy()
    numbers = conditioning(spy, config, split)  # type: ignore[arg-type]
    own, other = spy.seen
    assert len(own) == len(split.sketches) and (own != other).all()
    assert sorted(own.tolist()) == pytest.approx(sorted(other.tolist()))  # each photo is once another's
    assert numbers["difference"] == [0, 0, 0] and numbers["true photo"] == pytest.approx(np.log(2))


def test_without_recovery_there_is_the_disorder_alone(split: Split, tmp_path: Path) -> None:
    for recovery in (False, True):
        folder = tmp_path / str(recovery)
        folder.mkdir()
        net, config = network(recovery=recovery, disorder="grid")
        numbers = get_method("csr").report(folder, net, config, split, None)
        assert (folder / "disorder.png").exists()
        assert (folder / "recovered.png").exists() == bool(numbers) == recovery


def test_networks_are_compared_by_what_they_recover(split: Split, tmp_path: Path) -> None:
    net, config = network()
    plain, plain_config = network(recovery=False)
    csr = get_method("csr")
    csr.compare(tmp_path, {"w = 1": plain}, plain_config, split)
    assert not list(tmp_path.iterdir())
    csr.compare(tmp_path, {"w = 1": net, "w = 10": net, "plain": plain}, config, split)
    with Image.open(tmp_path / "recovered.png") as picture:
        two = picture.height
    csr.compare(tmp_path, {"w = 1": net}, config, split)
    with Image.open(tmp_path / "recovered.png") as picture:
        assert picture.height < two


def test_a_method_without_a_report_has_nothing_to_add(split: Split, tmp_path: Path) -> None:
    siamese = get_method("siamese")
    assert siamese.report(tmp_path, None, None, split, None) == {}
    siamese.compare(tmp_path, {}, None, split)
    assert not list(tmp_path.iterdir())
