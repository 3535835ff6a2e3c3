"""A tiny model whose matcher compares regions: four bands of the picture, each by its own two rows of 8 x 8 cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny_model import DIMENSIONS, SIZE, make_tiny_model

from sketchseek.model import write_model_config

BANDS, CELLS = 4, 8


def make_banded_model(folder: Path) -> Path:
    """Write the model folder and return it. Features of a photo: ``level1`` ``[4, 16]`` (0 to 255), ``weights``
    ``[4, 1]``, all a quarter, ``maps`` ``[4, 8, 8]``, 1 inside a band, and ``vector``.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    make_tiny_model(folder)
    bands = np.repeat(np.eye(BANDS, dtype=np.float32), CELLS // BANDS, axis=1)  # [4, 8]
    shapes = {"level1": [BANDS, 2 * CELLS], "weights": [BANDS, 1], "maps": [BANDS, CELLS, CELLS]}
    for name in ("sketch.onnx", "photo.onnx"):
        model = onnx.load(folder / name)
        constants: dict[str, np.ndarray] = {
            "level1_shape": np.array([0, BANDS, 2 * CELLS], np.int64),
            "maps_shape": np.array([0, BANDS, 1, 1], np.int64),
            "last": np.array([2], np.int64),
            "nothing": np.array(0, np.float32),
            "quarter": np.array(1 / BANDS, np.float32),
            "bands": np.repeat(bands[:, :, None], CELLS, axis=2)[None],
        }
        model.graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in constants.items())
        model.graph.node.extend(
            [
                helper.make_node("Reshape", ["pooled", "level1_shape"], ["level1"]),
                helper.make_node("ReduceMean", ["level1", "last"], ["means"], keepdims=1),
                helper.make_node("Mul", ["means", "nothing"], ["zeros"]),  # [B, 4, 1], as long as the batch
                helper.make_node("Add", ["zeros", "quarter"], ["weights"]),
                helper.make_node("Reshape", ["zeros", "maps_shape"], ["flat_zeros"]),
                helper.make_node("Add", ["flat_zeros", "bands"], ["maps"]),
            ]
        )
        model.graph.output.extend(
            helper.make_tensor_value_info(key, TensorProto.FLOAT, ["B", *shape]) for key, shape in shapes.items()
        )
        onnx.checker.check_model(model)
        onnx.save_model(model, folder / name)
    config = {
        "method": "tiny-banded",
        "size": SIZE,
        "matcher": {"name": "region-weighted", "parameters": {}},
        "features": {"vector": [DIMENSIONS], **shapes},
        "card": {"name": "Tiny, banded", "about": "Made for tests."},
    }
    write_model_config(folder, config)
    return folder
