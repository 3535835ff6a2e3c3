"""The shared losses against plain loops."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from sketchseek.lab.losses import batch_all_triplet, euclidean_distances, info_nce, triplet  # noqa: E402


def unit(rows: int, columns: int = 8, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_triplet_is_the_mean_hinge_with_the_small_offset_of_torch() -> None:
    a, p, n = unit(5, seed=1), unit(5, seed=2), unit(5, seed=3)
    rows = [
        max(0.0, (x - y + 1e-6).norm().item() - (x - z + 1e-6).norm().item() + 0.2)
        for x, y, z in zip(a, p, n, strict=True)
    ]
    assert triplet(a, p, n, 0.2).item() == pytest.approx(sum(rows) / 5, abs=1e-6)


def test_batch_all_counts_every_other_photo_and_the_diagonal_as_zero() -> None:
    s, p = unit(6, seed=1), unit(6, seed=2)
    total = 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                total += max(0.0, ((s[i] - p[i]).norm() - (s[i] - p[j]).norm() + 0.3).item())
    assert batch_all_triplet(s, p, 0.3).item() == pytest.approx(total / 36, abs=1e-5)


def test_equal_rows_give_a_finite_gradient() -> None:
    rows = unit(3).requires_grad_()
    euclidean_distances(rows, rows.detach().clone()).sum().backward()
    assert torch.isfinite(rows.grad).all()


def test_info_nce_is_cross_entropy_of_cosines() -> None:
    s, p = unit(4, seed=1) * 3, unit(4, seed=2) * 0.5
    rows = []
    for i in range(4):
        logits = [F.cosine_similarity(s[i], p[j], dim=0).item() / 0.1 for j in range(4)]
        rows.append(-logits[i] + math.log(sum(math.exp(x) for x in logits)))
    assert info_nce(s, p, 0.1).item() == pytest.approx(sum(rows) / 4, abs=1e-5)


def test_a_hopeless_item_keeps_its_gradient_at_a_low_temperature() -> None:
    s = torch.eye(3).requires_grad_()
    info_nce(s, torch.eye(3).roll(1, 0), temperature=0.005).backward()
    assert s.grad.abs().max() > 1
