"""A tiny model with words, and things to find with it: the shape is drawn, the colour is said, and it takes both.

The first numbers of a vector are the tiny model's look at the lines, of length 1. The last three are the colour: of a
photo the colour of its lines, of words the colours they name, each of length 1; of a sketch nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from tiny_model import DIMENSIONS, SIZE, make_tiny_model

from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model, write_model_config
from sketchseek.model.names import LENGTH as NAMES_LENGTH
from sketchseek.model.names import Names
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch

LENGTH = 6  # tokens
COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
VOCABULARY = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *COLOURS, "chair", "with", "arms"])}


def _outline(*strokes: list[tuple[float, float]]) -> Sketch:
    """Strokes through corners, with points between them as a pen would give them."""
    arrays = []
    for corners in strokes:
        ends = np.linspace(0, len(corners) - 1, 16 * (len(corners) - 1) + 1)
        xy = [np.interp(ends, np.arange(len(corners)), np.array(corners)[:, axis]) for axis in (0, 1)]
        arrays.append(np.stack(xy, axis=1))
    return Sketch.from_arrays(arrays)


OUTLINES = {
    "chair": _outline(
        [(0.3, 0.1), (0.3, 0.9)], [(0.3, 0.5), (0.7, 0.5), (0.7, 0.9)], [(0.3, 0.1), (0.38, 0.1), (0.38, 0.5)]
    ),
    "table": _outline([(0.1, 0.35), (0.9, 0.35)], [(0.2, 0.35), (0.2, 0.85)], [(0.8, 0.35), (0.8, 0.85)]),
    "lamp": _outline([(0.4, 0.1), (0.6, 0.1), (0.75, 0.35), (0.25, 0.35), (0.4, 0.1)], [(0.5, 0.35), (0.5, 0.9)]),
}


# For a model that knows names and no other words; two may mean one thing.
NAMES = {"red": "red", "green": "green", "blue": "blue", "fire engine": "red", "crimson": "red"}


def make_worded_model(folder: Path, judges: Mapping[str, str] | None = None, names: bool = False) -> Path:
    """Write the model folder and return it. With ``names`` it knows ``NAMES`` and no other words.

    With ``judges`` it can match: a photo's feature "tokens" ``[1, 3]`` is its colour, and the logit that a photo
    belongs to a word named there is how much its colour is the one named as the value (``{"red": "blue"}`` takes blue
    things for red ones).
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    make_tiny_model(folder)
    white = numpy_helper.from_array(np.array([255], np.float32), "full")
    nothing = numpy_helper.from_array(np.zeros((DIMENSIONS, 3), np.float32), "nothing")
    for name in ("sketch", "photo"):
        graph = onnx.load(folder / f"{name}.onnx").graph
        nodes = list(graph.node)
        for node in nodes:
            node.output[:] = ["shape" if output == "vector" else output for output in node.output]
        outputs = [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["B", DIMENSIONS + 3])]
        constants = [*graph.initializer, white, nothing]
        if name == "sketch":
            nodes.append(helper.make_node("MatMul", ["shape", "nothing"], ["colour"]))
        else:
            for node in nodes:  # a line of whatever colour is as dark as ink: 255 minus the least of its channels
                if node.op_type == "ReduceMean":
                    node.op_type = "ReduceMin"
            constants.append(numpy_helper.from_array(np.array([1, 2], np.int64), "sheet"))
            constants.append(numpy_helper.from_array(np.array([0, 1, 3], np.int64), "tokens_shape"))
            nodes += [
                helper.make_node("ReduceMin", ["colours", "channels"], ["greyness"], keepdims=1),
                helper.make_node("Sub", ["colours", "greyness"], ["saturation"]),
                helper.make_node("ReduceMean", ["saturation", "sheet"], ["tint"], keepdims=0),
                *_unit("tint", "colour"),
            ]
            if judges is not None:
                nodes.append(helper.make_node("Reshape", ["colour", "tokens_shape"], ["tokens"]))
                outputs.append(helper.make_tensor_value_info("tokens", TensorProto.FLOAT, ["B", 1, 3]))
        nodes.append(helper.make_node("Concat", ["shape", "colour"], ["vector"], axis=1))
        _save(folder / f"{name}.onnx", nodes, list(graph.input), outputs, constants)

    length = NAMES_LENGTH if names else LENGTH
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["B", length])
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    tiny = numpy_helper.from_array(np.array(1e-6, np.float32), "tiny")
    place = numpy_helper.from_array(np.eye(3, DIMENSIONS + 3, DIMENSIONS, dtype=np.float32), "place")
    _save(
        folder / "text.onnx",
        [*_meaning(), *_unit("meaning", "colour"), helper.make_node("MatMul", ["colour", "place"], ["vector"])],
        [tokens],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["B", DIMENSIONS + 3])],
        [_meanings(COLOURS), axis, tiny, place],
    )
    if judges is not None:
        photo_tokens = helper.make_tensor_value_info("photo_tokens", TensorProto.FLOAT, ["B", 1, 3])
        _save(
            folder / "match.onnx",
            [
                *_meaning(),
                helper.make_node("ReduceSum", ["photo_tokens", "axis"], ["colour"], keepdims=0),
                helper.make_node("Mul", ["meaning", "colour"], ["agreement"]),
                helper.make_node("ReduceSum", ["agreement", "axis"], ["logit"], keepdims=0),
            ],
            [tokens, photo_tokens],
            [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["B"])],
            [_meanings({word: COLOURS[colour] for word, colour in judges.items()}), axis],
        )
    if names:
        Names({name: VOCABULARY[colour] for name, colour in NAMES.items()}).save(folder / "names.json")
    else:
        (folder / "tokenizer.json").write_text(json.dumps(_tokenizer()))
    config = {
        "method": "tiny-worded",
        "size": SIZE,
        "matcher": {"name": "cosine", "parameters": {}},
        "features": {"vector": [DIMENSIONS + 3], **({} if judges is None else {"tokens": [1, 3]})},
        "words": {"fusion": "raw_sum", "length": length, "query": "both"},
        "card": {"name": "Tiny, with words", "about": "Made for tests."},
    }
    write_model_config(folder, config)
    return folder


def make_worded_gallery(folder: Path, judges: Mapping[str, str] | None = None, names: bool = False) -> Path:
    """A photo of every outline in every colour, ``red-chair.png`` and so on; returns the gallery's directory."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    for shape, outline in OUTLINES.items():
        for colour, channels in COLOURS.items():
            lines = rasterise(outline)[..., None] > 0
            picture = np.where(lines, 255 * np.array(channels), 255).astype(np.uint8)
            Image.fromarray(picture).save(photos / f"{colour}-{shape}.png")
    with Gallery.create(folder / "gallery", Model.load(make_worded_model(folder / "model", judges, names))) as gallery:
        ingest(gallery, [photos])
    return folder / "gallery"


def _unit(source: str, result: str) -> list:
    from onnx import helper

    return [
        helper.make_node("ReduceL2", [source, "axis"], [f"{result}_length"], keepdims=1),
        helper.make_node("Add", [f"{result}_length", "tiny"], [f"{result}_divisor"]),
        helper.make_node("Div", [source, f"{result}_divisor"], [result]),
    ]


def _meaning() -> list:
    """The colours of all tokens together."""
    from onnx import helper

    return [
        helper.make_node("Gather", ["meanings", "tokens"], ["each"]),
        helper.make_node("ReduceSum", ["each", "axis"], ["meaning"], keepdims=0),
    ]


def _meanings(colours: Mapping[str, tuple[int, int, int]]) -> object:
    from onnx import numpy_helper

    table = [colours.get(word, (0, 0, 0)) for word in VOCABULARY]
    return numpy_helper.from_array(np.array(table, np.float32), "meanings")


def _tokenizer() -> dict:
    """As the library `tokenizers` writes it: words in lower case, whole, any other one unknown."""
    return {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": LENGTH, "strategy": "LongestFirst", "stride": 0},
        "padding": {
            "strategy": {"Fixed": LENGTH},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": VOCABULARY["[PAD]"],
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "[UNK]"},
    }


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: list) -> None:
    import onnx
    from onnx import helper

    graph = helper.make_graph(nodes, path.stem, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save_model(model, path)
