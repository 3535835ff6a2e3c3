"""The cache: computed once, never another network's or another data set's, nor that of other code."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from platformdirs import user_cache_path
from safetensors.numpy import load_file
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab import provenance
from sketchseek.lab.cache import Allocate, cached_arrays
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.lab.datasets.pixels import data_hash
from sketchseek.lab.network import Network
from sketchseek.lab.training.frozen import frozen_features, state_hash
from sketchseek.strokes.sketch import Sketch

SHAPES = {"states": ((4, 3, 5), "float16"), "shares": ((4, 3), "float64"), "none": ((0, 3), "int64")}
MADE_OF = {"network": "a", "data": "b"}
CODE = ("sketchseek.matching",)


def counting(made: list[int]) -> Callable[[Allocate], None]:
    def make(allocate: Allocate) -> None:
        made.append(1)
        arrays = allocate(SHAPES)
        arrays["states"][:] = np.arange(60).reshape(4, 3, 5)
        arrays["shares"][:] = 0.25

    return make


def cache_files() -> list[Path]:
    return sorted((user_cache_path("sketchseek") / "features").iterdir())


def test_arrays_are_made_once_and_read_as_they_were_written() -> None:
    made: list[int] = []
    first = cached_arrays("features", MADE_OF, CODE, counting(made))
    again = cached_arrays("features", MADE_OF, CODE, counting(made))
    assert len(made) == 1 and again["states"].dtype == np.float16 and again["shares"].shape == (4, 3)
    for arrays in (first, again, load_file(cache_files()[0])):
        assert np.array_equal(arrays["states"].ravel(), np.arange(60)) and (arrays["shares"] == 0.25).all()
        assert arrays["none"].shape == (0, 3)
    with pytest.raises(ValueError, match="read-only"):
        again["states"][0] = 1


@pytest.mark.parametrize("changed", [{"network": "c"}, {"data": "c"}, {"steps": "20"}])
def test_other_inputs_make_arrays_of_their_own(changed: dict[str, str]) -> None:
    made: list[int] = []
    cached_arrays("features", MADE_OF, CODE, counting(made))
    cached_arrays("features", MADE_OF | changed, CODE, counting(made))
    assert len(made) == 2 and len(cache_files()) == 2


def test_a_file_that_is_not_what_its_name_says_is_made_anew() -> None:
    made: list[int] = []
    cached_arrays("features", MADE_OF, CODE, counting(made))
    (right,) = cache_files()
    cached_arrays("features", MADE_OF | {"data": "another"}, CODE, counting(made))
    other = next(path for path in cache_files() if path != right)
    shutil.copyfile(other, right)
    cached_arrays("features", MADE_OF, CODE, counting(made))
    assert len(made) == 3
    right.write_bytes(right.read_bytes()[:-1])
    assert (cached_arrays("features", MADE_OF, CODE, counting(made))["shares"] == 0.25).all()
    assert len(made) == 4


def test_old_entries_of_a_kind_are_deleted_when_one_is_written() -> None:
    cached_arrays("features", MADE_OF, CODE, counting([]))
    (old,) = cache_files()
    os.utime(old, (0, 0))
    cached_arrays("pixels", MADE_OF, CODE, counting([]))
    assert old.exists()
    cached_arrays("features", MADE_OF | {"data": "new"}, CODE, counting([]))
    assert not old.exists() and len(cache_files()) == 1


def test_nothing_is_left_of_what_failed_or_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(allocate: Allocate) -> None:
        allocate(SHAPES)["states"][0] = 1
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cached_arrays("features", MADE_OF, CODE, fails)
    assert cache_files() == []
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=0))
    with pytest.raises(InputError, match="free some space"):
        cached_arrays("features", MADE_OF, CODE, counting([]))
    assert cache_files() == []


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


class Mean(Network):
    """Stands in for a method's frozen trunk."""

    matcher = "cosine"
    __module__ = "sketchseek.lab.methods.siamese.network"

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": self.scale * ink.float().mean((1, 2), keepdim=True)[:, 0]}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"photo": self.scale * photos.float().mean((1, 2))}


@pytest.mark.parametrize(
    "file", ["strokes/raster.py", "strokes/ink.py", "model/preprocess.py", "lab/backbones/attention.py"]
)
def test_frozen_features_are_made_anew_where_code_that_draws_or_encodes_changed(
    file: str, pairs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = open_dataset(f"folder:{pairs_folder}").test
    network = Mean()

    def features() -> None:
        made = frozen_features(network, (network,), split, 32, 4, "", Mean.encode_sketch, Mean.encode_photo)
        assert made["vector"].shape == (12, 4, 1) and made["photo"].shape == (12, 3)

    features()
    features()
    assert len(cache_files()) == 1
    read = Path.read_bytes
    edited = provenance.PACKAGE / file
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + (b"# edited" if path == edited else b""))
    provenance.code_hash.cache_clear()
    features()
    assert edited.exists() and len(cache_files()) == 2


@pytest.fixture(autouse=True)
def _code_is_hashed_anew() -> Iterator[None]:
    yield
    provenance.code_hash.cache_clear()
