"""Read QuickDraw ndjson files, raw (with times) or simplified; each line holds one drawing."""

from __future__ import annotations

from typing import Any

from sketchseek.errors import InputError
from sketchseek.files import StrPath
from sketchseek.strokes._files import checked_sketch, read_bytes
from sketchseek.strokes.sketch import CANVAS, Sketch
from sketchseek.strokes.sketch_json import decode_json


def read_quickdraw(path: StrPath) -> list[tuple[str, str, Sketch]]:
    """Read all drawings of a file as (key_id, word, sketch), in the file's order.

    Coordinates are divided by 256 and otherwise kept. In simplified files the result lies on the unit canvas, aligned
    to its upper left corner. In raw files coordinates are pixels of the screen that was drawn on, so the result may be
    larger than the canvas. Neither is a photo's frame: call ``Sketch.fitted`` before searching with a sketch. Raw files
    have times in milliseconds.

    Raises InputError, with the line's number, for a line that is not such a drawing, and for a file without any.
    """
    return parse_quickdraw(read_bytes(path), path)


def parse_quickdraw(data: bytes, name: object) -> list[tuple[str, str, Sketch]]:
    """``read_quickdraw`` for a file's content that is already in memory; errors call it ``name``."""
    lines = [(number, line) for number, line in enumerate(data.splitlines(), 1) if line.strip()]
    if not lines:
        raise InputError(f"{name}: holds no drawing; it should be ndjson, one QuickDraw drawing a line")
    return [drawing_from_json(decode_json(line, f"{name}, line {n}"), f"{name}, line {n}") for n, line in lines]


def drawing_from_json(content: Any, name: object) -> tuple[str, str, Sketch]:
    """Convert one decoded line to (key_id, word, sketch). Raises InputError, which calls it ``name``."""
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
