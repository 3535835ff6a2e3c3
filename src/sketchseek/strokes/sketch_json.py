"""Our own sketch file, JSON.

    {"format": "sketchseek-sketch", "version": 1, "strokes": [[[x, y, time, pressure], ...], ...]}

Points are those of ``Sketch``: on the unit canvas, which is the photo's frame.
"""

from __future__ import annotations

import json
from typing import Any

from sketchseek.errors import InputError
from sketchseek.files import StrPath
from sketchseek.formats import SKETCH_FORMAT, SKETCH_VERSION
from sketchseek.strokes._files import checked_sketch, read_bytes, write_text
from sketchseek.strokes.sketch import Sketch


def read_json(path: StrPath) -> Sketch:
    """Read a sketch file, bit for bit what ``write_json`` was given. Raises InputError for any other file."""
    return parse_json(read_bytes(path), path)


def parse_json(data: bytes, name: object) -> Sketch:
    """As ``read_json``, for the content of a file; errors call it ``name``."""
    return sketch_from_json(decode_json(data, name), name)


def decode_json(data: bytes, name: object) -> Any:
    """Decode JSON of any kind. Raises InputError where it is damaged."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: damaged JSON; export the drawing anew") from None


def sketch_from_json(content: Any, name: object) -> Sketch:
    """The sketch that a decoded sketch file holds. Raises InputError where it is not one."""
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


def write_json(sketch: Sketch, path: StrPath) -> None:
    """Write a sketch file, from which ``read_json`` returns the same sketch. Raises InputError where it cannot."""
    write_text(path, json.dumps(sketch_to_json(sketch), separators=(",", ":")) + "\n")
