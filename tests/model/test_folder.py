"""The model folder: what is sealed is what is loaded, and anything else is refused by name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    with pytest.raises(InputError, match=f"{name}: is missing"):
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


def reseal(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a model's config as somebody would who knows how it is hashed."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    del config["hash"]
    change(config)
    content = json.dumps(config, sort_keys=True, separators=(",", ":")).encode()
    path.write_text(json.dumps(config | {"hash": hashlib.sha256(content).hexdigest()}))


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no files": lambda c: c.update(files={}),
    "files of another kind": lambda c: c.update(files=[1]),
    "an absolute name": lambda c: c["files"].update({"/etc/hostname": "0" * 64}),
    "a name outside": lambda c: c["files"].update({"../config.json": "0" * 64}),
    "a hash that is none": lambda c: c["files"].update({"photo.onnx": 3}),
    "one file less": lambda c: c["files"].pop("photo.onnx"),
    "no size": lambda c: c.pop("size"),
    "a size that is text": lambda c: c.update(size="64"),
    "a size of a million": lambda c: c.update(size=10**6),
    "a size that is true": lambda c: c.update(size=True),
    "no matcher": lambda c: c.pop("matcher"),
    "a matcher that is text": lambda c: c.update(matcher="cosine"),
    "a matcher without parameters": lambda c: c["matcher"].pop("parameters"),
    "an unknown parameter": lambda c: c["matcher"].update(parameters={"a b": 1}),
    "strategies without a matcher": lambda c: c.update(strategies={"euclidean": "euclidean"}),
    "no features": lambda c: c.update(features={}),
    "features without shape": lambda c: c.update(features={"vector": None}),
    "features of no end": lambda c: c.update(features={"vector": [2**40]}),
    "features of another name": lambda c: c.update(features={"cells": [8]}),
    "regions without a graph": lambda c: c.update(regions=4),
    "a state that is none": lambda c: c.update(state=[1]),
    "words without a graph": lambda c: c.update(words={"fusion": "unit_sum", "length": 4, "query": "both"}),
    "a fusion that is none": lambda c: c.update(words={"fusion": [1], "length": 4, "query": "both"}),
    "words that are none": lambda c: c.update(words=3),
    "confidence that is none": lambda c: c.update(confidence={"margin": "high"}),
    "no method": lambda c: c.update(method=None),
    "no card": lambda c: c.update(card=[]),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_a_config_that_was_tampered_with_is_refused_in_one_line(
    copy: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    reseal(copy, change)
    with pytest.raises(InputError, match=r"config.json: .*; (export the model again|update Sketchseek)") as refusal:
        Model.load(copy)
    assert "\n" not in str(refusal.value)


def test_json_nested_without_end_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text('{"card": ' + "[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        Model.load(copy)


def test_links_are_not_followed(copy: Path, tmp_path: Path) -> None:
    (copy / "photo.onnx").rename(tmp_path / "elsewhere.onnx")
    (copy / "photo.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(InputError, match=r"photo.onnx: is a link"):
        Model.load(copy)


@pytest.mark.parametrize("location", ["other.bin", "/etc/hostname", "../photo.onnx"])
@pytest.mark.parametrize("inside", [False, True], ids=["weight", "constant"])
def test_a_graph_reads_no_file_but_those_of_the_model(copy: Path, location: str, inside: bool) -> None:
    import onnx

    graph = onnx.load(copy / "photo.onnx")
    tensor = graph.graph.initializer[0]
    if inside:  # a constant of a node, in place of a weight
        value = onnx.helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], [1.0])
        graph.graph.node.append(onnx.helper.make_node("Constant", [], ["unused"], value=value))
        tensor = graph.graph.node[-1].attribute[0].t
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, text in (("location", location), ("length", "8192")):
        tensor.external_data.add(key=key, value=text)
    (copy / "photo.onnx").write_bytes(graph.SerializeToString())
    (copy / "other.bin").write_bytes(bytes(8192))
    reseal(copy, lambda c: c["files"].update({"photo.onnx": file_hash(copy / "photo.onnx")}))
    with pytest.raises(InputError, match=r"photo.onnx: reads the file .*, which is not among those of the model"):
        Model.load(copy)


def test_a_graph_that_takes_something_else_is_named(copy: Path) -> None:
    shutil.copyfile(copy / "photo.onnx", copy / "sketch.onnx")
    reseal(copy, lambda c: c["files"].update({"sketch.onnx": file_hash(copy / "sketch.onnx")}))
    with pytest.raises(InputError, match=r"sketch.onnx: takes photo and not ink"):
        Model.load(copy).encode_sketches([LINE])


def test_a_graph_that_gives_something_else_is_named(copy: Path) -> None:
    reseal(copy, lambda c: c.update(features={"vector": [DIMENSIONS + 1]}))
    model = Model.load(copy)
    with pytest.raises(InputError, match=r"photo.onnx: gives vector as"):
        model.encode_photos(np.zeros((1, SIZE, SIZE, 3), np.uint8))
    with pytest.raises(InputError, match=r"sketch.onnx: its matcher cannot compare|sketch.onnx: its vectors"):
        model.encode_sketches([LINE])


@given(data=st.data())
def test_a_damaged_graph_is_refused_in_one_line(
    sealed: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged-model"
    shutil.copytree(sealed, folder, dirs_exist_ok=True)
    content = bytearray((folder / "photo.onnx").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[place] = data.draw(st.integers(0, 255))
    (folder / "photo.onnx").write_bytes(content[: data.draw(st.integers(1, len(content)))])
    reseal(folder, lambda c: c["files"].update({"photo.onnx": file_hash(folder / "photo.onnx")}))
    try:
        Model.load(folder).encode_photos(np.zeros((1, SIZE, SIZE, 3), np.uint8))
    except InputError as error:
        assert "photo.onnx: " in str(error)


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
    with pytest.raises(InputError, match=r"sketch.onnx: is no ONNX graph"):
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
