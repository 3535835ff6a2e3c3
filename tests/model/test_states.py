"""Models that see a drawing grow: they keep a state from one of its frames to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from sketchseek.lab.config import override, to_dict
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.methods import get_method
from sketchseek.lab.runs import Run, write_run
from sketchseek.lab.train_and_export import export
from sketchseek.lab.training.loop import save_network
from sketchseek.model import Model
from sketchseek.model.encoder import encode_episodes
from sketchseek.model.sketch_encoder import SketchEncoder

pytestmark = pytest.mark.slow

SIZE, STEPS = 64, 5


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TorchEncoder, Model]]:
    """The same SLFIR network, of random weights, in torch and as an exported folder."""
    folder: Path = tmp_path_factory.mktemp("slfir")
    method = get_method("slfir")
    config = override(method.config("bench"), {"size": str(SIZE), "tap": "features.6", "corrects": "false"})
    torch.manual_seed(0)
    network = method.build(config).eval()
    (folder / "run").mkdir()
    write_run(folder / "run", Run(method="slfir", config=to_dict(config), finished=True))
    save_network(folder / "run" / "last.safetensors", network)
    export(folder / "run", folder / "model")
    yield TorchEncoder(network, SIZE), Model.load(folder / "model")


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Two growing drawings, ``[2, STEPS, SIZE, SIZE]``; the second one stands still for a step."""
    ink = np.zeros((2, STEPS, SIZE, SIZE), np.uint8)
    for step in range(STEPS):
        ink[0, step:, 10 * step : 10 * step + 12, 20:60] = 255
        ink[1, step:, 5:40, 8 * step : 8 * step + 4] = 255
    ink[1, 3] = ink[1, 2]
    return ink


@pytest.fixture(scope="module")
def vectors(encoders: tuple[TorchEncoder, Model], frames: np.ndarray) -> np.ndarray:
    return encode_episodes(encoders[1], frames)["vector"].reshape(2, STEPS, -1)


def test_torch_and_the_exported_model_follow_alike(
    encoders: tuple[TorchEncoder, Model], frames: np.ndarray, vectors: np.ndarray
) -> None:
    expected = encode_episodes(encoders[0], frames)["vector"].reshape(vectors.shape)
    assert np.abs(vectors - expected).max() < 1e-4


def test_a_step_depends_on_those_before_it(
    encoders: tuple[TorchEncoder, Model], frames: np.ndarray, vectors: np.ndarray
) -> None:
    alone = encoders[1].encode_sketches([frames[0, -1]])["vector"][0]
    assert np.abs(alone - vectors[0, -1]).max() > 1e-4
    first = encoders[1].encode_sketches([frames[0, 0]])["vector"][0]
    assert np.abs(first - vectors[0, 0]).max() < 1e-5


def test_a_drawing_that_stands_still_stays_where_it_was(vectors: np.ndarray) -> None:
    assert np.array_equal(vectors[1, 3], vectors[1, 2])


def test_the_encoder_of_one_drawing_follows_it(
    encoders: tuple[TorchEncoder, Model], frames: np.ndarray, vectors: np.ndarray
) -> None:
    for drawing, expected in zip(frames, vectors, strict=True):
        encoder = SketchEncoder(encoders[1])
        for frame, vector in zip(drawing, expected, strict=True):
            assert np.abs(encoder.encode(frame)["vector"][0] - vector).max() < 1e-5


def test_a_drawing_may_be_encoded_without_advancing_the_state(
    encoders: tuple[TorchEncoder, Model], frames: np.ndarray, vectors: np.ndarray
) -> None:
    encoder = SketchEncoder(encoders[1])
    encoder.encode(frames[0, 0])
    half = np.maximum(frames[0, 0], np.where(np.arange(SIZE) < 40, frames[0, 1], 0)).astype(np.uint8)
    encoder.encode(half, advance=False)
    encoder.encode(frames[0, 1], advance=False)
    assert np.abs(encoder.encode(frames[0, 1])["vector"][0] - vectors[0, 1]).max() < 1e-5
    assert np.abs(encoder.encode(frames[0, 2])["vector"][0] - vectors[0, 2]).max() < 1e-5


def test_where_ink_is_taken_away_it_begins_anew(encoders: tuple[TorchEncoder, Model], frames: np.ndarray) -> None:
    encoder = SketchEncoder(encoders[1])
    encoder.encode(frames[0, -1])
    alone = encoders[1].encode_sketches([frames[0, 0]])["vector"]
    assert np.abs(encoder.encode(frames[0, 0])["vector"] - alone).max() < 1e-5
