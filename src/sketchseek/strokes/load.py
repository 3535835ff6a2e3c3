"""Load a drawing from a file of any known format, and save one."""

from __future__ import annotations

import numpy as np

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.strokes._files import UNLIMITED, Most, read_bytes
from sketchseek.strokes.ink import LEAST_INK, Ink, ink_of_gray, parse_gray
from sketchseek.strokes.paper import is_photograph, strokes_on_paper
from sketchseek.strokes.quickdraw import drawing_from_json, parse_quickdraw
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import decode_json, sketch_from_json, write_json
from sketchseek.strokes.strays import without_strays
from sketchseek.strokes.svg import parse_svg, write_svg

LEAST_EXTENT = 0.1  # of the canvas; an SVG's drawing that is smaller has nothing to do with its viewBox


def load_drawing(source: StrPath | bytes, name: str | None = None) -> Sketch | Ink:
    """Read a drawing to search with from a file, or from the bytes of one, which errors call ``name``.

    The content decides the format, not the suffix:

    - Sketchseek's own JSON gives its ``Sketch`` unchanged.
    - SVG gives a ``Sketch`` on the viewBox, unless it lies beyond it or is less than a tenth of it. Then, and of
      QuickDraw (the first drawing of the file), which has no frame, the drawing is scaled to 190 of the canvas's 256
      pixels on its longer side, and centred.
    - A raster image (PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP, TIFF) gives ink, uint8 ``[s, s]``, 255 where a line
      is, as ``read_ink`` does.
    - A photograph of a drawing on paper, recognised by the uneven or grainy paper, is traced and gives a ``Sketch``,
      so that its lines get the usual width. Its canvas is the photograph.

    Of SVG and of pictures, specks and dots far from the drawing are left out.

    Raises InputError for a file that cannot be read or has nothing drawn in it.
    """
    if isinstance(source, bytes):
        return parse_drawing(source, name or "the uploaded drawing")
    return parse_drawing(read_bytes(source), name or str(source))


def parse_drawing(data: bytes, called: str, most: Most = UNLIMITED) -> Sketch | Ink:
    """``load_drawing`` for a file's content. Raises InputError also where it has more than ``most`` strokes or points,
    of an SVG as soon as it turns out.
    """
    start = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    drawing: Sketch | Ink
    if start == b"<":
        drawing = _on_canvas(parse_svg(data, called, most))
    elif start in (b"{", b"["):
        drawing = _from_json(data.removeprefix(b"\xef\xbb\xbf"), called)
    elif not data.strip():
        raise InputError(f"{called}: empty file; export the drawing anew")
    else:
        gray = parse_gray(data, called)
        drawing = without_strays(strokes_on_paper(gray) if is_photograph(gray) else ink_of_gray(gray))
    if isinstance(drawing, Sketch) and (len(drawing.strokes) > most.strokes or len(drawing) > most.points):
        raise InputError(f"{called}: has more than {most.strokes:,} strokes or {most.points:,} points; simplify it")
    if not (len(drawing) if isinstance(drawing, Sketch) else (drawing >= LEAST_INK).any()):
        raise InputError(f"{called}: nothing is drawn in it; draw something first")
    return drawing


def save_drawing(sketch: Sketch, path: StrPath) -> None:
    """Write a sketch as ``.json`` (Sketchseek's own format, exact) or ``.svg`` (without times and pressures).

    Raises InputError for another suffix, and where the file cannot be written.
    """
    match as_path(path).suffix.lower():
        case ".json":
            write_json(sketch, path)
        case ".svg":
            write_svg(sketch, path)
        case _:
            raise InputError(f"{path}: a drawing is saved as .json or .svg; change the suffix")


def _on_canvas(sketch: Sketch) -> Sketch:
    """The sketch without strays, fitted unless it lies on the canvas and is at least a tenth of it."""
    sketch = without_strays(sketch)
    xy = sketch.points[:, :2]
    fits = not len(xy) or (xy.min() >= 0 and xy.max() <= 1 and np.ptp(xy, axis=0).max() >= LEAST_EXTENT)
    return sketch if fits else sketch.fitted()


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
