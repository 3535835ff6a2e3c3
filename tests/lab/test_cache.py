"""The cache of features: made once, never another network's or another data set's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from platformdirs import user_cache_path
from safetensors.numpy import load_file

from sketchseek.errors import InputError
from sketchseek.lab.cache import Arrays, cached_features, code_hash, state_hash
from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.lab.datasets.pixels import data_hash
from sketchseek.strokes.sketch import Sketch

SHAPES = {"states": (4, 3, 5), "shares": (4, 3)}
MADE_OF = {"network": "a", "data": "b"}


def counting(made: list[int]) -> Callable[[Arrays], None]:
    def make(arrays: Arrays) -> None:
        made.append(1)
        arrays["states"][:] = np.arange(60).reshape(4, 3, 5)
        arrays["shares"][:] = 0.25

    return make


def cache_files() -> list[Path]:
    return sorted((user_cache_path("sketchseek") / "features").iterdir())


def test_features_are_made_once_and_read_as_they_were_written() -> None:
    made: list[int] = []
    first = cached_features(MADE_OF, SHAPES, counting(made))
    again = cached_features(MADE_OF, SHAPES, counting(made))
    assert len(made) == 1 and again["states"].dtype == np.float16 and again["shares"].shape == (4, 3)
    for arrays in (first, again, load_file(cache_files()[0])):
        assert np.array_equal(arrays["states"].ravel(), np.arange(60)) and (arrays["shares"] == 0.25).all()
    with pytest.raises(ValueError, match="read-only"):
        again["states"][0] = 1


@pytest.mark.parametrize("changed", [{"network": "c"}, {"data": "c"}, {"steps": "20"}])
def test_another_network_or_other_data_make_features_of_their_own(changed: dict[str, str]) -> None:
    made: list[int] = []
    cached_features(MADE_OF, SHAPES, counting(made))
    cached_features(MADE_OF | changed, SHAPES, counting(made))
    cached_features(MADE_OF, SHAPES, counting(made), "float32")
    assert len(made) == 3 and len(cache_files()) == 3


def test_a_file_that_is_not_what_its_name_says_is_refused() -> None:
    cached_features(MADE_OF, SHAPES, counting([]))
    (right,) = cache_files()
    cached_features(MADE_OF | {"data": "another"}, SHAPES, counting([]))
    other = next(path for path in cache_files() if path != right)
    shutil.copyfile(other, right)
    with pytest.raises(InputError, match=rf"{right.name}: is not what its name says; delete it"):
        cached_features(MADE_OF, SHAPES, counting([]))
    right.unlink()
    cached_features(MADE_OF, SHAPES, counting([]))
    right.write_bytes(right.read_bytes()[:-1])
    with pytest.raises(InputError, match="delete it"):
        cached_features(MADE_OF, SHAPES, counting([]))


def test_nothing_is_left_of_what_failed_or_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(arrays: Arrays) -> None:
        arrays["states"][0] = 1
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cached_features(MADE_OF, SHAPES, fails)
    assert cache_files() == []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=1, used=1, free=0))
    with pytest.raises(InputError, match="free some space"):
        cached_features(MADE_OF, SHAPES, counting([]))


def test_the_hash_of_the_state_sees_parameters_and_buffers() -> None:
    torch.manual_seed(0)
    linear, norm = torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)
    network = torch.nn.Sequential(linear, norm)
    before = state_hash(network)
    assert state_hash(network) == before
    with torch.no_grad():
        assert norm.running_mean is not None
        norm.running_mean += 1e-3
    moved = state_hash(network)
    with torch.no_grad():
        linear.weight[0, 0] += 1e-6
    assert len({before, moved, state_hash(network)}) == 3


def test_the_hash_of_the_data_sees_points_pairs_and_files(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"one")
    photos = (Photo("p", tmp_path / "photo.png"), Photo("q", tmp_path / "photo.png"))

    def of(x: float, photo: int = 0) -> str:
        sketch = SketchItem("s", photo, strokes=Sketch.from_arrays([[[0.1, 0.1], [x, 0.5]]]))
        return data_hash(Split(photos, (sketch,)))

    assert of(0.5) == of(0.5)
    seen = {of(0.5), of(0.5 + 1e-9), of(0.5, photo=1)}
    (tmp_path / "photo.png").write_bytes(b"other")
    seen.add(of(0.5))
    assert len(seen) == 4
    with pytest.raises(InputError, match=r"gone\.png"):
        data_hash(Split((Photo("p", tmp_path / "gone.png"),)))


def test_the_hash_of_the_code_is_of_the_modules_it_is_given() -> None:
    assert code_hash(cached_features) == code_hash(state_hash) != code_hash(Sketch)
