"""The file of features: what was added is read back, whatever happens in between."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketchseek.errors import InputError
from sketchseek.gallery.features import FeatureFile
from sketchseek.matching import Features

SHAPES = {"level1": (2, 3), "weights": (2,), "maps": (1, 2, 2)}


@pytest.fixture(autouse=True, scope="module")
def _no_waiting_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    FeatureFile.create(tmp_path / "features.f16")
    return tmp_path / "features.f16"


def make(count: int, seed: int = 0) -> Features:
    """Features that float16 holds exactly."""
    random = np.random.default_rng(seed)
    return {name: random.integers(-99, 99, (count, *shape)).astype(np.float32) for name, shape in SHAPES.items()}


def assert_same(found: Features, expected: Features) -> None:
    assert set(found) == set(expected)
    for name in found:
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], expected[name])


def test_features_are_read_in_any_order_now_and_later(path: Path) -> None:
    features = FeatureFile(path, SHAPES)
    first, second = make(5), make(3, seed=1)
    assert list(features.append(first)) == [0, 1, 2, 3, 4] and list(features.append(second)) == [5, 6, 7]
    rows = [6, 0, 4, 0]
    expected = {name: np.concatenate([first[name], second[name]])[rows] for name in SHAPES}
    assert_same(features.read(rows), expected)
    features.close()
    assert_same(FeatureFile(path, SHAPES).read(rows), expected)
    assert_same(features.read([]), make(0))


def test_numbers_are_rounded_to_half_precision_and_stay_finite(path: Path) -> None:
    numbers = np.array([0, -0.0, 1 / 3, -3e-5, 6e-8, 1e-12, 65504, 1e9, -1e9], np.float32)
    features = FeatureFile(path, {"x": (len(numbers),)})
    features.append({"x": numbers[None]})
    expected = np.clip(numbers, -65504, 65504).astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(features.read([0])["x"][0], expected)


def test_every_half_number_is_read_as_it_is(path: Path) -> None:
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = numbers[np.isfinite(numbers)].reshape(-1, 2)
    features = FeatureFile(path, {"x": (2,)})
    features.append({"x": halves})
    read = features.read(range(len(halves)))["x"]
    np.testing.assert_array_equal(read.view(np.uint32), halves.astype(np.float32).view(np.uint32))


def test_a_record_cut_off_by_a_kill_is_forgotten(path: Path) -> None:
    features = FeatureFile(path, SHAPES)
    features.append(make(2))
    features.close()
    with path.open("ab") as file:
        file.write(b"\x01" * (features.record_bytes // 2))
    again = FeatureFile(path, SHAPES)
    assert again.records == 2 and list(again.append(make(1, seed=1))) == [2]
    assert_same(again.read([2]), make(1, seed=1))


def test_a_full_disk_leaves_what_was_there(path: Path) -> None:
    resource = pytest.importorskip("resource")
    features = FeatureFile(path, SHAPES)
    features.append(make(4))
    before = path.read_bytes()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + features.record_bytes // 2, unlimited[1]))
    try:
        with pytest.raises(OSError):
            features.append(make(500, seed=1))
        with pytest.raises(OSError):
            features.compact(range(4))  # more than fits, with its list of rows
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]
    assert_same(features.read(range(4)), make(4))
    assert list(features.append(make(1, seed=2))) == [4]
    assert_same(features.read([4]), make(1, seed=2))


def test_an_unfinished_compaction_is_forgotten(path: Path) -> None:
    features = FeatureFile(path, SHAPES)
    features.append(make(6))
    features.close()
    unfinished = path.parent / f".{path.name}-0123456789abcdef.part"  # as a killed process leaves it
    unfinished.write_bytes(b"half of it")
    again = FeatureFile(path, SHAPES)
    assert_same(again.read(range(6)), make(6))
    assert not unfinished.exists()


def test_what_was_read_stays_while_the_file_changes(path: Path) -> None:
    features = FeatureFile(path, SHAPES)
    features.append(make(6))
    read = features.read(range(6))
    features.compact([1])
    assert_same(read, make(6))


def test_no_row_comes_before_the_first(path: Path) -> None:
    features = FeatureFile(path, SHAPES)
    features.append(make(2))
    with pytest.raises(InputError, match="damaged"):
        features.read([-1])


@pytest.mark.parametrize("row", [-1, 1, 2, 5, 6, 99])
def test_a_row_that_is_not_there_is_damage(path: Path, row: int) -> None:
    features = FeatureFile(path, SHAPES)
    features.append(make(5))
    features.compact([0, 3, 4])
    features.append(make(1))
    assert_same(features.read([5]), make(1))
    if row != 5:
        with pytest.raises(InputError, match=r"features.f16: damaged .* index again"):
            features.read([0, row])


@pytest.mark.parametrize(
    "content", [None, b"", b"\x01" * 12, b"\x07" + bytes(15), b"\xff" * 16, b"\xff" * 7 + bytes(9)]
)
def test_what_is_no_feature_file_is_named(path: Path, content: bytes | None) -> None:
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=r"features.f16: damaged .* index again"):
        FeatureFile(path, SHAPES)


@given(
    st.lists(st.tuples(st.sampled_from(["append", "drop", "compact", "reopen"]), st.integers(0, 2**32)), max_size=12)
)
def test_a_row_keeps_its_number_and_content(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "features.f16")
        FeatureFile.create(path)
        features, live = FeatureFile(path, SHAPES), dict[int, Features]()
        for step, seed in steps:
            random = np.random.default_rng(seed)
            if step == "append":
                added = make(int(random.integers(0, 4)), seed)
                for item, row in enumerate(features.append(added)):
                    assert row not in live
                    live[row] = {name: values[item : item + 1] for name, values in added.items()}
            elif step == "drop":
                live = {row: values for row, values in live.items() if random.random() < 0.6}
            elif step == "compact":
                features.compact(random.permutation(list(live)).astype(int).tolist())
                assert features.records == len(live)
            else:
                features.close()
                features = FeatureFile(path, SHAPES)
            rows = random.permutation(list(live)).astype(int).tolist()
            expected = {n: np.concatenate([make(0)[n], *(live[row][n] for row in rows)]) for n in SHAPES}
            assert_same(features.read(rows), expected)
        features.close()
