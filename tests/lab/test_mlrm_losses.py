"""MLRM's losses against the formulas written out as loops."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor

from sketchseek.lab.methods.mlrm.config import PRESETS
from sketchseek.lab.methods.mlrm.network import PairOutputs
from sketchseek.lab.methods.mlrm.objective import global_triplet, local_triplet, losses, overlap
from sketchseek.matching import get_matcher

CONFIG = PRESETS["bench"]
B, N, C = 4, 3, 5
M, ALPHA, BETA = 0.3, 0.1, 0.1


def regions(seed: int, scale: float = 0.3) -> Tensor:
    return torch.randn(B, N, C, generator=torch.Generator().manual_seed(seed)) * scale


def features(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(B, N, 2, generator=generator)
    return {
        "level1": regions(seed),
        "level2": regions(seed + 100),
        "weights": weights / weights.sum((1, 2), keepdim=True),
        "maps": torch.rand(B, N, 4, 4, generator=generator),
    }


def terms(index: int) -> dict[str, list[float]]:
    """Every local triplet's loss, by its kind of negative."""
    sketches, photos = regions(0), regions(1)
    result: dict[str, list[float]] = {"region": [], "instance": []}
    for b, r, other, s in product(range(B), range(N), range(B), range(N)):
        if (b, r) == (other, s):
            continue
        margin = (1 + math.exp(-index)) * (ALPHA * M if b == other else M)
        positive = float((sketches[b, r] - photos[b, r]).norm())
        negative = float((sketches[b, r] - photos[other, s]).norm())
        result["region" if b == other else "instance"].append(max(0.0, positive - negative + margin))
    return result


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("index", [1, 2, 3])
def test_the_local_triplet_is_one_mean_over_both_kinds_of_negatives(index: int) -> None:
    expected = terms(index)
    assert min(expected["region"]) == 0 < max(expected["region"])
    assert min(expected["instance"]) == 0 < max(expected["instance"])
    found = local_triplet(regions(0), regions(1), index, CONFIG)
    assert float(found) == pytest.approx(mean(expected["region"] + expected["instance"]), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"local_mean": "separate"}, lambda t: mean(t["region"]) + mean(t["instance"])),
        ({"local_region_negatives": False}, lambda t: mean(t["instance"])),
    ],
)
def test_local_options(changes: dict[str, Any], expected: Any) -> None:
    found = local_triplet(regions(0), regions(1), 2, replace(CONFIG, **changes))
    assert float(found) == pytest.approx(expected(terms(2)), rel=1e-5)


def test_equal_regions_have_a_finite_gradient() -> None:
    same = regions(0).requires_grad_()
    local_triplet(same, same.detach(), 1, CONFIG).backward()
    assert same.grad is not None and torch.isfinite(same.grad).all()


def image_distance(sketch: dict[str, Tensor], photo: dict[str, Tensor], i: int, j: int) -> float:
    """Eq. 4."""
    total = 0.0
    for index, r in product(range(2), range(N)):
        name = f"level{index + 1}"
        weight = sketch["weights"][i, r, index] + photo["weights"][j, r, index]
        total += float(weight / 2 * (sketch[name][i, r] - photo[name][j, r]).norm())
    return total


def test_the_global_triplet_compares_images_by_equation_4() -> None:
    s, p, n = features(0), features(1), features(2)
    pairs = [(i, j) for i in range(B) for j in range(B) if i != j]
    instance = mean([max(0.0, image_distance(s, p, i, i) - image_distance(s, p, i, j) + M) for i, j in pairs])
    region = mean([max(0.0, image_distance(s, p, i, i) - image_distance(s, n, i, i) + BETA * M) for i in range(B)])
    matcher = get_matcher("region-weighted")
    assert float(global_triplet(PairOutputs(s, p, None), matcher, M, BETA)) == pytest.approx(instance, rel=1e-4)
    assert float(global_triplet(PairOutputs(s, p, n), matcher, M, BETA)) == pytest.approx(instance + region, rel=1e-4)


def test_overlap_is_what_two_maps_share() -> None:
    maps = torch.zeros(2, 3, 2, 2)
    maps[0, 0, 0, 0] = maps[0, 1, 0, 0] = 0.5  # two maps share a cell
    maps[1, :, 1, 1] = torch.tensor([1.0, 0.5, 0.25])  # all three share one
    lama = [0.5 * 0.5 + 0.5 * 0.5, 1.0 * 0.5 + 0.5 * 1.0 + 0.25 * 1.0]
    assert float(overlap(maps, "lama")) == pytest.approx(sum(lama) / 2 / (3 * 2))
    assert float(overlap(maps, "cama")) == pytest.approx(1.0 * 0.5 * 0.25 / 2 / 3)
    assert float(overlap(maps[:, :1], "lama")) == float(overlap(maps[:, :1], "cama")) == 0


def test_the_loss_is_the_weighted_sum_of_its_parts() -> None:
    config = replace(CONFIG, levels=(1, 2), weight_local=2.0, weight_global=3.0)
    config = replace(config, weight_overlap_sketch=0.5, weight_overlap_photo=0.0)
    encoded = PairOutputs(features(0), features(1), features(2))
    values = losses(config, get_matcher("region-weighted"), encoded)
    assert set(values) == {"loss", "local", "global", "overlap_sketch"}
    expected = 2 * values["local"] + 3 * values["global"] + 0.5 * values["overlap_sketch"]
    assert float(values["loss"]) == pytest.approx(float(expected))
    by_level = [local_triplet(regions(0), regions(1), 1, config), local_triplet(regions(100), regions(101), 2, config)]
    assert float(values["local"]) == pytest.approx(float(sum(by_level)))
