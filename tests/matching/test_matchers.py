"""Both array libraries give the same similarities, and gradients flow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sketchseek.errors import InputError
from sketchseek.matching import MATCHERS, get_matcher

vectors = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(5)), elements=st.floats(-8, 8, width=16))


def features(items: int, seed: int) -> dict[str, np.ndarray]:
    return {"vector": np.random.default_rng(seed).normal(size=(items, 16)).astype(np.float32)}


def test_cosine() -> None:
    a = {"vector": np.array([[3, 0], [0, 0]], dtype=np.float32)}
    b = {"vector": np.array([[1, 0], [0, 5], [-2, 0]], dtype=np.float32)}
    assert np.allclose(get_matcher("cosine").similarity(a, b), [[1, 0, -1], [0, 0, 0]])


def test_euclidean() -> None:
    a = {"vector": np.array([[0, 0], [3, 4]], dtype=np.float32)}
    b = {"vector": np.array([[0, 0], [6, 8]], dtype=np.float32)}
    assert np.allclose(get_matcher("euclidean").similarity(a, b), [[0, -10], [-5, -5]], atol=1e-5)


@pytest.mark.parametrize("name", sorted(MATCHERS))
def test_numpy_and_torch_agree(name: str) -> None:
    torch = pytest.importorskip("torch")
    matcher = get_matcher(name)
    sketches, photos = features(7, 0), features(9, 1)
    expected = matcher.similarity(sketches, photos)
    tensors = [{k: torch.from_numpy(v) for k, v in f.items()} for f in (sketches, photos)]
    measured = matcher.similarity(*tensors)
    assert expected.shape == (7, 9) and expected.dtype == np.float32 and measured.dtype == torch.float32
    assert np.abs(measured.numpy() - expected).max() < 1e-5


@pytest.mark.parametrize("name", sorted(MATCHERS))
def test_gradients_flow_and_stay_finite(name: str) -> None:
    torch = pytest.importorskip("torch")
    sketch = torch.cat([torch.zeros(1, 4), torch.ones(1, 4), torch.randn(2, 4)]).requires_grad_()
    photo = sketch.detach().clone().requires_grad_()  # each sketch lies exactly on its photo, one of them at zero
    get_matcher(name).similarity({"vector": sketch}, {"vector": photo}).sum().backward()
    for gradient in (sketch.grad, photo.grad):
        assert torch.isfinite(gradient).all() and gradient.abs().sum() > 0


@settings(max_examples=50, deadline=None)
@given(vectors, vectors, st.sampled_from(sorted(MATCHERS)))
def test_the_single_vector_form_of_an_exact_matcher_gives_its_order(a: np.ndarray, b: np.ndarray, name: str) -> None:
    matcher = get_matcher(name)
    sketch, photo = matcher.sketch_vector({"vector": a}), matcher.photo_vector({"vector": b})
    similarity = matcher.similarity({"vector": a}, {"vector": b})
    if matcher.distance == "euclid":
        engine = -np.linalg.norm(sketch[:, None].astype(float) - photo[None], axis=-1)
    else:
        lengths = np.linalg.norm(sketch, axis=1)[:, None] * np.linalg.norm(photo, axis=1)[None]
        engine = sketch.astype(float) @ photo.T / np.maximum(lengths, 1e-12)
    assert matcher.exact and np.allclose(engine, similarity, atol=2e-2)


def test_what_does_not_exist_is_said() -> None:
    with pytest.raises(InputError, match="no matcher 'cosin'; there are: cosine, euclidean"):
        get_matcher("cosin")
    with pytest.raises(InputError, match="temperature"):
        get_matcher("cosine", temperature=2)
