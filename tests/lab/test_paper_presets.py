"""Every method's preset `paper` takes a first step of each of its phases, on a made-up copy of a data set of its field.

At the paper's image size, with random weights and batches of two; each layout of the catalogue's research data sets is
read at least once. Together this takes minutes, so `make test` runs two methods and `make test-paper` all.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.experiment import with_length_in_pairs
from sketchseek.lab.methods import get_method, methods
from sketchseek.lab.methods.lgrl import objective as lgrl_objective

pytestmark = pytest.mark.slow

MEMORY = 8 * 2**30  # bytes of the process; the most is FVLP's with CLIP ViT-B/16 and BERT, 6.7 GiB
QUICK = ("csr", "la")
PHOTOS = 3  # for training; as many for the test part
FEW_FRAMES = {"onthefly": {"policy.frames": "2"}, "slfir": {"steps": "2"}}  # of a drawing; LGRL's is a constant


def picture(path: Path, sketch: bool = False) -> None:
    random = np.random.default_rng(len(str(path)))
    pixels = random.integers(0, 256, (60, 60, 3), dtype=np.uint8)
    if sketch:
        pixels[:] = 255
        pixels[10:50, random.integers(10, 50, 2)] = pixels[random.integers(10, 50, 2), 10:50] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def coordinates(root: Path, name: str) -> None:
    """QMUL-ChairV2 and ShoeV2."""
    drawings = {}
    for part in ("train", "test"):
        for index in range(PHOTOS):
            picture(root / "photo" / f"{part}{index}.png")
            points = np.random.default_rng(index).uniform(40, 220, (30, 2))
            drawings[f"/{part}/{part}{index}_1"] = np.column_stack([points, np.arange(30) % 10 == 9]).astype(float)
    (root / f"{name}_Coordinate").write_bytes(pickle.dumps(drawings, protocol=3))


def by_order(root: Path, sketches: str, photos: str) -> None:
    """QMUL-Chair, QMUL-Shoe (``{train,test}/{sketches,images}``) and the like."""
    for part in ("train", "test"):
        for index in range(PHOTOS):
            picture(root / part / photos / f"{index}.jpg")
            picture(root / part / sketches / f"{index}.png", sketch=True)


def sketchy(root: Path) -> None:
    for index in range(11):  # every tenth is test
        picture(root / "photo" / "tx_000000000000" / "cup" / f"n_{index:02}.jpg")
        picture(root / "sketch" / "tx_000000000000" / "cup" / f"n_{index:02}-1.png", sketch=True)


def clothes(root: Path) -> None:
    for part in ("train", "test"):
        for index in range(PHOTOS):
            picture(root / f"{part}B" / f"0000{index}.png")
            picture(root / f"{part}A" / f"0000{index}_01.png", sketch=True)


def fs2k(root: Path) -> None:
    for part, first in (("train", 0), ("test", PHOTOS)):
        numbers = range(first, first + PHOTOS)
        for number in numbers:
            picture(root / "photo" / "photo1" / f"image{number:04}.jpg")
            picture(root / "sketch" / "sketch1" / f"sketch{number:04}.jpg", sketch=True)
        listed = [{"image_name": f"photo1/image{number:04}", "style": 0, "gender": 0} for number in numbers]
        (root / f"anno_{part}.json").write_text(json.dumps(listed))


def sde_lists(root: Path) -> None:
    """FS2K-SDE1 by the lists of FVLP."""
    for part in ("train", "test"):
        listed = []
        for index in range(PHOTOS):
            frames = [f"sketch/{part}{index}_{frame}.png" for frame in range(3)]
            for name in frames:
                picture(root / name, sketch=True)
            picture(root / "photo" / f"{part}{index}.jpg")
            caption = f"a {('young', 'serious', 'smiling')[index]} man"
            photo = f"photo/{part}{index}.jpg"
            listed.append({"photo": photo, "photo_id": index, "sketch_sde": frames, "caption": caption})
        (root / f"fs2ksde_{part}.json").write_text(json.dumps(listed))


def sde_folders(root: Path) -> None:
    """FS2K-SDE2 in SLFIR's layout."""
    for part in ("train", "test"):
        for index in range(PHOTOS):
            picture(root / "comp" / part / "photo" / f"image{index}.jpg")
            for frame in range(3):
                picture(root / "sketch-seq" / part / f"sketch{index}" / f"{frame}.jpg", sketch=True)


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "chairv2": lambda root: coordinates(root, "ChairV2"),
    "shoev2": lambda root: coordinates(root, "ShoeV2"),
    "chair": lambda root: by_order(root, "sketches", "images"),
    "shoe": lambda root: by_order(root, "sketches", "images"),
    "sketchy": sketchy,
    "clothesv1": clothes,
    "fs2k": fs2k,
    "fs2k-sde1": sde_lists,
    "fs2k-sde2": sde_folders,
}
STARTS = {
    "siamese": "fs2k",
    "onthefly": "chairv2",
    "lgrl": "shoev2",
    "lnprompt": "sketchy",
    "csr": "sketchy",
    "mlrm": "chair",
    "tcnet": "shoe",
    "la": "sketchy",
    "dla": "chairv2",
    "dssa": "shoe",
    "arnet": "clothesv1",
    "slfir": "fs2k-sde2",
    "fvlp": "fs2k-sde1",
}


def test_every_method_with_a_paper_and_every_layout_is_here() -> None:
    assert set(STARTS) == {slug for slug, method in methods().items() if "paper" in method.presets}
    assert set(STARTS.values()) == set(LAYOUTS)


on_request = pytest.mark.skipif(
    "SKETCHSEEK_PAPER_PRESETS" not in os.environ, reason="takes minutes and gigabytes; `make test-paper` runs it"
)


@pytest.mark.parametrize("slug", [pytest.param(slug, marks=[] if slug in QUICK else [on_request]) for slug in STARTS])
def test_the_preset_paper_takes_its_first_steps(slug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lgrl_objective, "STEPS", 2)
    LAYOUTS[STARTS[slug]](tmp_path / "copy")
    split = open_dataset(f"{STARTS[slug]}:{tmp_path / 'copy'}").train
    method = get_method(slug)
    gc.collect()
    reset_peak()
    changes = {"training.batch": "2"} | FEW_FRAMES.get(slug, {})
    config = with_length_in_pairs(override(method.config("paper"), changes), [split])
    torch.manual_seed(0)
    network: Any = method.build(config)
    pairs = method.pairs(config, [split], 0)
    for phase in method.phases(config, network, pairs):
        phase.train_mode(network)
        loss = phase.loss(network, phase.batch(0, torch.device("cpu")), 0.0)["loss"]
        loss.backward()
        for optimizer in phase.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
        assert torch.isfinite(loss)
    assert peak() < MEMORY


def reset_peak() -> None:
    """``peak`` counts from here on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("measures memory, which needs Linux")


def peak() -> int:
    """The most memory that was resident, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
