"""SVG geometry: parse path data, transforms and shapes into cubic Bezier curves, and flatten curves to points.

A *curve* is an array ``[1 + 3 k, 2]``: a start point, then k cubic segments of two control points and an end point (a
straight line is such a segment, too). An affine map of the control points maps the whole curve, so transforms are
applied before flattening.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Matrix = NDArray[np.float64]  # [3, 3], maps columns (x, y, 1)

_NUMBER = re.compile(r"[\s,]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_FLAG = re.compile(r"[\s,]*([01])")
_COMMAND = re.compile(r"[\s,]*([MmLlHhVvCcSsQqTtAaZz])")
_TRANSFORM = re.compile(r"[\s,]*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)")
TOO_MANY = "has more strokes or points than can be drawn"
_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


def numbers(text: str) -> list[float]:
    """Parse a list of numbers, such as the attribute ``points``. Raises ValueError."""
    found, position = [], 0
    while match := _NUMBER.match(text, position):
        found.append(float(match[1]))
        position = match.end()
    if text[position:].strip(" \t\r\n,"):
        raise ValueError(f"'{text[position : position + 20].strip()}' is not a number")
    return found


def transform(text: str) -> Matrix:
    """The matrix of a transform list, e.g. ``translate(3 4) rotate(45)``. Raises ValueError."""
    product, position = np.eye(3), 0
    while match := _TRANSFORM.match(text, position):
        product = product @ _transform_matrix(match[1], numbers(match[2]))
        position = match.end()
    if text[position:].strip(" \t\r\n,") not in ("", "none"):
        raise ValueError(f"'{text[position : position + 20].strip()}' is not a transform")
    return product


def _transform_matrix(name: str, values: list[float]) -> Matrix:
    match name, values:
        case "matrix", [a, b, c, d, e, f]:
            pass
        case "translate", [e, *rest] if len(rest) < 2:
            a, b, c, d, f = 1.0, 0.0, 0.0, 1.0, rest[0] if rest else 0.0
        case "scale", [a, *rest] if len(rest) < 2:
            b, c, d, e, f = 0.0, 0.0, rest[0] if rest else a, 0.0, 0.0
        case "rotate", [degrees, *centre] if len(centre) in (0, 2):
            cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            x, y = centre or (0.0, 0.0)
            a, b, c, d, e, f = cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y
        case "skewX", [degrees]:
            a, b, c, d, e, f = 1.0, 0.0, math.tan(math.radians(degrees)), 1.0, 0.0, 0.0
        case "skewY", [degrees]:
            a, b, c, d, e, f = 1.0, math.tan(math.radians(degrees)), 0.0, 1.0, 0.0, 0.0
        case _:
            raise ValueError(f"the transform {name} has {len(values)} numbers")
    return np.array([[a, c, e], [b, d, f], [0, 0, 1]])


def apply(matrix: Matrix, curve: Curve) -> Curve:
    """Map a curve by an affine matrix."""
    return curve @ matrix[:2, :2].T + matrix[:2, 2]


def polyline(points: list[complex]) -> Curve:
    """A curve of straight lines through one or more points (complex, x + iy)."""
    pen = Pen(points[0])
    for point in points[1:]:
        pen.line(point)
    return pen.curve()


def ellipse(centre: complex, rx: float, ry: float) -> Curve:
    """A whole ellipse, clockwise on the screen from its rightmost point."""
    pen = Pen(centre + rx)
    pen.arc(rx, ry, 0.0, False, True, centre - rx)
    pen.arc(rx, ry, 0.0, False, True, centre + rx)
    return pen.curve()


def rectangle(corner: complex, width: float, height: float, rx: float, ry: float) -> Curve:
    """A rectangle with corners rounded by quarter ellipses of the radii rx and ry; 0 for sharp corners."""
    rx, ry = min(max(rx, 0.0), width / 2), min(max(ry, 0.0), height / 2)
    right, down = complex(width, 0), complex(0, height)
    pen = Pen(corner + rx)
    pen.line(corner + right - rx)
    pen.arc(rx, ry, 0.0, False, True, corner + right + ry * 1j)
    pen.line(corner + right + down - ry * 1j)
    pen.arc(rx, ry, 0.0, False, True, corner + right + down - rx)
    pen.line(corner + down + rx)
    pen.arc(rx, ry, 0.0, False, True, corner + down - ry * 1j)
    pen.line(corner + ry * 1j)
    pen.arc(rx, ry, 0.0, False, True, corner + rx)
    return pen.curve()


def path(data: str, most_curves: float = math.inf, most_segments: float = math.inf) -> list[Curve]:
    """The subpaths of path data (the attribute ``d``), a curve each; a moveto alone draws none.

    Raises ValueError, also as soon as there are more curves, or more segments in one of them, than asked for.
    """
    curves: list[Curve] = []
    pen: Pen | None = None
    before, reflected = "", 0j  # the previous command, and the control point that S and T reflect
    for letter, values in _commands(data):
        if len(curves) > most_curves or (pen is not None and pen.segments > most_segments):
            raise ValueError(TOO_MANY)
        command = letter.upper()
        if pen is None and command != "M":
            raise ValueError(f"a path begins with '{letter}' and not with M")
        here = pen.end if pen else 0j
        origin = here if letter.islower() else 0j
        if command == "M":
            if pen and pen.drawn:
                curves.append(pen.curve())
            pen = Pen(origin + complex(*values))
            before = command
            continue
        assert pen is not None
        if before == "Z" and command != "Z":  # a new subpath from the start of the closed one
            curves.append(pen.curve())
            pen = Pen(pen.start)
        at = [origin + complex(x, y) for x, y in zip(values[::2], values[1::2], strict=False)]
        if command == "Z":
            pen.close()
        elif command == "L":
            pen.line(at[0])
        elif command == "H":
            pen.line(complex(values[0] + origin.real, here.imag))
        elif command == "V":
            pen.line(complex(here.real, values[0] + origin.imag))
        elif command == "A":
            rx, ry, turn, large, sweep, x, y = values
            pen.arc(rx, ry, math.radians(turn), large == 1, sweep == 1, origin + complex(x, y))
        else:
            if command == "S":
                at.insert(0, 2 * here - reflected if before in "CS" else here)
            elif command == "T":
                at.insert(0, 2 * here - reflected if before in "QT" else here)
            reflected = at[-2]
            if command in "QT":  # raise the quadratic curve to a cubic one
                at = [here + (at[0] - here) * 2 / 3, at[1] + (at[0] - at[1]) * 2 / 3, at[1]]
            pen.cubic(*at)
        before = command
    if pen and pen.drawn:
        curves.append(pen.curve())
    return curves


def _commands(data: str) -> Iterator[tuple[str, list[float]]]:
    """Each command with one set of arguments; commands with several sets are repeated."""
    data, position = data.rstrip(), 0
    while position < len(data):
        match = _COMMAND.match(data, position)
        if not match:
            raise ValueError(f"'{data[position : position + 20].strip()}' is no path command")
        letter, position = match[1], match.end()
        repeated = False
        while not repeated or (letter not in "Zz" and _NUMBER.match(data, position)):
            values = []
            for i in range(_ARGUMENTS[letter.upper()]):
                pattern = _FLAG if letter in "Aa" and i in (3, 4) else _NUMBER  # no space is needed after a flag
                match = pattern.match(data, position)
                if not match:
                    raise ValueError(f"the path command '{letter}' lacks a number")
                values.append(float(match[1]))
                position = match.end()
            yield letter, values
            repeated = True
            letter = {"M": "L", "m": "l"}.get(letter, letter)  # further points after a moveto are linetos


class Pen:
    """Builds one curve from its segments; points are complex numbers x + iy."""

    def __init__(self, start: complex) -> None:
        self.start = self.end = start
        self.drawn = False
        self._points = [start]

    @property
    def segments(self) -> int:
        return len(self._points) // 3

    def line(self, to: complex) -> None:
        self.cubic(self.end + (to - self.end) / 3, to + (self.end - to) / 3, to)

    def close(self) -> None:
        if self.end != self.start:
            self.line(self.start)
        self.drawn = True  # also for a moveto and closepath alone, which draw a dot

    def cubic(self, first: complex, second: complex, to: complex) -> None:
        self._points += (first, second, to)
        self.end, self.drawn = to, True

    def arc(self, rx: float, ry: float, turn: float, large: bool, sweep: bool, to: complex) -> None:
        """Add an elliptical arc; ``turn`` is in radians. Converts as in the SVG specification, appendix B.2.4."""
        rx, ry = abs(rx), abs(ry)
        if to == self.end:
            return
        if not rx or not ry:
            return self.line(to)
        rotation = complex(math.cos(turn), math.sin(turn))
        # Coordinates in which the ellipse is a unit circle and the origin lies midway between the two ends.
        half = (self.end - to) / 2 / rotation
        half = complex(half.real / rx, half.imag / ry)
        if abs(half) > 1:  # enlarge radii that are too small to reach
            rx, ry, half = rx * abs(half), ry * abs(half), half / abs(half)
        centre = half * 1j * math.sqrt(max(0.0, 1 / abs(half) ** 2 - 1))
        if large != sweep:
            centre = -centre
        first, last = half - centre, -half - centre
        angle = math.atan2(first.imag, first.real)
        sweep_angle = (math.atan2(last.imag, last.real) - angle) % (2 * math.pi)
        if not sweep:
            sweep_angle -= 2 * math.pi
        pieces = max(1, math.ceil(abs(sweep_angle) / (math.pi / 4)))  # an eighth turn errs by 5e-6 of the radius
        step = sweep_angle / pieces
        reach = 4 / 3 * math.tan(step / 4)

        middle = (self.end + to) / 2

        def place(point: complex) -> complex:
            point += centre
            return complex(point.real * rx, point.imag * ry) * rotation + middle

        for i in range(pieces):
            a = complex(math.cos(angle + i * step), math.sin(angle + i * step))
            b = complex(math.cos(angle + (i + 1) * step), math.sin(angle + (i + 1) * step))
            end = to if i == pieces - 1 else place(b)
            self.cubic(place(a * complex(1, reach)), place(b * complex(1, -reach)), end)

    def curve(self) -> Curve:
        points = np.array(self._points)
        return np.stack([points.real, points.imag], axis=1)


def flatten(curve: Curve, tolerance: float, most: float = math.inf) -> NDArray[np.float64]:
    """Points on the curve, ``[n, 2]``; the polyline through them differs from it by less than ``tolerance``.

    Raises ValueError where these would be more than ``most``.
    """
    a, b, c, d = (curve[i : len(curve) - 3 + i : 3] for i in range(4))
    # With n equal steps of t the error is at most max |B''| / (8 n^2); |B''| is at most 6 times the larger bend.
    bend = np.maximum(np.hypot(*(a - 2 * b + c).T), np.hypot(*(b - 2 * c + d).T))
    steps = np.maximum(1, np.ceil(np.sqrt(0.75 * bend / tolerance))).astype(int)
    if steps.sum() >= most:
        raise ValueError(TOO_MANY)
    a, b, c, d = (np.repeat(control, steps, axis=0) for control in (a, b, c, d))
    t = (np.arange(len(a)) - np.repeat(np.cumsum(steps) - steps, steps) + 1) / np.repeat(steps, steps)
    t = t[:, None]
    s = 1 - t
    return np.concatenate([curve[:1], s**3 * a + 3 * s**2 * t * b + 3 * s * t**2 * c + t**3 * d])
