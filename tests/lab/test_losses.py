"""The shared losses against plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from sketchseek.lab.training.losses import (
    Similarity,
    batch_triplet,
    double_anchor_info_nce,
    euclidean_distances,
    info_nce,
    quadruplet,
    relational_distillation,
    similarities,
)


def unit(rows: int, columns: int = 8, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_similarities_rise_with_closeness() -> None:
    s, p = unit(4, seed=1) * 3, unit(5, seed=2) * 0.5
    formulas: dict[Similarity, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
        "cosine": lambda a, b: F.cosine_similarity(a, b, dim=0),
        "l2": lambda a, b: -(a - b).norm(),
        "dot": lambda a, b: a @ b,
    }
    for kind, expected in formulas.items():
        matrix = similarities(s, p, kind)
        assert matrix.shape == (4, 5)
        assert matrix[2, 3].item() == pytest.approx(float(expected(s[2], p[3])), abs=1e-5)


def test_batch_all_counts_every_other_photo_and_the_diagonal_as_zero() -> None:
    s, p = unit(6, seed=1), unit(6, seed=2)
    by_sketch = by_photo = 0.0
    for i in range(6):
        for j in range(6):
            if i != j:
                by_sketch += max(0.0, ((s[i] - p[i]).norm() - (s[i] - p[j]).norm() + 0.3).item())
                by_photo += max(0.0, ((s[i] - p[i]).norm() - (s[j] - p[i]).norm() + 0.3).item())
    assert batch_triplet(s, p, 0.3).item() == pytest.approx(by_sketch / 36, abs=1e-5)
    assert batch_triplet(s, p, 0.3, anchor="photo").item() == pytest.approx(by_photo / 36, abs=1e-5)


def test_with_both_as_anchors_either_are_negatives() -> None:
    s, p = unit(3, seed=1), unit(3, seed=2)
    items = [*s, *p]
    hinge = shares = 0.0
    for i in range(6):
        own = (items[i] @ items[(i + 3) % 6]).item()
        negatives = [(items[i] @ items[j]).item() for j in range(6) if j % 3 != i % 3]
        assert len(negatives) == 4, "4 b (b - 1) triplets in all"
        hinge += sum(max(0.0, 0.5 + 2 * (n - own)) for n in negatives)
        shares -= math.log(math.exp(own / 0.2) / sum(math.exp(x / 0.2) for x in (own, *negatives)))
    assert batch_triplet(s, p, 0.5, "dot", 2.0, "both").item() == pytest.approx(hinge / 36, abs=1e-5)
    assert info_nce(s, p, 0.2, anchor="both").item() == pytest.approx(shares / 6, abs=1e-5)


def test_naive_collection_takes_one_other_item_for_each_anchor() -> None:
    """With two pairs there is only one negative, so nothing is random."""
    s, p = unit(2, seed=1), unit(2, seed=2)
    hinge = [max(0.0, (0.4 + s[i] @ p[1 - i] - s[i] @ p[i]).item()) for i in range(2)]
    assert batch_triplet(s, p, 0.4, "cosine", naive=True).item() == pytest.approx(sum(hinge) / 2, abs=1e-6)
    assert info_nce(s, p, 0.1, naive=True).item() == pytest.approx(info_nce(s, p, 0.1).item(), abs=1e-6)
    s, p = unit(6, seed=1), unit(6, seed=2)
    assert info_nce(s, p, 0.1, naive=True) < info_nce(s, p, 0.1)
    assert torch.isfinite(info_nce(s, p, 0.1, anchor="both", naive=True))


def test_equal_rows_give_a_finite_gradient() -> None:
    rows = unit(3).requires_grad_()
    euclidean_distances(rows, rows.detach().clone()).sum().backward()
    assert rows.grad is not None and torch.isfinite(rows.grad).all()


def test_info_nce_is_cross_entropy_of_similarities() -> None:
    s, p = unit(4, seed=1) * 3, unit(4, seed=2) * 0.5
    similarity = similarities(s, p, "cosine")
    labels = torch.arange(4)
    by_sketch, by_photo = (F.cross_entropy(m / 0.1, labels).item() for m in (similarity, similarity.T))
    assert info_nce(s, p, 0.1).item() == pytest.approx(by_sketch, abs=1e-5)
    assert info_nce(s, p, 0.1, anchor="photo").item() == pytest.approx(by_photo, abs=1e-5)


def test_double_anchor_is_the_formula_of_the_paper() -> None:
    s, d, p = unit(4, seed=1), unit(4, seed=2), unit(4, seed=3)
    first, second = similarities(s, p, "cosine"), similarities(d, p, "cosine")
    rows = []
    for i in range(4):
        own = math.exp(first[i, i] / 0.5) + 0.6 * math.exp(second[i, i] / 0.5)
        total = sum(math.exp(first[i, j] / 0.5) + 0.6 * math.exp(second[i, j] / 0.5) for j in range(4))
        rows.append(-math.log(own / total))
    assert double_anchor_info_nce(s, d, p, 0.5, 0.6).item() == pytest.approx(sum(rows) / 4, abs=1e-5)
    assert double_anchor_info_nce(s, d, p, 0.5, 0.0).item() == pytest.approx(info_nce(s, p, 0.5).item(), abs=1e-6)


@pytest.mark.parametrize("double", [False, True])
def test_a_saturated_item_keeps_its_gradient_at_a_low_temperature(double: bool) -> None:
    """With exponentials and a small constant in the logarithm the loss would stop at 23.03 with no gradient."""
    s = torch.eye(3).requires_grad_()
    wrong = torch.eye(3).roll(1, 0)
    loss = double_anchor_info_nce(s, torch.eye(3), wrong, 0.005, 0.8) if double else info_nce(s, wrong, 0.005)
    loss.backward()
    assert loss > 100 and s.grad is not None and s.grad.abs().max() > 1


def test_smoothed_targets_are_shared_by_all_photos() -> None:
    s, p = unit(4, seed=1), unit(4, seed=2)
    expected = 0.0
    for i in range(4):
        exponentials = [math.exp((s[i] @ p[j]).item() / 0.1) for j in range(4)]
        for j in range(4):
            expected -= (0.8 * (i == j) + 0.2 / 4) * math.log(exponentials[j] / sum(exponentials)) / 4
    assert info_nce(s, p, 0.1, smoothing=0.2).item() == pytest.approx(expected, abs=1e-5)
    alike = torch.tensor([0, 0, 1, 2])  # those of the same identity have no share
    assert torch.isfinite(info_nce(s, p, 0.1, identity=alike, smoothing=0.2))


def test_quadruplet_has_a_negative_of_the_category_and_one_of_another() -> None:
    s, p = unit(3, seed=1), unit(3, seed=2)
    category = torch.tensor([7, 7, 8])  # so each negative is the only one of its kind, but one of sketch 2's
    far = lambda i, j: (s[i] - p[j]).norm().item()  # noqa: E731
    expected = max(0, 0.2 + far(0, 0) - far(0, 1)) + max(0, 0.2 + far(0, 1) - far(0, 2))
    expected += max(0, 0.2 + far(1, 1) - far(1, 0)) + max(0, 0.2 + far(1, 0) - far(1, 2))
    either = [(expected + max(0, 0.2 + far(2, 2) - far(2, j))) / 3 for j in (0, 1)]
    found = {round(quadruplet(s, p, category, 0.2).item(), 4) for _ in range(40)}
    assert found == {round(value, 4) for value in either}


def test_a_teacher_s_similarities_are_learnt_on_any_scale() -> None:
    own, wanted = torch.randn(4, 4), torch.randn(4, 4)
    assert relational_distillation(own, own * 30 - 2).item() == pytest.approx(0, abs=1e-9)
    a, b = ((m - m.mean()) / m.std() for m in (own, wanted))
    huber = [0.5 * d * d if d < 1 else d - 0.5 for d in (a - b).abs().flatten().tolist()]
    assert relational_distillation(own, wanted).item() == pytest.approx(sum(huber) / 16, abs=1e-5)
