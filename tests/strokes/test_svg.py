"""SVG: every shape and path command, transforms, and nothing unsafe."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.errors import InputError
from sketchseek.strokes import Sketch, read_svg, write_svg
from sketchseek.strokes._files import Most
from sketchseek.strokes.svg import parse_svg


def svg(body: str, attributes: str = 'viewBox="0 0 256 256"') -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>'.encode()


def strokes(body: str, attributes: str = 'viewBox="0 0 256 256"') -> list[np.ndarray]:
    """The strokes in pixels of the canvas."""
    return [stroke[:, :2] * 256 for stroke in parse_svg(svg(body, attributes), "test").strokes]


def path(data: str) -> list[list[list[float]]]:
    return [np.round(stroke, 6).tolist() for stroke in strokes(f'<path d="{data}"/>')]


def test_lines_of_a_path_absolute_relative_and_repeated() -> None:
    expected = [[[10, 20], [30, 40], [50, 40], [50, 90], [10, 20]], [[60, 60], [61, 62], [63, 64]]]
    assert path("M10 20 L30 40 H50 V90 Z M60 60 L61 62 63 64") == expected
    assert path("m10,20 20,20h20v50zm50,40l1,2,2,2") == expected
    assert path("M10-20.5") == []  # a moveto and nothing more
    assert path("M1e1,20L3.e1-4") == [[[10, 20], [30, -4]]]
    assert path("M10 20 30 40z l5 5") == [[[10, 20], [30, 40], [10, 20]], [[10, 20], [15, 25]]]
    assert path("M7 8z") == [[[7, 8]]]


def bezier(*points: tuple[float, float]) -> np.ndarray:
    """Many points of a Bezier curve by de Casteljau's construction."""
    t = np.linspace(0, 1, 2000)[:, None]
    level = [np.array(p, dtype=float)[None] for p in points]
    while len(level) > 1:
        level = [(1 - t) * a + t * b for a, b in pairwise(level)]
    return level[0]


def distance(points: np.ndarray, line: np.ndarray) -> float:
    """The largest distance of any of the points from a line of many points."""
    a, b = line[:-1], line[1:]
    along = b - a
    t = ((points[:, None] - a) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-12)
    nearest = a + t.clip(0, 1)[..., None] * along
    return float(np.hypot(*np.moveaxis(points[:, None] - nearest, -1, 0)).min(axis=1).max())


@pytest.mark.parametrize(
    ("data", "curve"),
    [
        ("M20 30 C 60 0 200 90 110 120", [(20, 30), (60, 0), (200, 90), (110, 120)]),
        ("M20 30 c 40 -30 180 60 90 90", [(20, 30), (60, 0), (200, 90), (110, 120)]),
        ("M20 30 Q 90 200 210 40", [(20, 30), (90, 200), (210, 40)]),
        ("M20 30 q 70 170 190 10", [(20, 30), (90, 200), (210, 40)]),
        ("M20 30 S 200 90 110 120", [(20, 30), (20, 30), (200, 90), (110, 120)]),
        ("M20 30 T 200 90", [(20, 30), (20, 30), (200, 90)]),
    ],
)
def test_curves_stray_less_than_a_quarter_pixel(data: str, curve: list[tuple[float, float]]) -> None:
    (points,) = strokes(f'<path d="{data}"/>')
    true = bezier(*curve)
    assert distance(true, points) < 0.1
    assert distance(points, true) < 0.1
    np.testing.assert_allclose(points[[0, -1]], [curve[0], curve[-1]])


def test_smooth_commands_reflect_the_control_point() -> None:
    for smooth, spelled in (
        ("M0 0 C10 0 20 30 30 30 S60 80 90 40", "M0 0 C10 0 20 30 30 30 C40 30 60 80 90 40"),
        ("M0 0 c10 0 20 30 30 30 s30 50 60 10", "M0 0 C10 0 20 30 30 30 C40 30 60 80 90 40"),
        ("M0 0 Q10 30 30 30 T90 40 T 99 99", "M0 0 Q10 30 30 30 Q50 30 90 40 Q130 50 99 99"),
        ("M0 0 q10 30 30 30 t60 10", "M0 0 Q10 30 30 30 Q50 30 90 40"),
    ):
        assert path(smooth) == path(spelled)


@pytest.mark.parametrize("large", [0, 1])
@pytest.mark.parametrize("sweep", [0, 1])
def test_arcs_take_the_way_their_flags_say(large: int, sweep: int) -> None:
    (points,) = strokes(f'<path d="M100 100 A50 50 0 {large} {sweep} 150 150"/>')
    np.testing.assert_allclose(points[[0, -1]], [[100, 100], [150, 150]])
    # Of the two circles of that radius through both points, the centres are (150, 100) and (100, 150).
    centre = np.array([150, 100]) if large == sweep else np.array([100, 150])
    np.testing.assert_allclose(np.hypot(*(points - centre).T), 50, atol=0.01)
    angles = np.unwrap(np.arctan2(*(points - centre).T[::-1]))
    turned = angles[-1] - angles[0]
    assert turned == pytest.approx((1.5 if large else 0.5) * math.pi * (1 if sweep else -1), abs=1e-6)
    assert (np.sign(np.diff(angles)) == (1 if sweep else -1)).all()


def test_arcs_packed_turned_and_too_small() -> None:
    assert path("M100 100a50 50 0 0150 50") == path("M100 100 A50 50 0 0 1 150 150")
    (turned,) = strokes('<path d="M100 100 A60 30 30 1 0 150 150"/>')
    # Back in the ellipse's own axes all points are on one circle: fit its centre by the equation's linear form.
    angle = math.radians(30)
    own = turned @ np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]) / (60, 30)
    solution = np.linalg.lstsq(np.c_[2 * own, np.ones(len(own))], (own**2).sum(axis=1), rcond=None)[0]
    radii = np.hypot(*(own - solution[:2]).T)
    np.testing.assert_allclose(radii, 1, atol=1e-4)
    (small,) = strokes('<path d="M100 100 A1 1 0 0 1 140 100"/>')  # enlarged to a half circle
    np.testing.assert_allclose(np.hypot(*(small - [120, 100]).T), 20, atol=0.01)
    assert path("M10 10 A0 5 0 0 1 30 30") == [[[10, 10], [30, 30]]]
    assert path("M10 10 A5 5 0 0 1 10 10 L 20 20") == [[[10, 10], [20, 20]]]


def test_shapes() -> None:
    (line,) = strokes('<line x1="1" y1="2" x2="3px" y2="4"/>')
    assert line.tolist() == [[1, 2], [3, 4]]
    (polyline,) = strokes('<polyline points="1,2 3,4, 5 6"/>')
    assert polyline.tolist() == [[1, 2], [3, 4], [5, 6]]
    (polygon,) = strokes('<polygon points="1,2 3,4 5,6"/>')
    assert polygon.tolist() == [[1, 2], [3, 4], [5, 6], [1, 2]]
    (rect,) = strokes('<rect x="10" y="20" width="30" height="40"/>')
    assert {tuple(p) for p in rect.tolist()} == {(10, 20), (40, 20), (40, 60), (10, 60)}
    (rounded,) = strokes('<rect x="10" y="20" width="30" height="40" rx="5"/>')
    assert rounded.min(axis=0) == pytest.approx([10, 20])
    assert np.hypot(*(rounded - [10, 20]).T).min() == pytest.approx(5 * (math.sqrt(2) - 1), abs=0.1)
    (circle,) = strokes('<circle cx="100" cy="90" r="50"/>')
    np.testing.assert_allclose(np.hypot(*(circle - [100, 90]).T), 50, atol=0.01)
    turns = (np.roll(circle, -1, axis=0) - circle)[:-1]
    assert np.hypot(*turns.T).sum() == pytest.approx(2 * math.pi * 50, rel=0.005)
    (ellipse,) = strokes('<ellipse cx="100" cy="90" rx="50" ry="20"/>')
    np.testing.assert_allclose(np.hypot(*((ellipse - [100, 90]) / [50, 20]).T), 1, atol=0.001)


def test_nested_transforms() -> None:
    (line,) = strokes(
        '<g transform="translate(100,50) scale(2)"><g><g transform="rotate(90)">'
        '<line x1="0" y1="0" x2="10" y2="0" transform="matrix(1 0 0 1 5 0)"/></g></g></g>'
    )
    np.testing.assert_allclose(line, [[100, 60], [100, 80]], atol=1e-9)
    (line,) = strokes('<line x1="10" y1="10" x2="20" y2="10" transform="rotate(180 10 10)skewX(45), scale(1,2)"/>')
    np.testing.assert_allclose(line, [[-10, 0], [-20, 0]], atol=1e-9)
    (line,) = strokes('<line x2="10" transform="skewY(45)"/>')
    np.testing.assert_allclose(line, [[0, 0], [10, 10]], atol=1e-9)


def test_the_view_box_is_centred_on_the_square() -> None:
    body = '<line x1="-50" y1="10" x2="50" y2="60"/>'
    (line,) = strokes(body, 'viewBox="-50,10 100 50" width="7" height="900"')
    np.testing.assert_allclose(line, [[0, 64], [256, 192]])
    (line,) = strokes('<line x2="100" y2="50"/>', 'width="100" height="50px"')
    np.testing.assert_allclose(line, [[0, 64], [256, 192]])
    (line,) = strokes('<line x2="100%" y2="50%"/>', 'width="100%" viewBox="0 0 40 40"')
    np.testing.assert_allclose(line, [[0, 0], [256, 128]])


def test_what_is_not_drawn_is_left_out() -> None:
    assert not strokes('<defs><path d="M0 0L9 9"/></defs><clipPath><g><circle r="9"/></g></clipPath>')
    assert not strokes('<g display="none"><line x2="9"/></g><line x2="9" style="stroke:red; display: none"/>')
    assert not strokes('<rect width="100%" height="100%" fill="white"/>')  # the paper
    assert len(strokes('<rect x="1" width="100%" height="100%"/>')) == 1


def test_a_document_type_is_not_fetched_and_entities_are_refused(tmp_path: Path) -> None:
    plain = svg('<line x2="9"/>')
    typed = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:1/svg11.dtd">' + plain
    assert len(parse_svg(typed, "typed")) == 2
    secret = tmp_path / "secret"
    secret.write_text("9")
    for declaration in (
        '<!ENTITY a "9">',
        f'<!ENTITY a SYSTEM "file://{secret}">',
        '<!ENTITY b "9"><!ENTITY a "&b;&b;&b;&b;&b;&b;&b;&b;">',
        '<!ENTITY % c SYSTEM "http://127.0.0.1:1/x">%c;',
    ):
        for use in ("<text>&a;</text>", '<line x2="&a;"/>'):
            with pytest.raises(InputError, match=r"evil\.svg"):
                parse_svg(f"<!DOCTYPE svg [{declaration}]>".encode() + svg(use), "evil.svg")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg",
        b"<svg>",
        b"<html/>",
        b"not xml",
        svg("<g>") + b"</g>",
        svg('<path d="L 3 3"/>'),
        svg('<path d="M 3"/>'),
        svg('<path d="M 3 4 L"/>'),
        svg('<path d="M 3 4 X&#10;5"/>'),
        svg('<path d="M 3 4 A 1 1 0 2 0 5 5"/>'),
        svg('<path d="M 1e999 4 L 5 5"/>'),
        svg('<path d="M 1e300 4 L 5 5"/>'),
        svg('<path d="M 1 4 A 1e-300 1e300 0 0 0 5 5"/>'),
        svg('<polyline points="1 2 3"/>'),
        svg('<polyline points="a b"/>'),
        svg('<line x1="five"/>'),
        svg('<circle r="3em"/>'),
        svg('<line x2="3" transform="rotate(1 2)"/>'),
        svg('<line x2="3" transform="rotate 5"/>'),
        svg('<line x2="3" transform="scale(1e200) scale(1e200)"/>'),
        svg("", 'viewBox="0 0 0 0"'),
        svg("", 'viewBox="0 0 5"'),
        svg("", 'width="-5" height="5"'),
        b'<?xml version="1.0" encoding="nonsense"?>' + svg(""),
    ],
    ids=lambda data: data.decode()[-60:],
)
def test_malformed_files_are_refused_with_their_name(data: bytes) -> None:
    with pytest.raises(InputError, match="my file") as caught:
        parse_svg(data, "my file")
    assert "\n" not in str(caught.value)


EVERYTHING = svg(
    '<g transform="translate(3 4) scale(.5) rotate(20 5 5) skewX(3)"><path d="M10 20L30 40H5V6C1 2 3 4 5 6S7 8 9 10'
    'Q1 2 3 4T5 6A7 8 9 0 1 10 11Zm1 2l3 4h5v6c1 2 3 4 5 6s7 8 9 10q1 2 3 4t5 6a7 8 9 1 0 10 11z"/><circle r="9%"/>'
    '<rect x="1" y="2" width="30" height="40" rx="5" ry="6"/><ellipse rx="5" ry="6"/><polygon points="1,2 3,4"/></g>'
)


@given(data=st.data())
def test_mutations_raise_nothing_else(data: st.DataObject) -> None:
    mutated = bytearray(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(
            st.integers(0, 255) | st.sampled_from(b"0e9.-,")
        )
    try:
        sketch = parse_svg(bytes(mutated), "mutated").fitted()
    except InputError as error:
        assert "mutated" in str(error)
        assert "\n" not in str(error)
    else:
        assert np.isfinite(sketch.points).all()


coordinate = st.floats(-2, 3).map(lambda v: v + 0.0)


@given(points=st.lists(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=5), max_size=4))
def test_written_files_come_back(tmp_path_factory: pytest.TempPathFactory, points: list) -> None:
    file = tmp_path_factory.getbasetemp() / "sketch.svg"
    sketch = Sketch.from_arrays(points)
    write_svg(sketch, file)
    back = read_svg(file)
    assert len(back.strokes) == len(sketch.strokes)
    for one, other in zip(sketch.strokes, back.strokes, strict=True):
        np.testing.assert_array_equal(one, other)


@given(control=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=4, max_size=4, unique=True))
def test_fitted_curves_stray_less_than_a_quarter_pixel(control: list[tuple[int, int]]) -> None:
    (a, b, c, d) = control
    body = f'<path transform="scale(0.01)" d="M{a[0]} {a[1]}C{b[0]} {b[1]} {c[0]} {c[1]} {d[0]} {d[1]}"/>'
    sketch = parse_svg(svg(body), "tiny")
    true = bezier(*control) * 0.01 / 256
    low, high = sketch.points[:, :2].min(axis=0), sketch.points[:, :2].max(axis=0)
    scale = 190 / (high - low).max()
    assert distance(true * scale, sketch.points[:, :2] * scale) < 0.25


@pytest.mark.parametrize(
    "drawn",
    [
        '<path d="' + "M0 0h1" * 3000 + '"/>',
        '<path d="M0 0h1"/>' * 3000,
        '<path d="M0 0' + "h1" * 3000 + '"/>',
        '<path d="M0 0' + "c9 9 0 9 1 1" * 500 + '"/>',
    ],
    ids=["subpaths", "paths", "lines", "curves"],
)
def test_reading_stops_where_there_is_too_much(drawn: str) -> None:
    data = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{drawn}</svg>'.encode()
    with pytest.raises(InputError, match=r"more strokes or points"):
        parse_svg(data, "large.svg", Most(1000, 2000))
    assert len(parse_svg(data, "large.svg")) > 2000
