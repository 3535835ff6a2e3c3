"""Every matcher against the plain form of its formula, in float64; both array libraries agree, and gradients flow."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sketchseek.errors import InputError
from sketchseek.matching import MATCHERS, Features, Matcher, distances, get_matcher
from sketchseek.matching.fusion import fuse_features
from sketchseek.matching.inked_cells import InkedCells
from sketchseek.matching.local import DynamicLocal, Local
from sketchseek.matching.region_weighted import RegionWeighted, Strategy

# Subnormal halves would make vectors that the cosine takes for zero.
numbers = st.floats(-8, 8, width=16, allow_subnormal=False)
vectors = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(5)), elements=numbers)
counts = st.integers(1, 5)

WEIGHTS = ("weight", "weights", "coverage")  # features that say how much another one counts
ALL = [get_matcher(name) for name in sorted(MATCHERS) if name != "region-weighted"]
ALL += [get_matcher("region-weighted", strategy=strategy) for strategy in get_args(Strategy)]
ALL += [get_matcher(name, norm=2) for name in ("local", "dynamic-local")]


def features(items: int, seed: int, regions: int = 3, cells: int = 6) -> dict[str, np.ndarray]:
    """What all matchers read."""
    random = np.random.default_rng(seed)
    made = {
        "vector": random.normal(size=(items, 16)),
        "level1": random.normal(size=(items, regions, 4)),
        "level2": random.normal(size=(items, regions, 7)),
        "level3": random.normal(size=(items, regions, 9)),
        "weights": random.dirichlet(np.ones(regions * 3), size=items).reshape(items, regions, 3),
        "cells": random.normal(size=(items, cells, 5)),
        "global": random.normal(size=(items, 6)),
        "local": random.normal(size=(items, regions, 6)),
        "weight": 0.7 * random.dirichlet(np.ones(regions), size=items),
        "coverage": random.dirichlet(np.ones(cells), size=items),
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


def plain(matcher: Matcher, sketches: Features, photos: Features) -> np.ndarray:
    """The formula as the papers write it, with every difference of every pair."""
    s, p = ({name: values.astype(float) for name, values in f.items()} for f in (sketches, photos))
    if matcher.name == "cosine":
        a, b = (f["vector"] / np.linalg.norm(f["vector"], axis=1, keepdims=True) for f in (s, p))
        return a @ b.T
    if matcher.name == "euclidean":
        return -np.linalg.norm(s["vector"][:, None] - p["vector"][None], axis=-1)
    if isinstance(matcher, Local | DynamicLocal):
        same = np.linalg.norm(s["cells"][:, None] - p["cells"][None], axis=-1)
        of_cells = same if matcher.name == "local" else all_places(s["cells"], p["cells"]).min(axis=-1)
        return -((of_cells**matcher.norm).mean(axis=-1) ** (1 / matcher.norm))
    if matcher.name == "global-local":
        whole, local = (np.linalg.norm(s[name][:, None] - p[name][None], axis=-1) for name in ("global", "local"))
        return -whole - (s["weight"][:, None] * local).sum(axis=-1)
    if isinstance(matcher, InkedCells):
        a, b = (f["global"] / np.linalg.norm(f["global"], axis=-1, keepdims=True) for f in (s, p))
        c, d = (f["cells"] / np.linalg.norm(f["cells"], axis=-1, keepdims=True) for f in (s, p))
        best = (c[:, None, :, None] * d[None, :, None, :]).sum(axis=-1).max(axis=-1)  # [q, g, cells]
        local = (s["coverage"][:, None] * best).sum(axis=-1)
        return matcher.global_weight * a @ b.T + matcher.cells_weight * local
    assert isinstance(matcher, RegionWeighted)
    levels = ["level1", "level2", "level3"]
    d = np.stack([np.linalg.norm(s[level][:, None] - p[level][None], axis=-1) for level in levels], axis=-1)
    of_sketch, of_photo = s["weights"][:, None], p["weights"][None]
    near = np.stack([all_places(s[level], p[level]).min(axis=-1) for level in levels], axis=-1)  # [q, g, N, L]
    return -{
        "weighted": ((of_sketch + of_photo) / 2 * d).sum(axis=(2, 3)),
        "sketch-weights": (of_sketch * d).sum(axis=(2, 3)),
        "photo-weights": (of_photo * d).sum(axis=(2, 3)),
        "level1": d[..., 0].mean(axis=2),
        "level2": d[..., 1].mean(axis=2),
        "level3": d[..., 2].mean(axis=2),
        "nearest-region-root": np.sqrt((near**2).sum(axis=2)).mean(axis=2),
        "uniform": d.mean(axis=(2, 3)),
        "nearest-region": near.mean(axis=(2, 3)),
    }[matcher.strategy]


def all_places(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``[q, n, d]``, ``[g, m, d]`` -> ``[q, g, n, m]``."""
    return np.linalg.norm(a[:, None, :, None] - b[None, :, None, :], axis=-1)


def tensors(items: Features, dtype: str = "float32") -> dict:
    torch = pytest.importorskip("torch")
    return {name: torch.from_numpy(values).to(getattr(torch, dtype)) for name, values in items.items()}


def title(matcher: Matcher) -> str:
    norm = f"-{matcher.norm}" if isinstance(matcher, Local | DynamicLocal) else ""
    return getattr(matcher, "strategy", matcher.name) + norm


every_matcher = pytest.mark.parametrize("matcher", ALL, ids=title)


def test_cosine() -> None:
    a = {"vector": np.array([[3, 0], [0, 0]], dtype=np.float32)}
    b = {"vector": np.array([[1, 0], [0, 5], [-2, 0]], dtype=np.float32)}
    assert np.allclose(get_matcher("cosine").similarity(a, b), [[1, 0, -1], [0, 0, 0]])


def test_euclidean() -> None:
    a = {"vector": np.array([[0, 0], [3, 4]], dtype=np.float32)}
    b = {"vector": np.array([[0, 0], [6, 8]], dtype=np.float32)}
    assert np.allclose(get_matcher("euclidean").similarity(a, b), [[0, -10], [-5, -5]], atol=1e-5)


def test_each_sketch_cell_takes_the_nearest_photo_cell() -> None:
    sketch = {"cells": np.array([[[0, 0], [3, 0]]], dtype=np.float32)}
    photo = {"cells": np.array([[[3, 4], [0, 1]]], dtype=np.float32)}
    assert np.allclose(get_matcher("local").similarity(sketch, photo), -(5 + np.sqrt(10)) / 2)
    assert np.allclose(get_matcher("dynamic-local").similarity(sketch, photo), -(1 + np.sqrt(10)) / 2)


def test_only_cells_under_ink_count() -> None:
    sketch = {
        "global": np.array([[1, 0]], np.float32),
        "cells": np.array([[[1, 0], [0, 1]]], np.float32),
        "coverage": np.array([[1, 0]], np.float32),
    }
    photos = {
        "global": np.array([[0, 1], [0.6, 0.8]], np.float32),
        "cells": np.array([[[0, 1], [0, 1]], [[0, 2], [3, 0]]], np.float32),
    }
    assert np.allclose(get_matcher("inked-cells").similarity(sketch, photos), [[0, 0.6 + 1]])
    doubled = get_matcher("inked-cells", global_weight=0, cells_weight=2)
    assert np.allclose(doubled.similarity(sketch, photos), [[0, 2]])
    empty = sketch | {"coverage": np.zeros((1, 2), np.float32)}
    assert np.allclose(get_matcher("inked-cells").similarity(empty, photos), [[0, 0.6]])


def test_words_are_added_to_inked_cells_up_to_a_cap() -> None:
    sketch = {
        "global": np.array([[1, 0]], np.float32),
        "cells": np.array([[[1, 0]]], np.float32),
        "coverage": np.array([[1]], np.float32),
    }
    photos = {
        "global": np.array([[0, 1], [0.6, 0.8], [1, 0]], np.float32),
        "cells": np.array([[[0, 1]], [[0, 1]], [[1, 0]]], np.float32),
    }
    words = {"words": np.array([[0, 2]], np.float32)}
    matcher = get_matcher("inked-cells", global_weight=2)
    assert np.allclose(matcher.similarity(sketch, photos), [[0, 1.2, 3]])
    assert np.allclose(matcher.similarity(words, photos), [[2, 1.6, 0]])
    both = fuse_features(sketch, words, 0.75, "added")
    assert np.allclose(matcher.similarity(both, photos), [[6, 1.2 + 4.8, 3]])
    capped = get_matcher("inked-cells", global_weight=2, words_cap=0.7)
    assert np.allclose(capped.similarity(both, photos), [[4.2, 1.2 + 4.2, 3]])
    assert np.allclose(capped.similarity(words, photos), [[2, 1.6, 0]])  # alone, they are all there is to go by
    assert np.allclose([matcher.sketch_vector(f)[0] for f in (sketch, words, both)], [[1, 0], [0, 2], [2, 6]])


@given(st.sampled_from(ALL), counts, counts, counts, counts, st.integers(0, 99))
def test_the_plain_formula(matcher: Matcher, q: int, g: int, regions: int, cells: int, seed: int) -> None:
    sketches, photos = features(q, seed, regions, cells), features(g, seed + 100, regions, cells)
    similarity = matcher.similarity(sketches, photos)
    assert similarity.shape == (q, g) and similarity.dtype == np.float32
    assert np.allclose(similarity, plain(matcher, sketches, photos), rtol=1e-5, atol=1e-5)


@every_matcher
def test_numpy_and_torch_agree(matcher: Matcher) -> None:
    torch = pytest.importorskip("torch")
    sketches, photos = features(7, 0), features(9, 1)
    expected = matcher.similarity(sketches, photos)
    measured = matcher.similarity(tensors(sketches), tensors(photos))
    assert expected.shape == (7, 9) and expected.dtype == np.float32 and measured.dtype == torch.float32
    assert np.abs(measured.numpy() - expected).max() < 1e-5


@every_matcher
def test_gradients_are_those_of_the_plain_formula(matcher: Matcher) -> None:
    """By differences in float64, of the plain formula, along a random direction."""
    random = np.random.default_rng(5)
    sketches, photos = features(4, 0), features(5, 1)
    share = random.normal(size=(4, 5)).astype(np.float32)
    leaves = [{name: t.requires_grad_() for name, t in tensors(f).items()} for f in (sketches, photos)]
    (matcher.similarity(*leaves) * tensors({"share": share})["share"]).sum().backward()
    step = 1e-5
    for side, values in enumerate((sketches, photos)):
        for name, tensor in leaves[side].items():
            direction = random.normal(size=values[name].shape)
            ends = []
            for sign in (1, -1):
                moved = values | {name: values[name] + sign * step * direction}
                pair = (moved, photos) if side == 0 else (sketches, moved)
                ends.append((plain(matcher, *pair) * share).sum())
            slope = (ends[0] - ends[1]) / (2 * step)
            along = 0.0 if tensor.grad is None else (tensor.grad.numpy() * direction).sum()
            assert abs(along - slope) < 1e-3 * max(1, abs(slope)), (side, name)


@every_matcher
def test_gradients_stay_finite_where_sketch_and_photo_are_equal(matcher: Matcher) -> None:
    torch = pytest.importorskip("torch")
    sketches = features(4, 0)
    for name, values in sketches.items():
        if name not in WEIGHTS:
            values[0] = 0
    leaves = [{name: t.requires_grad_() for name, t in tensors(sketches).items()} for _ in range(2)]
    leaves[1] = {name: t.detach().clone().requires_grad_() for name, t in leaves[1].items()}
    similarity = matcher.similarity(*leaves)
    similarity.sum().backward()
    gradients = [t.grad for side in leaves for t in side.values() if t.grad is not None]
    assert gradients and all(torch.isfinite(g).all() for g in gradients) and any(g.abs().sum() > 0 for g in gradients)
    if matcher.name not in ("cosine", "inked-cells"):  # those are no distances: 0 where a vector has no length
        assert similarity.diagonal().abs().max() < 1e-5


@every_matcher
@pytest.mark.parametrize("apart", [0, 1e-6, 1e-4, 1e-2, 1])
def test_what_is_close_is_right_to_float32(matcher: Matcher, apart: float) -> None:
    """A large common part of all features does not drown what tells them apart."""
    base, other = features(5, 0), features(5, 1)
    sketches = {name: values + (name not in WEIGHTS) for name, values in base.items()}
    photos = {
        name: values if name in WEIGHTS else values + np.float32(apart) * other[name]
        for name, values in sketches.items()
    }
    expected = plain(matcher, sketches, photos)
    for measured in (
        matcher.similarity(sketches, photos),
        matcher.similarity(tensors(sketches), tensors(photos)).numpy(),
    ):
        assert np.abs(measured - expected)[np.eye(5, dtype=bool)].max() <= 1e-5 * apart + 2e-6


@every_matcher
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_blocks_give_what_one_piece_gives(matcher: Matcher, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sketches, photos = features(6, 0), features(11, 1)
    photos = {name: np.concatenate([values, values[:2]]) for name, values in photos.items()}
    if library == "torch":
        sketches, photos = tensors(sketches), tensors(photos)
    whole = np.asarray(matcher.similarity(sketches, photos))
    for size in (1, 700, 3000):
        monkeypatch.setattr(distances, "BLOCK_BYTES", size)
        pieces = np.asarray(matcher.similarity(sketches, photos))
        assert pieces.shape == (6, 13) and np.abs(pieces - whole).max() < 1e-5
        in_order = np.take_along_axis(whole, np.argsort(-pieces, axis=1), axis=1)
        assert (np.diff(in_order, axis=1) < 2e-5).all()


@every_matcher
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_prepared_photos_give_the_same(matcher: Matcher, dtype: str) -> None:
    sketches, photos = features(4, 0), {name: values.astype(dtype) for name, values in features(5, 1).items()}
    expected = matcher.similarity(sketches, photos)
    found = matcher.similarity(sketches, matcher.prepared(photos))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@every_matcher
def test_a_float16_gallery(matcher: Matcher, tmp_path: Path) -> None:
    sketches, photos = features(3, 0), features(8, 1)
    photos = {name: values.astype(np.float16) for name, values in photos.items()}
    expected = plain(matcher, sketches, photos)
    mapped = {}
    for name, values in photos.items():
        np.save(tmp_path / f"{name}.npy", values)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    measured = [matcher.similarity(sketches, mapped), matcher.similarity(tensors(sketches), tensors(photos, "float16"))]
    for similarity in measured:
        assert np.asarray(similarity).dtype == np.float32
        assert np.allclose(similarity, expected, atol=1e-5)


def test_every_finite_half_is_read_exactly() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    for values in (halves, halves[::2], halves[:6].reshape(2, 3).T):
        read = distances.as_float32(values)
        assert read.dtype == np.float32 and np.array_equal(read, values.astype(np.float32))
        assert np.array_equal(np.signbit(read), np.signbit(values))


@every_matcher
def test_no_photos_and_no_sketches(matcher: Matcher) -> None:
    some, none = features(4, 0), features(0, 1)
    assert matcher.similarity(some, none).shape == (4, 0)
    assert matcher.similarity(none, some).shape == (0, 4)


def test_fewer_levels_and_one_region() -> None:
    """As a network with levels 2 and 3 and a single region gives them."""
    matcher = get_matcher("region-weighted")
    sketches, photos = features(2, 0, regions=1), features(3, 1, regions=1)
    for f in (sketches, photos):
        del f["level1"]
        f["weights"] = f["weights"][:, :, 1:]
    expected = sum(
        (sketches["weights"][:, None, 0, i] + photos["weights"][None, :, 0, i])
        / 2
        * np.linalg.norm(sketches[level] - photos[level][:, 0], axis=-1)
        for i, level in enumerate(["level2", "level3"])
    )
    assert np.allclose(matcher.similarity(sketches, photos), -expected, atol=1e-5)
    with pytest.raises(InputError, match="no level1"):
        get_matcher("region-weighted", strategy="level1").similarity(sketches, photos)


@given(vectors, vectors, st.sampled_from(sorted(name for name, make in MATCHERS.items() if make().exact)))
def test_the_single_vector_form_of_an_exact_matcher_gives_its_order(a: np.ndarray, b: np.ndarray, name: str) -> None:
    matcher = get_matcher(name)
    sketch, photo = matcher.sketch_vector({"vector": a}), matcher.photo_vector({"vector": b})
    similarity = matcher.similarity({"vector": a}, {"vector": b})
    if matcher.distance == "euclid":
        engine = -np.linalg.norm(sketch[:, None].astype(float) - photo[None], axis=-1)
    else:
        lengths = np.linalg.norm(sketch, axis=1)[:, None] * np.linalg.norm(photo, axis=1)[None]
        engine = sketch.astype(float) @ photo.T / np.maximum(lengths, 1e-12)
    assert np.allclose(engine, similarity, atol=1e-5 if matcher.distance == "euclid" else 2e-2)


def test_the_linearised_distance_keeps_the_order_of_photos_that_are_nearly_equally_far() -> None:
    """One dot product with the unit vectors of photos; exact at a right angle, and closest where sketches are long."""
    matcher = get_matcher("global-local")
    sketches, photos = features(6, 0), features(40, 1)
    for name in ("global", "local"):
        photos[name] /= np.linalg.norm(photos[name], axis=-1, keepdims=True)
        sketches[name] *= 20
    scores = matcher.sketch_vector(sketches) @ matcher.photo_vector(photos).T
    lengths = [np.sqrt(1 + (sketches[name] ** 2).sum(-1)) for name in ("global", "local")]
    constant = lengths[0] + (sketches["weight"] * lengths[1]).sum(-1)
    assert matcher.sketch_vector(sketches).shape == (6, 24) and matcher.distance == "dot" and not matcher.exact
    assert np.abs(scores - constant[:, None] - matcher.similarity(sketches, photos)).max() < 0.05
    sketches["global"][:] = sketches["local"][:] = 0  # at a right angle to everything
    scores = matcher.sketch_vector(sketches) @ matcher.photo_vector(photos).T
    expected = matcher.similarity(sketches, photos) + 1 + sketches["weight"].sum(-1)[:, None]
    assert np.allclose(scores, expected, atol=1e-5)


def test_a_matcher_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "distances_of_ours.py").write_text(
        "from sketchseek.matching.single_vector import Euclidean\nclass Ours(Euclidean):\n    name = 'ours'\n"
    )
    installed = tmp_path / "ours-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[sketchseek.matchers]\nours = distances_of_ours:Ours\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert get_matcher("ours").name == "ours"
    with pytest.raises(InputError, match="local, ours, region-weighted"):
        get_matcher("theirs")


def test_what_does_not_exist_is_said() -> None:
    with pytest.raises(InputError, match="no matcher 'cosin'; there are: cosine, dynamic-local, euclidean, global-"):
        get_matcher("cosin")
    with pytest.raises(InputError, match="temperature"):
        get_matcher("cosine", temperature=2)
    with pytest.raises(InputError, match="no strategy 'T9'; there are: weighted"):
        get_matcher("region-weighted", strategy="T9")
