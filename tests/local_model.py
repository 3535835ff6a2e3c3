"""A tiny model whose matcher is not exact: beside its vector it gives the 8 x 8 cells themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny_model import DIMENSIONS, SIZE, make_tiny_model

from sketchseek.model import write_model_config

CELLS = 64


def make_local_model(folder: Path, seed: int = 0, matcher: str = "local") -> Path:
    """Write the model folder and return it. Features of a photo: ``cells`` ``[64, 1]``, 0 to 255, and ``vector``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    make_tiny_model(folder, seed, matcher)
    for name in ("sketch.onnx", "photo.onnx"):
        model = onnx.load(folder / name)
        model.graph.initializer.append(numpy_helper.from_array(np.array([0, CELLS, 1], np.int64), "cells_shape"))
        model.graph.node.append(helper.make_node("Reshape", ["pooled", "cells_shape"], ["local_cells"]))
        for node in model.graph.node:  # the graph has a tensor called cells already, the flat one
            for names in (node.input, node.output):
                names[:] = [{"cells": "flat_cells", "local_cells": "cells"}.get(name, name) for name in names]
        model.graph.output.append(helper.make_tensor_value_info("cells", TensorProto.FLOAT, ["B", CELLS, 1]))
        onnx.checker.check_model(model)
        onnx.save_model(model, folder / name)
    config = {
        "method": "tiny-local",
        "size": SIZE,
        "matcher": {"name": matcher, "parameters": {}},
        "features": {"vector": [DIMENSIONS], "cells": [CELLS, 1]},
        "card": {"name": "Tiny, local", "about": "Made for tests."},
    }
    write_model_config(folder, config)
    return folder
