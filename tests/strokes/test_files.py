"""Our JSON, QuickDraw, and whatever a person uploads."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.strokes import Sketch, load_drawing, read_json, read_quickdraw, write_json, write_svg
from sketchseek.strokes.quickdraw import parse_quickdraw
from sketchseek.strokes.sketch_json import parse_json

DRAWING = Sketch.from_arrays([[[0.1, 0.2, 0, 0.5], [1 / 3, 0.4, 12.5, 0.25]], [[0.9, 0.05, 99, 1]]])
RAW = b'{"word":"cup","key_id":"17","drawing":[[[100,300.5],[50,60],[0,33]],[[200],[400],[70]]]}\n'
SIMPLIFIED = b'{"word":"cat","key_id":"18","drawing":[[[0,255,10],[0,100,20]]]}\n'


def same(one: Sketch, other: Sketch) -> bool:
    return len(one.strokes) == len(other.strokes) and all(map(np.array_equal, one.strokes, other.strokes))


number = st.floats(-1000, 1000)
sketches = st.lists(st.lists(st.tuples(number, number, number, number), min_size=1, max_size=5), max_size=4).map(
    Sketch.from_arrays
)


@given(sketch=sketches)
def test_json_comes_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, sketch: Sketch) -> None:
    path = tmp_path_factory.getbasetemp() / "sketch.json"
    write_json(sketch, path)
    assert same(read_json(path), sketch)


def test_the_json_is_the_documented_one(tmp_path: Path) -> None:
    write_json(DRAWING, tmp_path / "sketch.json")
    assert json.loads((tmp_path / "sketch.json").read_text()) == {
        "format": "sketchseek-sketch",
        "version": 1,
        "strokes": [[[0.1, 0.2, 0, 0.5], [1 / 3, 0.4, 12.5, 0.25]], [[0.9, 0.05, 99, 1]]],
    }


@pytest.mark.parametrize("write", [write_json, write_svg])
def test_nothing_half_written_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Sketch, Path], None]
) -> None:
    path = tmp_path / "sketch"
    path.write_text("what was there before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match="No space left"):
        write(DRAWING, path)
    assert [p.name for p in tmp_path.iterdir()] == ["sketch"]
    assert path.read_text() == "what was there before"
    with pytest.raises(InputError, match="absent"):
        write(DRAWING, tmp_path / "absent" / "sketch")


def with_strokes(strokes: object, **more: object) -> bytes:
    return json.dumps({"format": "sketchseek-sketch", "version": 1, "strokes": strokes, **more}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[",
        b"[" * 100_000,
        b"[]",
        b"\xff\xfe",
        b'{"format": "other"}',
        with_strokes([], version=2),
        with_strokes([], colour="red"),
        with_strokes({}),
        with_strokes([[["a", "b", "c", "d"]]]),
        with_strokes([["ab"]]),
        with_strokes([[["1", "2", "3", "4"]]]),
        with_strokes([[[1, 2, 3, 4], [1, 2, 3]]]),
        with_strokes([[1, 2, 3, 4]]),
        with_strokes([[[1]]]),
        with_strokes([[[1, 2, 3, 4, 5]]]),
        with_strokes([[[True, False, True, False]]]),
        with_strokes([[[None, 1, 2, 3]]]),
        with_strokes([[[float("nan"), 0, 0, 0]]]),
        with_strokes([[[float("inf"), 0, 0, 0]]]),
        with_strokes([[[1e300, 0, 0, 0]]]),
        with_strokes([[[10**400, 0, 0, 0]]]),
        with_strokes([{}]),
        with_strokes([3]),
        with_strokes(None),
    ],
    ids=lambda data: data[:70].decode("latin1"),
)
def test_other_json_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="my file") as caught:
        parse_json(data, "my file")
    assert "\n" not in str(caught.value)


def test_quickdraw_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cups.ndjson"
    path.write_bytes(RAW + b"\n" + SIMPLIFIED)
    (key, word, raw), (_, other_word, simplified) = read_quickdraw(path)
    assert (key, word, other_word) == ("17", "cup", "cat")
    np.testing.assert_array_equal(raw.strokes[0], [[100 / 256, 50 / 256, 0, 0], [300.5 / 256, 60 / 256, 33, 0]])
    np.testing.assert_array_equal(raw.strokes[1], [[200 / 256, 400 / 256, 70, 0]])
    np.testing.assert_array_equal(simplified.points[:, :3] * 256, [[0, 0, 0], [255, 100, 0], [10, 20, 0]])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"{}",
        b"[1]",
        b'{"drawing": 3}',
        b'{"drawing": [3]}',
        b'{"drawing": [[[1, 2]]]}',
        b'{"drawing": [[[1, 2], [1]]]}',
        b'{"drawing": [[[1], [1], [1], [1]]]}',
        b'{"drawing": [[["1"], ["2"]]]}',
        b'{"drawing": [[[NaN], [2]]]}',
        b'{"drawing": [[[{}], [2]]]}',
        b'{"drawing": [[[[1]], [[2]]]]}',
    ],
)
def test_other_ndjson_is_refused_with_the_line(line: bytes) -> None:
    with pytest.raises(InputError, match="my file" if not line else "my file, line 2"):
        parse_quickdraw((RAW + line) if line else b"", "my file")


@given(data=st.data(), original=st.sampled_from([RAW, SIMPLIFIED, with_strokes([DRAWING.strokes[0].tolist()])]))
def test_mutations_raise_nothing_else(data: st.DataObject, original: bytes) -> None:
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        drawing = load_drawing(bytes(mutated), "mutated")
    except InputError as error:
        assert "mutated" in str(error)
    else:
        assert isinstance(drawing, Sketch)
        assert np.isfinite(drawing.points).all()


@given(
    data=st.binary(max_size=200),
    start=st.sampled_from([b"", b"{", b"<", b"<svg", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF89a"]),
)
def test_random_uploads_raise_nothing_else(data: bytes, start: bytes) -> None:
    with pytest.raises(InputError, match="upload"):
        load_drawing(start + data, "upload")


def test_an_upload_is_told_by_its_content(tmp_path: Path) -> None:
    wrong = tmp_path / "drawing.png"
    write_json(DRAWING, wrong)
    drawing = load_drawing(wrong)
    assert isinstance(drawing, Sketch)
    assert same(drawing, DRAWING)

    lines = Sketch(DRAWING.strokes[:1])  # without the dot, which is far from them
    write_svg(lines, wrong)
    drawing = load_drawing(b"\xef\xbb\xbf\n" + wrong.read_bytes())
    assert isinstance(drawing, Sketch)
    np.testing.assert_allclose(drawing.points[:, :2], lines.points[:, :2])

    drawing = load_drawing(RAW + SIMPLIFIED)
    assert isinstance(drawing, Sketch)
    np.testing.assert_allclose(np.ptp(drawing.points[:, :2], axis=0).max(), 190 / 256)

    image = Image.new("L", (400, 300), 255)
    image.paste(0, (10, 10, 110, 60))
    image.save(tmp_path / "drawing.json", format="PNG")
    drawing = load_drawing(tmp_path / "drawing.json")
    assert isinstance(drawing, np.ndarray)
    rows, columns = np.nonzero(drawing > 127)
    assert (drawing.shape, rows.min(), rows.max(), columns.min(), columns.max()) == ((400, 400), 60, 109, 10, 109)


def test_empty_drawings_are_refused(tmp_path: Path) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(blank, "PNG")
    for data in (
        b"",
        b"  \n",
        with_strokes([]),
        b'{"drawing": []}',
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>hello</text></svg>',
        blank.getvalue(),
    ):
        path = tmp_path / "empty-drawing"
        path.write_bytes(data)
        with pytest.raises(InputError, match="empty-drawing"):
            load_drawing(path)


def test_real_quickdraw_files(shared: Path) -> None:
    files = sorted((shared / "data" / "quickdraw").glob("*.ndjson"))
    assert len(files) == 10
    for path in files:
        drawings = read_quickdraw(path)
        assert len(drawings) >= 10
        for _, word, sketch in drawings:
            assert word == path.stem
            assert (np.diff(sketch.strokes[0][:, 2]) >= 0).all()
            fitted = sketch.fitted().points[:, :2]
            np.testing.assert_allclose((fitted.max(axis=0) - fitted.min(axis=0)).max(), 190 / 256)
