"""Model folders whose network sees a sketch by regions, and the encoder of one growing drawing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from region_model import GRID, make_region_model
from tiny_model import SIZE, make_tiny_model

from sketchseek.errors import InputError
from sketchseek.model import Model
from sketchseek.model.regions import cut
from sketchseek.model.sketch_encoder import SketchEncoder
from sketchseek.strokes import episode
from sketchseek.strokes.sketch import Sketch

WANDERING = Sketch.from_arrays([np.random.default_rng(3).uniform(0.1, 0.9, (8, 2)), [[0.1, 0.1], [0.2, 0.1]]])


@pytest.fixture(scope="module", params=[make_tiny_model, make_region_model], ids=["whole", "regions"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(request.param(tmp_path_factory.mktemp("models") / "model"))


@pytest.fixture
def runs(model: Model, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The graphs that ran, each with how many items."""
    seen: list[tuple[str, int]] = []
    real: Callable[..., Any] = Model._encode

    def encode(self: Model, graph: str, inputs: dict[str, np.ndarray], batch: int) -> Any:
        seen.append((graph, len(next(iter(inputs.values())))))
        return real(self, graph, inputs, batch)

    monkeypatch.setattr(Model, "_encode", encode)
    return seen


@given(st.integers(1, 7), st.integers(7, 30), st.integers(0, 3))
def test_regions_are_the_cells_of_the_grid_row_by_row(grid: int, size: int, count: int) -> None:
    ink = np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)
    regions, side = cut(ink, grid), size // grid
    assert regions.shape == (count, grid * grid, side, side)
    for r in range(grid * grid):
        y, x = r // grid * side, r % grid * side
        assert np.array_equal(regions[:, r], ink[:, y : y + side, x : x + side])


def test_a_growing_drawing_is_encoded_as_it_is_alone(model: Model) -> None:
    encoder = SketchEncoder(model)
    frames = [np.zeros((256, 256), np.uint8), *(episode(WANDERING, 12).astype(np.uint8) * 255)]
    together = model.encode_sketches(frames)
    for index, frame in enumerate([*frames, frames[4], frames[0]]):  # strokes may be taken back
        index = index if index < len(frames) else (4, 0)[index - len(frames)]
        features = encoder.encode(frame)
        assert set(features) == set(together)
        for name, expected in together.items():
            assert features[name].dtype == np.float32
            np.testing.assert_allclose(features[name], expected[index : index + 1], atol=1e-6)


def test_only_what_changed_is_encoded(model: Model, runs: list[tuple[str, int]]) -> None:
    encoder = SketchEncoder(model)
    ink = np.zeros((SIZE, SIZE), np.uint8)
    encoder.encode(ink)
    of_regions = [("region.onnx", 1)] if model.grid else []
    assert runs == [*of_regions, ("sketch.onnx", 1)]  # nine blank regions are one
    runs.clear()
    encoder.encode(ink.copy())
    assert runs == []
    ink[2:5, 3:9] = 255  # the array that the encoder saw before
    ink[30, 30] = 9
    encoder.encode(ink)
    assert runs == [*([("region.onnx", 2)] if model.grid else []), ("sketch.onnx", 1)]
    runs.clear()
    ink[SIZE - 1, SIZE - 1] = 255  # 64 px are cells of 21 px and one that is left over
    encoder.encode(ink)
    assert runs == [("sketch.onnx", 1)]


def test_equal_regions_are_encoded_once(model: Model, runs: list[tuple[str, int]]) -> None:
    frames = episode(WANDERING, 12).astype(np.uint8) * 255
    different = len({region.tobytes() for region in cut(prepared(frames), GRID).reshape(-1, 21, 21)})
    model.encode_sketches(list(frames))
    assert runs == [*([("region.onnx", different)] if model.grid else []), ("sketch.onnx", 12)]
    assert different < 12 * GRID * GRID / 2


def prepared(frames: np.ndarray) -> np.ndarray:
    from sketchseek.model.preprocess import prepare_sketch

    return np.stack([prepare_sketch(frame, SIZE) for frame in frames])


def test_no_drawings(model: Model) -> None:
    some, none = model.encode_sketches([WANDERING]), model.encode_sketches([])
    assert {name: (0, *values.shape[1:]) for name, values in some.items()} == {n: v.shape for n, v in none.items()}


def test_batches_do_not_show(model: Model) -> None:
    frames = list(episode(WANDERING, 7).astype(np.uint8) * 255)
    whole, parts = model.encode_sketches(frames), model.encode_sketches(frames, batch=2)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, atol=1e-6)


def test_the_region_graph_is_part_of_what_is_sealed(tmp_path: Path) -> None:
    folder = make_region_model(tmp_path / "model")
    assert "region.onnx" in Model.load(folder).config["files"]
    (folder / "region.onnx").unlink()
    with pytest.raises(InputError, match=r"region.onnx: is missing"):
        Model.load(folder)
