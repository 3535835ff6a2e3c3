"""A tiny model that sees a sketch as a whole and by the nine cells of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tiny_model import DIMENSIONS, SIZE, make_tiny_model

from sketchseek.model import write_model_config

GRID = 3
SIDE = SIZE // GRID


def make_region_model(folder: Path, seed: int = 0) -> Path:
    """Write the model folder and return it. ``global`` is the tiny model's vector; ``local`` is a random projection
    of each region's ink, of photos random numbers that are always the same; ``weight`` is the mean ink of all.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    make_tiny_model(folder, seed)
    random = np.random.default_rng(seed)
    projection = random.normal(size=(SIDE * SIDE, DIMENSIONS)).astype(np.float32) / 5000
    regions = helper.make_graph(
        [
            helper.make_node("Cast", ["crop"], ["ink"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["ink"], ["flat"]),
            helper.make_node("MatMul", ["flat", "projection"], ["region"]),
        ],
        "region",
        [helper.make_tensor_value_info("crop", TensorProto.UINT8, ["B", SIDE, SIDE])],
        [helper.make_tensor_value_info("region", TensorProto.FLOAT, ["B", DIMENSIONS])],
        [numpy_helper.from_array(projection, "projection")],
    )
    _save(
        helper.make_model(regions, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / "region.onnx"
    )

    fixed = random.normal(size=(1, GRID * GRID, DIMENSIONS)).astype(np.float32)
    local: list[str | int | None] = ["B", GRID * GRID, DIMENSIONS]
    for name in ("sketch", "photo"):
        model = onnx.load(folder / f"{name}.onnx")
        graph = model.graph
        for node in graph.node:
            node.output[:] = ["global" if output == "vector" else output for output in node.output]
        graph.output[0].name = "global"
        if name == "sketch":
            graph.input.append(helper.make_tensor_value_info("regions", TensorProto.FLOAT, local))
            graph.node.append(helper.make_node("Identity", ["regions"], ["local"]))
            graph.initializer.append(numpy_helper.from_array(np.array([1, 2], np.int64), "sheet"))
            graph.initializer.append(numpy_helper.from_array(np.ones((1, GRID * GRID), np.float32) / 255, "each"))
            graph.node.append(helper.make_node("ReduceMean", ["darkness", "sheet"], ["mean"], keepdims=0))
            graph.node.append(helper.make_node("Reshape", ["mean", "to_column"], ["means"]))
            graph.initializer.append(numpy_helper.from_array(np.array([-1, 1], np.int64), "to_column"))
            graph.node.append(helper.make_node("MatMul", ["means", "each"], ["weight"]))
            graph.output.append(helper.make_tensor_value_info("weight", TensorProto.FLOAT, ["B", GRID * GRID]))
        else:
            graph.initializer.append(numpy_helper.from_array(fixed, "fixed"))
            graph.initializer.append(numpy_helper.from_array(np.zeros((DIMENSIONS, 1), np.float32), "nothing"))
            graph.initializer.append(numpy_helper.from_array(np.array([-1, 1, 1], np.int64), "one_each"))
            graph.node.append(helper.make_node("MatMul", ["global", "nothing"], ["zero"]))
            graph.node.append(helper.make_node("Reshape", ["zero", "one_each"], ["zeros"]))
            graph.node.append(helper.make_node("Add", ["zeros", "fixed"], ["local"]))
        graph.output.append(helper.make_tensor_value_info("local", TensorProto.FLOAT, local))
        _save(model, folder / f"{name}.onnx")
    config = {
        "method": "tiny-regions",
        "size": SIZE,
        "regions": GRID,
        "matcher": {"name": "global-local", "parameters": {}},
        "features": {"global": [DIMENSIONS], "local": local[1:]},
        "card": {"name": "Tiny, by regions", "about": "Made for tests."},
    }
    write_model_config(folder, config)
    return folder


def _save(model: Any, path: Path) -> None:
    import onnx

    onnx.checker.check_model(model)
    onnx.save_model(model, path)
