"""Our own sketch file, JSON.

    {"format": "sketchseek-sketch", "version": 1, "strokes": [[[x, y, time, pressure], ...], ...]}

Points are those of ``Sketch``: on the unit canvas, which is the photo's frame.
"""

from __future__ import annotations

import json
import os
from typing import Any

from sketchseek.errors import InputError
from sketchseek.formats import SKETCH_FORMAT, SKETCH_VERSION
from sketchseek.strokes._files import checked_sketch, read_bytes, write_whole
from sketchseek.strokes.sketch import Sketch


def read_json(path: str | os.PathLike[str]) -> Sketch:
    """Read a sketch, exactly as ``write_json`` was given it. Raises InputError for anything else."""
    return parse_json(read_bytes(path), path)


def parse_json(data: bytes, name: object) -> Sketch:
    """``read_json`` for content that is in memory already; ``name`` stands in error messages."""
    return sketch_from_json(decode_json(data, name), name)


def decode_json(data: bytes, name: object) -> Any:
    """Any JSON value. Raises InputError."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: damaged JSON; export the drawing anew") from None


def sketch_from_json(content: Any, name: object) -> Sketch:
    """The sketch in a decoded JSON value. Raises InputError."""
    if not isinstance(content, dict) or content.get("format") != SKETCH_FORMAT:
        raise InputError(f'{name}: not a sketch file; it should say "format": "{SKETCH_FORMAT}"')
    if content.get("version") != SKETCH_VERSION:
        raise InputError(
            f"{name}: written in version {content.get('version')!r:.20} of the format, known is {SKETCH_VERSION}"
        )
    if content.keys() != {"format", "version", "strokes"} or not isinstance(content["strokes"], list):
        raise InputError(f"{name}: a sketch file has format, version and a list of strokes, and nothing else")
    return checked_sketch(name, content["strokes"])


def sketch_to_json(sketch: Sketch) -> dict[str, Any]:
    """The content of a sketch file as a JSON value."""
    return {
        "format": SKETCH_FORMAT,
        "version": SKETCH_VERSION,
        "strokes": [stroke.tolist() for stroke in sketch.strokes],
    }


def write_json(sketch: Sketch, path: str | os.PathLike[str]) -> None:
    """Write a sketch so that ``read_json`` returns it bit for bit. Raises InputError where it cannot be written."""
    write_whole(path, json.dumps(sketch_to_json(sketch), separators=(",", ":")) + "\n")
