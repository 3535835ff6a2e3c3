"""What several test packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# `make test` asks for the thorough profile (--hypothesis-profile). Tests with costly examples set their own number.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SKETCHSEEK_SHARED", REPOSITORY.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the real benchmark data; tests that need it skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the benchmark data is not at {SHARED} (set SKETCHSEEK_SHARED)")
    return SHARED


@pytest.fixture(autouse=True)
def _own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never see or touch the galleries and caches of the person who runs them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg-data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))


@pytest.fixture(autouse=True)
def _no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling a network takes longer than any test trains it."""
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "1")


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set in the layout of `folder`: 24 train and 12 test photos of coloured shapes, a sketch of each
    in strokes, and a caption.
    """
    import json

    import numpy as np
    from PIL import Image, ImageDraw

    root = tmp_path_factory.mktemp("shapes")
    generator = np.random.default_rng(7)
    for part, count in (("train", 24), ("test", 12)):
        for kind in ("photos", "sketches"):
            (root / part / kind).mkdir(parents=True)
        words = {}
        for index in range(count):
            corners = generator.uniform(0.15, 0.85, size=(int(generator.integers(3, 7)), 2))
            colour = tuple(int(c) for c in generator.integers(30, 220, size=3))
            photo = Image.new("RGB", (80, 80), (245, 244, 240))
            ImageDraw.Draw(photo).polygon([tuple(c * 80) for c in corners], fill=colour)
            name = f"{part}{index:02d}"
            words[name] = f"a {('red', 'green', 'blue')[int(np.argmax(colour))]} shape with {len(corners)} corners"
            photo.save(root / part / "photos" / f"{name}.png")
            stroke = [[float(x), float(y), 0.0, 0.0] for x, y in (*corners, corners[0])]
            document = {"format": "sketchseek-sketch", "version": 1, "strokes": [stroke]}
            (root / part / "sketches" / f"{name}_1.json").write_text(json.dumps(document))
        (root / part / "words.json").write_text(json.dumps(words))
    return root


@pytest.fixture(scope="session")
def start_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of MobileNetV2 whose batch norms know what such a network sees, so that different images have
    different features. Random weights alone make all features equal up to rounding, which cannot be ranked.
    """
    import torch
    from safetensors.torch import save_file
    from torch import nn

    from sketchseek.lab.backbones import build_network

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        network = build_network("torchvision/mobilenet_v2").train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the running statistics are those of the one batch below
        network(nn.functional.interpolate(2 * torch.rand(8, 3, 5, 5) - 1, size=64))
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.safetensors"
    save_file(network.state_dict(), path)
    return path
