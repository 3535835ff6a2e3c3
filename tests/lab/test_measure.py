"""Measuring a run from Python: what it returns, and that nothing is encoded twice."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file

from sketchseek.errors import InputError
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.measure import evaluate
from sketchseek.lab.results import Result

STEPS, SKETCHES, PHOTOS = 8, 12, 12


@pytest.fixture
def run(siamese_run: Path, tmp_path: Path) -> Path:
    """A run whose two checkpoints are different networks."""
    folder = tmp_path / "run"
    shutil.copytree(siamese_run, folder)
    weights = load_file(folder / "last.safetensors")
    torch.manual_seed(5)
    for name, tensor in weights.items():
        if name.endswith("weight") and tensor.ndim == 2:
            weights[name] = torch.randn_like(tensor)
    save_file(weights, folder / "best.safetensors")
    return folder


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, str]]:
    """How many images each network has encoded, by its number in order and the kind of image."""
    count: Counter[tuple[int, str]] = Counter()
    networks: list[Any] = []

    def counted(name: str) -> Any:
        encode = getattr(TorchEncoder, name)

        def encode_and_count(encoder: TorchEncoder, images: Any) -> Any:
            if not any(network is encoder.network for network in networks):
                networks.append(encoder.network)
            index = next(i for i, network in enumerate(networks) if network is encoder.network)
            count[index, name.removeprefix("encode_")] += len(images)
            return encode(encoder, images)

        return encode_and_count

    for name in ("encode_photos", "encode_sketches"):
        monkeypatch.setattr(TorchEncoder, name, counted(name))
    return count


def test_each_network_encodes_each_image_once(
    run: Path, pairs_folder: Path, tmp_path: Path, encoded: Counter[tuple[int, str]]
) -> None:
    report = tmp_path / "report"
    result = evaluate(run, f"folder:{pairs_folder}", steps=STEPS, report=report, checkpoints=True)
    chosen, other = {(0, "photos"): PHOTOS, (0, "sketches"): SKETCHES * STEPS}, {(1, "photos"): PHOTOS}
    assert encoded == chosen | other | {(1, "sketches"): SKETCHES}
    assert result.last_epoch is not None and result.best_on_validation is not None
    assert result.last_epoch["acc@1"] == result.figures["acc@1"] and result.best_on_validation["m@A"] is None
    assert (report / "embeddings.png").exists()


def test_the_same_checkpoint_twice_is_measured_once(
    run: Path, pairs_folder: Path, encoded: Counter[tuple[int, str]]
) -> None:
    shutil.copy(run / "last.safetensors", run / "best.safetensors")
    result = evaluate(run, f"folder:{pairs_folder}", steps=1, checkpoints=True)
    assert encoded == {(0, "photos"): PHOTOS, (0, "sketches"): SKETCHES}
    assert result.last_epoch == result.best_on_validation
    assert result.last_epoch is not None and result.last_epoch["acc@1"] == result.figures["acc@1"]


def test_a_result_is_read_as_it_was_written(run: Path, pairs_folder: Path, tmp_path: Path) -> None:
    result = evaluate(str(run), f"folder:{pairs_folder}", name="mine", steps=1)
    result.write(str(tmp_path / "new" / "mine.json"))
    again = Result.read(str(tmp_path / "new" / "mine.json"))
    assert again.to_json() == result.to_json() == json.loads((tmp_path / "new" / "mine.json").read_text())
    assert (again.name, again.dataset, again.split.queries) == ("mine", "folder", SKETCHES)
    assert np.array_equal(again.ranks, result.ranks) and again.ranks.shape == (SKETCHES, 1)
    assert again.trained.config["size"] == 64 and again.code.sources


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"models": []}, "nothing to measure"), ({"data": []}, "there is no data"), ({"steps": 0}, "at least 1")],
)
def test_what_cannot_be_measured_is_said_in_one_line(
    run: Path, pairs_folder: Path, changes: dict[str, Any], message: str
) -> None:
    arguments: dict[str, Any] = {"models": [run], "data": [f"folder:{pairs_folder}"], "steps": 1} | changes
    with pytest.raises(InputError, match=message):
        evaluate(arguments["models"], arguments["data"], steps=arguments["steps"])
