"""Made-up copies of the data sets' layouts."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

Picture = Callable[[Path], Path]


@pytest.fixture
def picture() -> Picture:
    """Writes a small image, each another one: noise for a photo, a dark line on white for a sketch."""
    count = 0

    def write(path: Path) -> Path:
        nonlocal count
        count += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        if "sketch" in str(path.parent.name) or path.parent.name.endswith("A") or "sketch" in path.parts:
            image = Image.new("L", (40, 40), 255)
            ImageDraw.Draw(image).line((5, 1 + count % 38, 35, 1 + (count * 7) % 38), fill=0, width=2)
        else:
            pixels = np.random.default_rng(count).integers(0, 255, (30, 40, 3), dtype=np.uint8)
            image = Image.fromarray(pixels)
        image.save(path)
        return path

    return write


@pytest.fixture
def chairv2(tmp_path: Path, picture: Picture) -> Path:
    """Four training photos and two test photos, two sketches each, as coordinates; names hold "_", "-" and "train"."""
    root = tmp_path / "chairv2"
    drawings = {}
    for part, names in (("train", ["a", "b_c", "d-e_f", "test_train"]), ("test", ["g", "h_1"])):
        for index, name in enumerate(names):
            picture(root / "photo" / f"{name}.png")
            for drawer in ("1", "A1YX"):
                points = np.array([[40, 50 + index, 0], [90, 120, 1], [100, 60, 0], [33.5, 223, 1]])
                drawings[f"/{part}/{name}_{drawer}"] = points
    (root / "ChairV2_Coordinate").write_bytes(pickle.dumps(drawings, protocol=3))
    return root


@pytest.fixture
def sketch_json() -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        strokes = [[[0.2, 0.2, 0, 0.5], [0.8, 0.7, 100, 0.5]], [[0.1, 0.9, 200, 0.5], [0.9, 0.9, 300, 0.5]]]
        path.write_text(json.dumps({"format": "sketchseek-sketch", "version": 1, "strokes": strokes}))
        return path

    return write
