"""Drawings that are sent as files."""

from __future__ import annotations

import json

from sketchseek.search.limits import LIMITS
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.load import parse_drawing
from sketchseek.strokes.sketch import Sketch


def read_upload(data: bytes, name: str) -> tuple[Sketch | Ink, str]:
    """The drawing in a file's content, and its strokes as JSON, null for a picture. Raises InputError, for drawings
    above the limits as soon as that is known.
    """
    drawing = parse_drawing(data, name, LIMITS.most)
    if not isinstance(drawing, Sketch):
        return drawing, "null"
    LIMITS.check_sketch(drawing)
    return drawing, json.dumps([stroke.tolist() for stroke in drawing.strokes], separators=(",", ":"))
