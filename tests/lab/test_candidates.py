"""The projection to the single-vector form, and that training fits it for every network it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")

import torch

from sketchseek.lab import experiment as run_module
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.experiment import Plan, load_network, run_training
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.candidates import CandidateProjection
from sketchseek.lab.methods.siamese.network import SiameseNetwork
from sketchseek.lab.training.loop import Progress, save_network


def features(count: int, inputs: int, rank: int | None = None, seed: int = 0) -> NDArray[np.float32]:
    """Of falling variance along random directions, far from zero."""
    random = np.random.default_rng(seed)
    rank = rank or min(count, inputs)
    spread = random.normal(size=(count, rank)) * 0.8 ** np.arange(rank)
    return (spread @ random.normal(size=(rank, inputs)) + 5).astype(np.float32)


def distances(x: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.linalg.norm(x[:, None].astype(np.float64) - x[None], axis=-1)


def projected(projection: CandidateProjection, x: NDArray[np.float32]) -> NDArray[np.float32]:
    return projection(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize(("count", "inputs"), [(30, 100), (200, 40), (12, 9000)])
def test_it_takes_the_principal_components(count: int, inputs: int) -> None:
    x = features(count, inputs)
    projection = CandidateProjection(inputs, dimensions=8)
    projection.fit(torch.from_numpy(x))
    left, singular, _ = np.linalg.svd(x - x.mean(0, dtype=np.float64), full_matrices=False)
    expected = left[:, :8] * singular[:8]
    found = projected(projection, x)
    found *= np.sign((found * expected).sum(0))  # a component may point either way
    np.testing.assert_allclose(found, expected, atol=1e-3 * singular[0])


def test_distances_survive_where_the_dimensions_suffice() -> None:
    x = features(40, 300, rank=20)
    projection = CandidateProjection(300, dimensions=25)
    projection.fit(torch.from_numpy(x))
    np.testing.assert_allclose(distances(projected(projection, x)), distances(x), rtol=1e-3, atol=1e-3)
    basis = projection.basis.numpy()
    np.testing.assert_allclose(basis[:, :20].T @ basis[:, :20], np.eye(20), atol=1e-4)
    assert not basis[:, 20:].any()
    fewer = CandidateProjection(300, dimensions=10)
    fewer.fit(torch.from_numpy(x))
    assert (distances(projected(fewer, x)) <= distances(x) + 1e-3).all()


def test_unfitted_it_is_a_fixed_orthogonal_projection() -> None:
    projection, again = CandidateProjection(1000, 64), CandidateProjection(1000, 64)
    assert torch.equal(projection.basis, again.basis) and not list(projection.parameters())
    np.testing.assert_allclose((projection.basis.T @ projection.basis).numpy(), np.eye(64), atol=1e-5)
    x = np.random.default_rng(1).normal(size=(50, 1000)).astype(np.float32)
    assert np.corrcoef(distances(projected(CandidateProjection(1000), x)).ravel(), distances(x).ravel())[0, 1] > 0.9
    small = features(20, 30)
    assert projected(CandidateProjection(30), small).shape == (20, 30)
    np.testing.assert_allclose(distances(projected(CandidateProjection(30), small)), distances(small), rtol=1e-3)


def test_photos_that_are_all_alike_give_zeros() -> None:
    projection = CandidateProjection(50, 8)
    projection.fit(torch.full((6, 50), 3.0))
    assert not projection.basis.any() and projected(projection, features(3, 50)).tolist() == [[0.0] * 8] * 3


def test_it_is_a_difference_and_a_matrix_product() -> None:
    x = features(9, 40)
    projection = CandidateProjection(40, 8)
    projection.fit(torch.from_numpy(x))
    expected = (x - projection.mean.numpy()) @ projection.basis.numpy()
    np.testing.assert_allclose(projected(projection, x), expected, atol=1e-4)


@pytest.mark.slow
def test_training_fits_every_network_it_leaves(
    pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []

    def fit(self: Any, photos: NDArray[np.uint8]) -> None:
        assert photos.dtype == np.uint8 and not self.training
        seen.append(photos.shape)
        with torch.no_grad():
            self.head.bias.fill_(len(seen))

    def train(network: SiameseNetwork, phases: Any, folder: Path, **_: Any) -> Progress:
        for checkpoint in ("last", "best"):
            save_network(folder / f"{checkpoint}.safetensors", network)
        return Progress(best_step=0)

    monkeypatch.setattr(SiameseNetwork, "fit", fit, raising=False)
    monkeypatch.setattr(run_module, "train", train)
    monkeypatch.setattr(run_module, "FITTED_PHOTOS", 11)
    method = get_method("siamese")
    tiny: dict[str, Any] = {"size": "64", "training.pairs": "8", "training.batch": "8", "training.precision": "fp32"}
    plan = Plan(method, override(method.config("bench"), tiny), "bench", None, 0, "random", None)
    run_training(plan, [open_dataset(f"folder:{pairs_folder}")], tmp_path / "run")
    assert [shape[1:] for shape in seen] == [(64, 64, 3)] * 2 and 6 <= seen[0][0] <= 11
    for number, checkpoint in enumerate(("last", "best"), 1):
        network: Any = load_network(tmp_path / "run", checkpoint)[0]
        assert (network.head.bias == number).all()
    assert not list((tmp_path / "run").glob("*.part"))
