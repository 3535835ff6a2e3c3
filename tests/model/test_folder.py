"""The model folder: what is sealed is what is loaded, and anything else is refused by name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import DIMENSIONS, SIZE, make_tiny_model

from sketchseek.errors import InputError
from sketchseek.model import Model, write_model_config
from sketchseek.model import folder as model_folder
from sketchseek.strokes.sketch import Sketch

LINE = Sketch.from_arrays([[[0.2, 0.3], [0.8, 0.6]]])


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def copy(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / "copy"))


def test_encodes(sealed: Path) -> None:
    model = Model.load(sealed)
    assert model.size == SIZE and model.matcher.name == "cosine" and len(model.hash) == 64
    photos = np.random.default_rng(0).integers(0, 255, (7, SIZE, SIZE, 3), dtype=np.uint8)
    features = model.encode_photos(photos, batch=3)
    assert features["vector"].shape == (7, DIMENSIONS) and features["vector"].dtype == np.float32
    assert np.allclose(features["vector"], model.encode_photos(photos)["vector"], atol=1e-6)
    assert np.allclose(np.linalg.norm(features["vector"], axis=1), 1, atol=1e-3)


def test_a_sketch_and_its_ink_are_the_same(sealed: Path) -> None:
    from sketchseek.strokes.raster import rasterise

    model = Model.load(sealed)
    ink = rasterise(LINE).astype(np.uint8) * 255
    both = model.encode_sketches([LINE, ink])["vector"]
    assert np.array_equal(both[0], both[1])


def test_threads_load_a_graph_once(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    loaded: list[Path] = []
    real = onnxruntime.InferenceSession

    def load(path: Path, *args: Any, **more: Any) -> Any:
        loaded.append(path)
        return real(path, *args, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", load)
    photos = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Model.load(sealed).encode_photos, [photos] * 8))
    assert loaded == [sealed / "photo.onnx"]


def test_nothing_gives_nothing(sealed: Path) -> None:
    model = Model.load(sealed)
    assert model.encode_sketches([])["vector"].shape == (0, DIMENSIONS)
    assert model.encode_photos(np.zeros((0, SIZE, SIZE, 3), np.uint8))["vector"].shape == (0, DIMENSIONS)


def test_the_hash_stands_for_the_content(sealed: Path, copy: Path, tmp_path: Path) -> None:
    original = Model.load(sealed).hash
    assert Model.load(copy).hash == original
    assert Model.load(make_tiny_model(tmp_path / "other", seed=1)).hash != original
    config = json.loads((copy / "config.json").read_text())
    del config["hash"], config["files"]
    assert write_model_config(copy, config) == original
    assert write_model_config(copy, config | {"card": {"name": "Other"}}) == Model.load(copy).hash != original


@pytest.mark.parametrize("name", ["sketch.onnx", "photo.onnx"])
def test_a_changed_or_missing_file_is_named(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: is not the file that was exported"):
        Model.load(copy)
    (copy / name).unlink()
    with pytest.raises(InputError, match=f"{name}: cannot be read"):
        Model.load(copy)


def test_a_changed_config_is_refused(copy: Path) -> None:
    path = copy / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"size": 32}))
    with pytest.raises(InputError, match=r"config.json: was changed after the export"):
        Model.load(copy)
    path.write_text(json.dumps(config | {"format": "sketchseek-model-9"}))
    with pytest.raises(InputError, match=r"sketchseek-model-9.*update Sketchseek"):
        Model.load(copy)
    for rubbish in ("{", "[]", "null"):
        path.write_text(rubbish)
        with pytest.raises(InputError, match=r"config.json"):
            Model.load(copy)


def test_what_is_no_model_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config.json in it"):
        Model.load(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="sketchseek export"):
        Model.load(tmp_path)


def test_a_graph_that_does_not_load_is_named(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "sketch.onnx").write_bytes(b"rubbish")
    del config["hash"], config["files"]
    write_model_config(copy, config)
    with pytest.raises(InputError, match=r"sketch.onnx: onnxruntime cannot load it"):
        Model.load(copy).encode_sketches([LINE])


def test_a_package_without_its_model_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_folder, "_DEFAULT", tmp_path)
    with pytest.raises(InputError, match="--model"):
        Model.default()


def test_loading_needs_no_torch(sealed: Path) -> None:
    import subprocess
    import sys

    code = f"import sys, pathlib, sketchseek.model; sketchseek.model.Model.load(pathlib.Path({str(sealed)!r}))"
    heavy = "print([m for m in ('torch', 'onnx', 'onnxruntime') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True).stdout == "[]\n"


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    """onnxruntime would leave a device id and a queue of events in the cache directory as soon as it is imported."""
    blank = "numpy.zeros((256, 256), 'u1')"
    code = f"import numpy; from sketchseek.model import Model; Model.default().encode_sketches([{blank}])"
    elsewhere = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], env=elsewhere, check=True, timeout=60)
    assert not list(tmp_path.rglob("*onnxruntime*"))
