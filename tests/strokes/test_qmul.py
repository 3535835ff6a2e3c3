"""Coordinate pickles: read whatever numpy wrote them, run nothing."""

from __future__ import annotations

import pickle
import pickletools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.errors import InputError
from sketchseek.strokes import read_qmul
from sketchseek.strokes.qmul import parse_qmul

POINTS = np.array([[33, 40.5, 0], [50, 60, 0], [70, 64, 1], [128, 256, 1]], dtype=np.float64)


def refused(data: bytes, says: str = "") -> None:
    with pytest.raises(InputError) as caught:
        parse_qmul(data, "some.file")
    assert "some.file" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["<f8", "<f4", ">f8", "<i2", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_protocol_and_number_type(tmp_path: Path, protocol: int, dtype: str, order: Any) -> None:
    points = (POINTS.clip(0, 255)).astype(dtype)
    path = tmp_path / "coordinates"
    path.write_bytes(pickle.dumps({"/train/a_1": np.asarray(points, order=order)}, protocol))
    sketch = read_qmul(path)["/train/a_1"]
    assert [len(stroke) for stroke in sketch.strokes] == [3, 1]
    np.testing.assert_array_equal(sketch.points[:, :2], points[:, :2].astype(float) / 256)
    assert not sketch.points[:, 2:].any()


def test_pickles_of_numpy_1_and_of_python_2() -> None:
    new = pickle.dumps({"/test/a_1": POINTS}, 3)
    assert b"numpy._core.multiarray" in new or b"numpy.core.multiarray" in new
    old = new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    np.testing.assert_array_equal(parse_qmul(old, "old")["/test/a_1"].points[:, :2] * 256, POINTS[:, :2])

    # As Python 2 wrote it: bytes and text are both strings.
    def text(value: bytes) -> bytes:
        return b"T" + len(value).to_bytes(4, "little") + value

    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0t" + text(b"b") + b"tR"
    dtype = (
        b"cnumpy\ndtype\n(" + text(b"f8") + b"K\0K\1tR(K\3" + text(b"<") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\0tb"
    )
    state = b"(K\1(K\4K\3t" + dtype + b"I00\n" + text(POINTS.tobytes()) + b"tb"
    two = b"}" + text(b"/test/a_1") + array + state + b"s."
    np.testing.assert_array_equal(parse_qmul(two, "two")["/test/a_1"].points[:, :2] * 256, POINTS[:, :2])


class Call:
    """Pickles as a call of anything."""

    def __init__(self, function: Callable, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple:
        return self.function, self.args


@pytest.mark.parametrize("protocol", range(6))
def test_code_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    import os
    import subprocess

    trace = tmp_path / "ran"
    for call in (
        Call(os.system, f"touch {trace}"),
        Call(subprocess.call, ["touch", str(trace)]),
        Call(eval, f"open({str(trace)!r}, 'w')"),
        Call(Path.touch, trace),
        Call(np.load, str(trace)),
        Call(np.save, str(trace), POINTS),
        Call(getattr, str, "format"),
    ):
        for content in (call, {"/train/a_1": call}, {"/train/a_1": [POINTS, call]}):
            refused(pickle.dumps(content, protocol), "only numpy arrays")
    assert not trace.exists()


def test_the_encoding_of_old_protocols_is_no_door() -> None:
    import codecs

    refused(pickle.dumps({"/train/a_1": Call(codecs.encode, "aaaa", "zlib")}, 2), "zlib")


def test_the_stand_ins_cannot_be_changed() -> None:
    # BUILD with a state for the function itself, which pickle would write into its attributes.
    refused(b"\x80\x02cnumpy\ndtype\n}U\x01xK\x01sb.", "change a function")
    refused(b"\x80\x02cnumpy\ndtype\nN}U\x05_nameU\x06encodes\x86b.", "change a function")


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        POINTS,
        {1: POINTS},
        {"/train/a_1": 3},
        {"/train/a_1": [[1, 2, 3]]},
        {"/train/a_1": POINTS[:, :2]},
        {"/train/a_1": POINTS[0]},
        {"/train/a_1": POINTS[None]},
        {"/train/a_1": POINTS[:0]},
        {"/train/a_1": np.where(POINTS == 70, np.nan, POINTS)},
        {"/train/a_1": np.where(POINTS == 70, np.inf, POINTS)},
        {"/train/a_1": POINTS * 1e300},
        {"/train/a_1": POINTS.astype(complex)},
        {"/train/a_1": POINTS.astype("U8")},
        {"/train/a_1": POINTS.astype(object)},
        {"/train/a_1": np.float64(3)},
        {"/train/a_1": np.dtype("f8")},
    ],
    ids=lambda content: repr(content).replace("\n", "")[:60],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_anything_but_points_is_refused(content: Any, protocol: int) -> None:
    refused(pickle.dumps(content, protocol))


@pytest.mark.parametrize("protocol", [0, 2, 3, 5])
def test_truncated_at_any_byte(protocol: int) -> None:
    data = pickle.dumps({"/train/a_1": POINTS}, protocol)
    for end in range(len(data)):
        refused(data[:end])


def test_missing_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match=path.name):
            read_qmul(path)


def test_a_forged_memo_index_takes_no_memory() -> None:
    start = time.perf_counter()
    refused(b"\x80\x02}r\xff\xff\xff\x7f.")
    assert time.perf_counter() - start < 1


def test_tuples_that_double_take_no_time() -> None:
    doubled = b"2\x86" * 60  # a tuple of the tuple so far twice, 60 times over, as a key: 2 ** 60 objects to hash
    memoised = b"K\1" + b"".join(b"q%c" % i + b"h%c" % i + b"\x86" for i in range(1, 60))
    for key in (b"K\1" + doubled, memoised, b"K\1" + b"\x85" * 100_000):
        started = time.perf_counter()
        refused(b"\x80\2}" + key + b"K\1s.", "too many objects")
        assert time.perf_counter() - started < 5


def test_forged_arrays_are_refused() -> None:
    honest = pickle.dumps({"/train/a_1": POINTS}, 3)
    assert any(opcode.name == "BININT1" and arg == 4 for opcode, arg, _ in pickletools.genops(honest))
    refused(honest.replace(b"K\x04K\x03\x86", b"K\x05K\x03\x86"), "its shape")
    refused(honest.replace(b"K\x04K\x03\x86", b"K\x04K\x04\x86"), "[points, 3]")
    refused(honest.replace(b"X\x02\x00\x00\x00f8", b"X\x02\x00\x00\x00O8"), "numbers")
    refused(honest.replace(b"X\x01\x00\x00\x00<", b"X\x01\x00\x00\x00O"), "numbers")


@given(data=st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    refused(data)


@given(data=st.data(), protocol=st.sampled_from([0, 2, 3, 5]))
def test_mutations_raise_nothing_else(data: st.DataObject, protocol: int) -> None:
    mutated = bytearray(pickle.dumps({"/train/a_1": POINTS, "/test/b_2": POINTS[1:]}, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        sketches = parse_qmul(bytes(mutated), "mutated")
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert all(np.isfinite(sketch.points).all() for sketch in sketches.values())


def test_facts_of_chairv2(shared: Path) -> None:
    sketches = read_qmul(shared / "data" / "qmul-chairv2" / "ChairV2_Coordinate")
    assert sum(key.startswith("/train/") for key in sketches) == 952
    assert sum(key.startswith("/test/") for key in sketches) == 323
    assert len(sketches) == 1275
    points = np.concatenate([sketch.points for sketch in sketches.values()])
    np.testing.assert_allclose([points[:, :2].min() * 256, points[:, :2].max() * 256], [33, 223], atol=1e-6)
    assert (points[:, :2] * 256 % 1 != 0).any()
    assert not points[:, 2:].any()
    assert min(len(sketch) for sketch in sketches.values()) == 40
    photos = {key.rpartition("_")[0] for key in sketches}
    assert (len([p for p in photos if "/train/" in p]), len([p for p in photos if "/test/" in p])) == (300, 100)
