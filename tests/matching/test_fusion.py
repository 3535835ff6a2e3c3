"""A sketch and words become one query."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sketchseek.matching.fusion import fuse, fuse_features

RANDOM = np.random.default_rng(0)
SKETCH = RANDOM.normal(size=(2, 3, 8)).astype(np.float32) * 5
TEXT = RANDOM.normal(size=(2, 3, 8)).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_half_and_half_is_the_papers_sum() -> None:
    assert np.allclose(fuse(SKETCH, TEXT, 0.5, "raw_sum"), unit(SKETCH + TEXT), atol=1e-6)
    assert np.allclose(fuse(SKETCH, TEXT, 0.5, "unit_sum"), unit(unit(SKETCH) + unit(TEXT)), atol=1e-6)


def test_features_that_words_lack_stay_as_they_are_unless_words_are_all() -> None:
    sketch, words = {"vector": SKETCH, "weight": SKETCH[:, :1]}, {"vector": TEXT}
    fused = fuse_features(sketch, words, 0.5, "raw_sum")
    assert fused["weight"] is sketch["weight"] and np.allclose(fused["vector"], unit(SKETCH + TEXT), atol=1e-6)
    assert fuse_features(sketch, words, 1.0, "raw_sum") == words


def test_words_may_be_added_for_the_matcher_as_much_as_they_weigh_beside_the_sketch() -> None:
    sketch, words = {"global": SKETCH}, {"words": TEXT}
    added = fuse_features(sketch, words, 0.75, "added")
    assert added["global"] is SKETCH and np.allclose(added["words"], 3 * TEXT)
    assert fuse_features(sketch, words, 1.0, "added") == words


@pytest.mark.parametrize("fusion", ["raw_sum", "unit_sum"])
def test_the_ends_are_one_of_the_two_alone(fusion: str) -> None:
    assert np.allclose(fuse(SKETCH, TEXT, 0.0, fusion), unit(SKETCH), atol=1e-6)
    assert np.allclose(fuse(SKETCH, TEXT, 1.0, fusion), unit(TEXT), atol=1e-6)


@pytest.mark.parametrize("fusion", ["raw_sum", "unit_sum"])
def test_torch_agrees_and_has_gradients_even_where_there_is_nothing(fusion: str) -> None:
    sketch, text = torch.from_numpy(SKETCH).requires_grad_(), torch.from_numpy(TEXT).requires_grad_()
    query = fuse(sketch, text, 0.3, fusion)
    assert np.allclose(query.detach().numpy(), fuse(SKETCH, TEXT, 0.3, fusion), atol=1e-6)
    query.sum().backward()
    assert sketch.grad is not None and text.grad is not None and sketch.grad.abs().sum() > 0 < text.grad.abs().sum()
    nothing = torch.zeros(1, 8, requires_grad=True)
    fuse(nothing, nothing, 0.5, fusion).sum().backward()
    assert nothing.grad is not None and nothing.grad.isfinite().all()


def test_another_fusion_is_refused() -> None:
    with pytest.raises(ValueError, match="raw_sum, unit_sum"):
        fuse(SKETCH, TEXT, 0.5, "sum")
