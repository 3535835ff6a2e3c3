"""Checks of a model folder that somebody else may have written or changed.

The hashes in a folder tell damage. They do not tell intent: whoever changes a file can write new ones. So what the
config says is checked, value by value, and the graphs may read no other file than the weights that the config lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from sketchseek.matching import Features, Matcher
from sketchseek.matching.fusion import FUSIONS
from sketchseek.model.confidence import Confidence
from sketchseek.model.encoder import Query

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

GRAPHS = ("sketch.onnx", "photo.onnx")
TOKENIZER, NAMES, MATCH, WEIGHTS = "tokenizer.json", "names.json", "match.onnx", "weights.bin"
WHERE_NEEDED = ("region.onnx", "text.onnx", TOKENIZER, NAMES, MATCH, WEIGHTS)

_MOST_PIXELS = 4096  # of a side
_MOST_NUMBERS = 2**24  # of a feature, and of what a network keeps of a drawing
_MOST_TOKENS = 2**16
_MOST_CELLS = 256  # a side
_DEEPEST = 50  # graphs within graphs


def check_config(config: Mapping[str, Any]) -> None:
    """Raises ValueError, with the reason, where a model's config says something that no export writes."""
    _require(_is_whole(config.get("size"), 1, _MOST_PIXELS), "no size in pixels")
    _require(isinstance(config.get("method"), str), "no method")
    _require(isinstance(config.get("card"), dict), "no card")
    strategies = config.get("strategies", {})
    _require(isinstance(strategies, dict), "strategies that are none")
    for matcher in (config.get("matcher"), *strategies.values()):
        _require(_is_matcher(matcher), "no matcher with name and parameters")
    features = config.get("features")
    shapes = features.values() if isinstance(features, dict) else ()
    _require(bool(shapes) and all(map(_is_shape, shapes)), "no features with shapes")
    _require("regions" not in config or _is_whole(config["regions"], 1, min(_MOST_CELLS, config["size"])), "regions")
    _require("state" not in config or _is_whole(config["state"], 1, _MOST_NUMBERS), "state is no count")
    if config.get("confidence") is not None:
        Confidence.from_json(config["confidence"])
    if "words" in config:
        words = config["words"]
        _require(isinstance(words, dict) and words.keys() >= {"fusion", "length", "query"}, "words without a fusion")
        fusion = words["fusion"]
        known = isinstance(fusion, str) and fusion in FUSIONS
        _require(known, f"fusion {fusion!r:.60} is not known here; update Sketchseek")
        _require(_is_whole(words["length"], 1, _MOST_TOKENS), "words without a length")
        _require(isinstance(words["query"], str) and words["query"] in get_args(Query), "words without a query")
    _check_files(config)


def _check_files(config: Mapping[str, Any]) -> None:
    files = config.get("files")
    if not isinstance(files, dict) or not all(isinstance(value, str) for value in files.values()):
        raise ValueError("no files with hashes")
    needed = {*GRAPHS, *(["region.onnx"] if "regions" in config else []), *(["text.onnx"] if "words" in config else [])}
    for name in sorted(needed - files.keys()):
        raise ValueError(f"its files lack {name}")
    for name in files.keys() - {*GRAPHS, *WHERE_NEEDED}:
        raise ValueError(f"its files hold {name!r:.60}, which no model has")
    if "words" in config:
        _require((TOKENIZER in files) != (NAMES in files), f"its files need either {TOKENIZER} or {NAMES}")


def check_matcher(
    matcher: Matcher, photo: Mapping[str, Sequence[int]], sketch: Mapping[str, Sequence[int]] | None = None
) -> None:
    """Raises ValueError where the matcher can do nothing with a photo, and a sketch, with features of these shapes."""
    photos = _blank(photo)
    try:
        vectors = [matcher.photo_vector(photos)]
        if sketch is not None:
            sketches = _blank(sketch)
            vectors.append(matcher.sketch_vector(sketches))
            matcher.similarity(sketches, photos)
    except Exception as error:  # a matcher of any kind on features of any shape
        raise ValueError(f"its matcher cannot compare its features ({error!r:.100})") from None
    _require(len({vector.shape for vector in vectors}) == 1, "its vectors of sketches are not those of photos")
    _require(vectors[0].ndim == 2 and vectors[0].shape[1] > 0, "its matcher makes no vector of its features")


def _blank(shapes: Mapping[str, Sequence[int]]) -> Features:
    return {name: np.zeros((1, *shape), np.float32) for name, shape in shapes.items()}


def check_graph(path: Path, files: Mapping[str, str]) -> None:
    """Raises ValueError where a graph keeps weights in a file that is not among ``files``, or is no graph."""
    for location in _locations(path.read_bytes()):
        if location != WEIGHTS or WEIGHTS not in files:
            raise ValueError(f"reads the file {location!r:.60}, which is not among those of the model")


def check_ports(session: InferenceSession, name: str, config: Mapping[str, Any], matcher: Matcher) -> None:
    """Raises ValueError where a graph takes or gives something else than the config says and the matcher needs."""
    size = config["size"]
    given: dict[str, tuple[str, list[int | None]]]
    wanted: dict[str, Sequence[int]] = {}
    match name:
        case "sketch.onnx":
            given = {"ink": ("uint8", [size, size])}
            if "regions" in config:
                given["regions"] = ("float", [config["regions"] ** 2])
            if "state" in config:
                given["state"] = ("float", [config["state"]])
                wanted = {"after": [config["state"]]}
        case "photo.onnx":
            given, wanted = {"photo": ("uint8", [size, size, 3])}, config["features"]
        case "region.onnx":
            crop = size // config["regions"]
            given, wanted = {"crop": ("uint8", [crop, crop])}, {"region": []}
        case "text.onnx":
            given = {"tokens": ("int64", [config["words"]["length"]])}
        case _:
            given = {"tokens": ("int64", [config["words"]["length"]]), "photo_tokens": ("float", [])}
    inputs = {port.name: port for port in session.get_inputs()}
    outputs = {port.name: port for port in session.get_outputs()}
    _require(inputs.keys() == given.keys(), f"takes {', '.join(sorted(inputs))} and not {', '.join(sorted(given))}")
    for port, (kind, shape) in given.items():
        found = inputs[port]
        fits = found.type == f"tensor({kind})" and _fits(found.shape, shape)
        _require(fits, f"takes {port} as {found.type} {found.shape}")
    for port, expected in wanted.items():
        _require(port in outputs, f"gives no {port}")
        fits = outputs[port].type.startswith("tensor(float") and _fits(outputs[port].shape, expected)
        _require(fits, f"gives {port} as {outputs[port].type} {outputs[port].shape}")
    sketch = {port.name: port.shape[1:] for port in outputs.values() if port.name != "after"}
    if name == "sketch.onnx" and all(isinstance(side, int) for shape in sketch.values() for side in shape):
        check_matcher(matcher, config["features"], sketch)


def _fits(found: Sequence[Any], wanted: Sequence[int | None]) -> bool:
    """Whether a shape, whose first axis is the batch and whose sizes may be names, begins with the sizes wanted."""
    sizes = list(found)[1 : 1 + len(wanted)]
    same = [not isinstance(size, int) or size == other for size, other in zip(sizes, wanted, strict=False)]
    return len(same) == len(wanted) and all(same)


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_matcher(value: object) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("parameters"), dict)


def _is_shape(value: object) -> bool:
    return (
        isinstance(value, list)
        and 0 < len(value) <= 4
        and all(_is_whole(side, 1, _MOST_NUMBERS) for side in value)
        and prod(value) <= _MOST_NUMBERS
    )


# --- which files a graph reads ---
#
# An ONNX file is a protobuf message. Only the fields that may lead to a tensor are followed, by their numbers in
# onnx.proto; everything else is skipped by its length, so weights inside a graph cost nothing.

_FIELDS: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


def _locations(message: bytes) -> Iterator[str]:
    """Where the tensors of a model are kept outside of it. Raises ValueError where the bytes are no such message."""
    yield from _walk(memoryview(message), "model", 0)


def _walk(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST * 4:
        raise ValueError("nested too deeply")
    if kind == "entry":
        entry = {number: bytes(value).decode("utf-8", "replace") for number, value in _parts(message)}
        if entry.get(1) == "location":
            yield entry.get(2, "")
        return
    for number, value in _parts(message):
        if number in _FIELDS[kind]:
            yield from _walk(value, _FIELDS[kind][number], depth + 1)


def _parts(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a protobuf message that have a length, with their numbers."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        match key & 7:
            case 0:
                _, place = _varint(message, place)
            case 1:
                place += 8
            case 2:
                length, place = _varint(message, place)
                if place + length > len(message):
                    raise ValueError("is no ONNX graph, or cut off")
                yield key >> 3, message[place : place + length]
                place += length
            case 5:
                place += 4
            case _:
                raise ValueError("is no ONNX graph, or cut off")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("is no ONNX graph, or cut off")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("is no ONNX graph, or cut off")
