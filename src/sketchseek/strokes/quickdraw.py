"""QuickDraw ndjson files, raw (with timing) and simplified: one drawing a line."""

from __future__ import annotations

import os
from typing import Any

from sketchseek.errors import InputError
from sketchseek.strokes._files import checked_sketch, read_bytes
from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.sketch_json import decode_json


def read_quickdraw(path: str | os.PathLike[str]) -> list[tuple[str, str, Sketch]]:
    """Read all drawings of a file: (key_id, word, sketch), in the file's order.

    Coordinates are divided by 256 and not otherwise touched. In the simplified files that is the unit canvas, to whose
    upper left corner the drawing was moved; in the raw files they are pixels of whatever screen was drawn on. Neither
    is a photo's frame: call ``Sketch.fitted`` before using one as a drawing. Raw files have times in milliseconds.

    Raises InputError, with the number of the line, for whatever is not such a drawing.
    """
    return parse_quickdraw(read_bytes(path), path)


def parse_quickdraw(data: bytes, name: object) -> list[tuple[str, str, Sketch]]:
    """``read_quickdraw`` for content that is in memory already; ``name`` stands in error messages."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if not lines:
        raise InputError(f"{name}: holds no drawing; it should be ndjson, one QuickDraw drawing a line")
    return [drawing_from_json(decode_json(line, f"{name}, line {n}"), f"{name}, line {n}") for n, line in lines]


def drawing_from_json(content: Any, name: object) -> tuple[str, str, Sketch]:
    """One decoded line: (key_id, word, sketch). Raises InputError."""
    drawing = content.get("drawing") if isinstance(content, dict) else None
    if not isinstance(drawing, list):
        raise InputError(f'{name}: not a QuickDraw drawing; it should have a list "drawing"')
    strokes = []
    for stroke in drawing:
        if not isinstance(stroke, list) or not 2 <= len(stroke) <= 3 or not all(isinstance(c, list) for c in stroke):
            raise InputError(f"{name}: a stroke is [[x, ...], [y, ...]] or [[x, ...], [y, ...], [time, ...]]")
        if len({len(column) for column in stroke}) != 1:
            raise InputError(f"{name}: a stroke has another number of x than of y or of times; get the file anew")
        strokes.append(list(zip(*stroke, strict=True)))
    pixels = checked_sketch(name, strokes)
    arrays = [stroke * (1 / CANVAS, 1 / CANVAS, 1, 1) for stroke in pixels.strokes]
    return str(content.get("key_id", "")), str(content.get("word", "")), Sketch.from_arrays(arrays)
