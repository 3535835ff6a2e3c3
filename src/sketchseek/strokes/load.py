"""Any drawing that a person may hand in, told apart by its content."""

from __future__ import annotations

import os

from sketchseek.errors import InputError
from sketchseek.strokes._files import read_bytes
from sketchseek.strokes.ink import LEAST_INK, Ink, fitted_ink, ink_of_gray, parse_gray
from sketchseek.strokes.paper import is_photograph, strokes_on_paper
from sketchseek.strokes.quickdraw import drawing_from_json, parse_quickdraw
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import decode_json, sketch_from_json
from sketchseek.strokes.svg import parse_svg


def load_drawing(source: str | os.PathLike[str] | bytes, name: str | None = None) -> Sketch | Ink:
    """Read a drawing to search with, from a file or from an uploaded file's bytes, whose ``name`` errors then give.

    Our own JSON is returned as it is, for its canvas is the photo's frame. SVG, QuickDraw (the first drawing of the
    file) and raster images (PNG, JPEG, WebP, GIF, BMP, TIFF; returned as ink ``[256, 256]``) have no frame and are
    fitted once: the longer side to 190 of 256, centred. A photograph of a drawing on paper, told by its uneven or
    grainy paper, becomes strokes, so that its lines are as wide as all others. The suffix does not matter.

    Raises InputError for what cannot be read or has nothing drawn in it.
    """
    if isinstance(source, bytes):
        data, called = source, name or "the uploaded drawing"
    else:
        data, called = read_bytes(source), name or str(source)
    start = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    drawing: Sketch | Ink
    if start == b"<":
        drawing = parse_svg(data, called).fitted()
    elif start in (b"{", b"["):
        drawing = _from_json(data.removeprefix(b"\xef\xbb\xbf"), called)
    elif not data.strip():
        raise InputError(f"{called}: empty file; export the drawing anew")
    else:
        gray = parse_gray(data, called)
        drawing = strokes_on_paper(gray).fitted() if is_photograph(gray) else fitted_ink(ink_of_gray(gray))
    if not (len(drawing) if isinstance(drawing, Sketch) else (drawing >= LEAST_INK).any()):
        raise InputError(f"{called}: nothing is drawn in it; draw something first")
    return drawing


def _from_json(data: bytes, name: str) -> Sketch:
    lines = data.splitlines()
    first = next(line for line in lines if line.strip())
    if b'"drawing"' in first:
        _, _, sketch = parse_quickdraw(first, name)[0]
        return sketch.fitted()
    content = decode_json(data, name)
    if isinstance(content, dict) and "drawing" in content:  # a QuickDraw drawing on several lines
        return drawing_from_json(content, name)[2].fitted()
    return sketch_from_json(content, name)
