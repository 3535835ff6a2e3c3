"""Read and write sketches as SVG files: shapes and paths become strokes, strokes become paths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import StrPath
from sketchseek.strokes import svg_curves as curves
from sketchseek.strokes._files import FARTHEST, UNLIMITED, Most, checked_sketch, read_bytes, write_text
from sketchseek.strokes.sketch import CANVAS, FITTED_SIDE, Sketch
from sketchseek.strokes.svg_curves import Curve, Matrix

# Largest error of flattened curves, in canvas pixels after fitting the bounding box of the control points. The box of
# the curves themselves is at worst about three times smaller, so the error is below 0.25 pixels after ``fitted``.
_TOLERANCE = 0.05
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4}
_UNDRAWN = {"defs", "clipPath", "mask", "symbol", "pattern", "marker", "metadata", "linearGradient", "radialGradient"}


def read_svg(path: StrPath) -> Sketch:
    """Read the outlines of an SVG: path, line, polyline, polygon, rect, circle and ellipse; each subpath is a stroke.

    The viewBox (else width and height, else 256 x 256), centred on a square, becomes the unit canvas. A rectangle that
    covers all of it is taken for the paper and left out. Curves are flattened to points with an error below 0.25 canvas
    pixels, both as placed in the file and after ``Sketch.fitted``. Style, text, images, ``use`` and hidden elements are
    ignored.

    Raises InputError for malformed XML, shapes or numbers, and for files that declare entities.
    """
    return parse_svg(read_bytes(path), path)


def parse_svg(data: bytes, name: object, most: Most = UNLIMITED) -> Sketch:
    """``read_svg`` for a file's content that is already in memory; errors call it ``name``.

    Raises InputError as soon as there turn out to be more than ``most`` strokes or points.
    """
    reader = _Reader(most)
    try:
        reader.read(data)
    except expat.ExpatError as error:
        raise InputError(f"{name}: malformed SVG ({error}); export it anew") from None
    except ArithmeticError:
        raise InputError(f"{name}: holds numbers that are too large or too small; export it anew") from None
    except (ValueError, LookupError) as error:  # LookupError: an unknown encoding
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{name}: {reason}; export it as a plain SVG") from None
    if not reader.curves:
        return Sketch()
    with np.errstate(all="ignore"):
        points = np.concatenate(reader.curves)
        extent = float(np.ptp(points, axis=0).max())
    if not np.isfinite(points).all() or np.abs(points).max() > FARTHEST:
        raise InputError(f"{name}: a point lies more than {FARTHEST:g} canvases away; export it anew")
    tolerance = max(_TOLERANCE / FITTED_SIDE * extent, 1e-12)
    try:
        return checked_sketch(name, list(_flattened(reader.curves, tolerance, most.points)))
    except ValueError as error:
        raise InputError(f"{name}: {error}; simplify it") from None


def write_svg(sketch: Sketch, path: StrPath) -> None:
    """Write the strokes as paths of straight lines, black on a transparent viewBox of 256 x 256.

    ``read_svg`` returns the same coordinates; times and pressures are lost. Raises InputError if the file cannot be
    written.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}" fill="none" stroke="black"'
        ' stroke-width="3" stroke-linecap="round" stroke-linejoin="round">'
    ]
    for stroke in sketch.strokes:
        points = " ".join(f"{x!r},{y!r}" for x, y in (stroke[:, :2] * CANVAS).tolist())
        lines.append(f'<path d="M{points}{"Z" if len(stroke) == 1 else ""}"/>')  # Z draws a single point as a dot
    write_text(path, "\n".join([*lines, "</svg>"]) + "\n")


class _Reader:
    """Collects the outlines of all drawn elements, mapped to the unit canvas."""

    def __init__(self, most: Most) -> None:
        self.curves: list[Curve] = []
        self._most = most
        self._points = 0  # of the curves so far, at least
        self._frame = (0.0, 0.0, float(CANVAS), float(CANVAS))
        self._matrices: list[Matrix | None] = []  # one for each open element; None inside elements that are not drawn

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = lambda _: self._matrices.pop()
        parser.EntityDeclHandler = _refuse_entity
        parser.StartDoctypeDeclHandler = _refuse_declarations
        parser.Parse(data, True)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(" ")[2]
        if not self._matrices:
            if tag != "svg":
                raise ValueError(f"the outermost element is '{tag}' and not svg")
            self._matrices.append(self._matrix_of_frame(attributes))
            return
        outer = self._matrices[-1]
        if outer is None or tag in _UNDRAWN or _is_hidden(attributes):
            self._matrices.append(None)
            return
        with np.errstate(all="ignore"):  # overflows are detected once all curves are read
            matrix = outer @ curves.transform(attributes["transform"]) if "transform" in attributes else outer
            self._matrices.append(matrix)
            for curve in self._shape(tag, attributes):
                mapped = curves.apply(matrix, curve)
                if not (tag == "rect" and self._is_paper(mapped)):
                    self.curves.append(mapped)
                    self._points += 1 + len(mapped) // 3
                if len(self.curves) > self._most.strokes or self._points > self._most.points:
                    raise ValueError(curves.TOO_MANY)

    def _matrix_of_frame(self, attributes: dict[str, str]) -> Matrix:
        """The map from user units to the unit square, with the picture's frame centred in it."""
        if box := attributes.get("viewBox"):
            values = curves.numbers(box)
            if len(values) != 4:
                raise ValueError(f"the viewBox has {len(values)} numbers instead of 4")
            self._frame = (values[0], values[1], values[2], values[3])
        elif not any(attributes.get(side, "%").strip().endswith("%") for side in ("width", "height")):
            self._frame = (0.0, 0.0, _length(attributes["width"], 0), _length(attributes["height"], 0))
        x, y, width, height = self._frame
        side = max(width, height)
        if not (min(width, height) > 0 and 1e-12 < side < math.inf):
            raise ValueError("the viewBox or size of the picture is not positive")
        return np.array(
            [
                [1 / side, 0, 0.5 - (x + width / 2) / side],
                [0, 1 / side, 0.5 - (y + height / 2) / side],
                [0, 0, 1],
            ]
        )

    def _shape(self, tag: str, attributes: dict[str, str]) -> list[Curve]:
        width, height = self._frame[2:]

        def length(name: str, whole: float, default: str = "0") -> float:
            return _length(attributes.get(name, default), whole)

        def place(x: str, y: str) -> complex:
            return complex(length(x, width), length(y, height))

        if tag == "path":
            return curves.path(attributes.get("d", ""), *self._most)
        if tag == "line":
            return [curves.polyline([place("x1", "y1"), place("x2", "y2")])]
        if tag in ("polyline", "polygon"):
            values = curves.numbers(attributes.get("points", ""))
            if len(values) % 2:
                raise ValueError(f"a {tag} has an odd number of coordinates")
            points = [complex(x, y) for x, y in zip(values[::2], values[1::2], strict=True)]
            if tag == "polygon":
                points += points[:1]
            return [curves.polyline(points)] if points else []
        if tag == "rect":
            size = length("width", width), length("height", height)
            # A missing radius equals the other one.
            rx, ry = (attributes.get(name, "auto") for name in ("rx", "ry"))
            rx, ry = (ry, ry) if rx == "auto" else (rx, rx if ry == "auto" else ry)
            radii = (0.0, 0.0) if rx == "auto" else (_length(rx, width), _length(ry, height))
            return [curves.rectangle(place("x", "y"), *size, *radii)] if min(size) > 0 else []
        if tag == "circle":
            radius = length("r", math.hypot(width, height) / math.sqrt(2))
            return [curves.ellipse(place("cx", "cy"), radius, radius)] if radius > 0 else []
        if tag == "ellipse":
            rx, ry = attributes.get("rx", "auto"), attributes.get("ry", "auto")
            radii = _length(ry if rx == "auto" else rx, width), _length(rx if ry == "auto" else ry, height)
            return [curves.ellipse(place("cx", "cy"), *radii)] if min(radii) > 0 else []
        return []

    def _is_paper(self, mapped: Curve) -> bool:
        width, height = self._frame[2:]
        half = np.array([width, height]) / max(width, height) / 2
        return bool((mapped.min(axis=0) <= 0.5 - half + 1e-6).all() and (mapped.max(axis=0) >= 0.5 + half - 1e-6).all())


def _flattened(outlines: Sequence[Curve], tolerance: float, most: float) -> Iterator[NDArray[np.float64]]:
    for outline in outlines:
        points = curves.flatten(outline, tolerance, most)
        most -= len(points)
        yield points


def _is_hidden(attributes: dict[str, str]) -> bool:
    return attributes.get("display") == "none" or "display:none" in attributes.get("style", "").replace(" ", "")


def _length(text: str, whole: float) -> float:
    """A length in user units; percentages refer to ``whole``. Raises ValueError."""
    stripped = text.strip()
    digits = stripped.rstrip("%abcdefghijklmnopqrstuvwxyz")
    unit = stripped[len(digits) :]
    try:
        value = float(digits) * (whole / 100 if unit == "%" else _UNITS[unit])
    except (ValueError, KeyError):
        raise ValueError(f"'{text[:20]}' is not a length") from None
    if not math.isfinite(value):
        raise ValueError(f"'{text[:20]}' is not a length")
    return value


def _refuse_entity(*_: object) -> None:
    raise ValueError("it declares entities, which are not expanded")


def _refuse_declarations(_name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
    # A document type that only names an address is common and harmless: it is never fetched.
    if has_internal_subset:
        raise ValueError("it declares a document type of its own")
