"""A model folder of a few kilobytes, for tests of what stands on models.

Sketch and photo are averaged down to 8 x 8, projected to 32 numbers by a fixed random matrix and normalised. Of a
photo it sees the darkness, so ink and a photo of dark strokes on white look alike to it: a sketch finds itself.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sketchseek.model import write_model_config

SIZE = 64
DIMENSIONS = 32


def make_tiny_model(folder: Path, seed: int = 0, matcher: str = "cosine") -> Path:
    """Write the model folder and return it. Another ``seed`` makes another model, with another hash."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    folder.mkdir(parents=True)
    projection = np.random.default_rng(seed).normal(size=(64, DIMENSIONS)).astype(np.float32)
    constants = [
        numpy_helper.from_array(projection, "projection"),
        numpy_helper.from_array(np.array(255, np.float32), "white"),
        numpy_helper.from_array(np.array([0, 1, SIZE, SIZE], np.int64), "one_channel"),
        numpy_helper.from_array(np.array([0, -1], np.int64), "flat"),
        numpy_helper.from_array(np.array([3], np.int64), "channels"),
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
        numpy_helper.from_array(np.array(1e-6, np.float32), "tiny"),
    ]
    shared = [
        helper.make_node("Reshape", ["darkness", "one_channel"], ["map"]),
        helper.make_node("AveragePool", ["map"], ["pooled"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Reshape", ["pooled", "flat"], ["cells"]),
        helper.make_node("MatMul", ["cells", "projection"], ["projected"]),
        helper.make_node("ReduceL2", ["projected", "axis"], ["length"], keepdims=1),
        helper.make_node("Add", ["length", "tiny"], ["divisor"]),
        helper.make_node("Div", ["projected", "divisor"], ["vector"]),
    ]
    inputs: dict[str, tuple[str, list[str | int], list[onnx.NodeProto]]] = {
        "sketch": ("ink", ["B", SIZE, SIZE], [helper.make_node("Cast", ["ink"], ["darkness"], to=TensorProto.FLOAT)]),
        "photo": (
            "photo",
            ["B", SIZE, SIZE, 3],
            [
                helper.make_node("Cast", ["photo"], ["colours"], to=TensorProto.FLOAT),
                helper.make_node("ReduceMean", ["colours", "channels"], ["brightness"], keepdims=0),
                helper.make_node("Sub", ["white", "brightness"], ["darkness"]),
            ],
        ),
    }
    for name, (port, shape, nodes) in inputs.items():
        graph = helper.make_graph(
            [*nodes, *shared],
            name,
            [helper.make_tensor_value_info(port, TensorProto.UINT8, shape)],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["B", DIMENSIONS])],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        onnx.checker.check_model(model)
        onnx.save_model(model, folder / f"{name}.onnx")
    config = {
        "method": "tiny",
        "size": SIZE,
        "matcher": {"name": matcher, "parameters": {}},
        "features": {"vector": [DIMENSIONS]},
        "card": {"name": "Tiny", "about": "Made for tests."},
    }
    (folder / "README.md").write_text("# Tiny\n\nMade for tests.\n")
    write_model_config(folder, config)
    return folder
