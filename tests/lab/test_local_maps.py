"""LA and DLA: the sizes of their maps, the single-vector form, the loss, and what retrieval does with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.la.objective import triplet_loss
from sketchseek.lab.network import matcher_of
from sketchseek.matching import get_matcher


def tiny(slug: str, **changes: Any) -> Any:
    method = get_method(slug)
    torch.manual_seed(0)
    return method.build(replace(method.config("bench"), size=64, **changes)).eval()


def photos(count: int, size: int = 64) -> Any:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


@pytest.mark.parametrize("slug", ["la", "dla"])
@pytest.mark.parametrize(
    ("preset", "cells", "vector"), [("bench", (14 * 14, 96), 512), ("paper", (16 * 16, 1024), 512)]
)
def test_the_cells_are_those_of_the_map_before_the_last_block(
    slug: str, preset: str, cells: tuple[int, int], vector: int
) -> None:
    method = get_method(slug)
    config = method.config(preset)
    network: Any = method.build(config).eval()
    with torch.no_grad():
        features = network.encode_photo(photos(2, config.size))
        local = network.backbone(network.inputs.photos(photos(2, config.size)))[0]
    assert features["cells"].shape == (2, *cells) and features["vector"].shape == (2, vector)
    torch.testing.assert_close(features["cells"].norm(dim=2), torch.ones(2, cells[0]))
    row, column = 3, 5
    expected = local[1, :, row, column] / local[1, :, row, column].norm()
    torch.testing.assert_close(features["cells"][1, row * config.size // 16 + column], expected)


@pytest.mark.parametrize("slug", ["la", "dla"])
@pytest.mark.parametrize(("row", "margin"), [(None, 0.1), ("chairv2", 0.5)])
def test_the_papers_loss_is_that_of_the_released_scripts(slug: str, row: str | None, margin: float) -> None:
    """In plain numpy: the 2-norm over all 256 cells of a pair, whose violations of the margin are averaged."""
    method = get_method(slug)
    config = method.config("paper", row)
    sketches, photos = np.random.default_rng(1).normal(size=(2, 5, 256, 8))
    sketches = photos + 0.05 * sketches
    sketches, photos = (x / np.linalg.norm(x, axis=2, keepdims=True) for x in (sketches, photos))
    apart = np.linalg.norm(sketches[:, None, :, None] - photos[None, :, None, :], axis=-1)  # [5, 5, 256, 256]
    apart = apart.min(axis=3) if slug == "dla" else apart.diagonal(axis1=2, axis2=3)
    distances = np.sqrt((apart**2).sum(axis=2))
    distances[0, 0] = distances[0, 1] - 0.05  # a violation of either margin
    violations = np.maximum(distances.diagonal()[:, None] - distances + margin, 0) * (1 - np.eye(5))
    expected = (violations.sum(1) / np.maximum((violations > 0).sum(1), 1)).mean()
    assert expected > 0
    matcher = matcher_of(tiny(slug, norm=config.norm))
    cells = [{"cells": torch.from_numpy(x).float()} for x in (sketches, photos)]
    similarity = 16 * matcher.similarity(*cells)  # the root of the sum is 16 times that of the mean
    similarity[0, 0] = similarity[0, 1] + 0.05
    assert triplet_loss(similarity, 16 * config.margin).item() == pytest.approx(expected, rel=1e-4)


def test_densenet_gives_the_map_of_its_third_block() -> None:
    method = get_method("la")
    network: Any = method.build(method.config("paper", "densenet169"))
    assert network.backbone.channels == (1280,) and network.backbone.sides == (16,)


def test_sketch_and_photo_share_the_encoder_and_the_pass() -> None:
    network = tiny("dla")
    ink = photos(3)[..., 0]
    with torch.no_grad():
        sketch, photo = network(ink, (255 - ink)[..., None].expand(-1, -1, -1, 3))
        torch.testing.assert_close(sketch["cells"], photo["cells"])
        torch.testing.assert_close(sketch["cells"], network.encode_sketch(ink)["cells"])


@pytest.mark.slow
def test_fitting_changes_the_single_vector_form_alone_and_says_the_same_each_time() -> None:
    network, again = tiny("la"), tiny("la")
    with torch.no_grad():
        before = network.encode_photo(photos(40))
        network.fit(photos(40).numpy())
        again.fit(photos(40).numpy())
        after = network.encode_photo(photos(40))
        torch.testing.assert_close(after, again.encode_photo(photos(40)), rtol=0, atol=0)
    torch.testing.assert_close(before["cells"], after["cells"], rtol=0, atol=0)
    assert not torch.allclose(before["vector"], after["vector"])
    # Nothing is lost of photos that were fitted, since there are fewer of them than outputs.
    pooled = (network.pooling @ after["cells"]).flatten(1)
    torch.testing.assert_close(torch.pdist(after["vector"]), torch.pdist(pooled), atol=1e-3, rtol=1e-3)


def test_the_loss_is_the_mean_over_the_photos_that_violate_the_margin() -> None:
    similarity = torch.randn(6, 6)
    rows = []
    for i in range(6):
        violations = [0.2 + float(similarity[i, j] - similarity[i, i]) for j in range(6) if j != i]
        violations = [v for v in violations if v > 0]
        rows.append(sum(violations) / max(len(violations), 1))
    assert triplet_loss(similarity, 0.2).item() == pytest.approx(sum(rows) / 6, rel=1e-5)
    assert triplet_loss(torch.eye(4), 0.5).item() == 0


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["la", "dla"])
def test_training_follows_the_distance_of_retrieval(slug: str) -> None:
    """A few steps on one batch bring each sketch nearest to its own photo, by the matcher that retrieval uses."""
    network = tiny(slug).train()
    generator = torch.Generator().manual_seed(3)
    ink = torch.randint(0, 2, (4, 64, 64), generator=generator, dtype=torch.uint8) * 255
    matcher, images = get_matcher(network.matcher), photos(4)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-4)
    losses = []
    for _ in range(6):
        loss = triplet_loss(matcher.similarity(*network(ink, images)), 0.1)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert losses[-1] < losses[0] / 4, losses


def test_only_dla_finds_a_map_that_was_shifted() -> None:
    cells = torch.nn.functional.normalize(torch.randn(1, 16, 8), dim=2)
    shifted = {"cells": cells.roll(1, 1)}
    apart, found = (-get_matcher(name).similarity({"cells": cells}, shifted) for name in ("local", "dynamic-local"))
    assert apart.item() > 0.5 and found.item() < 1e-3


@pytest.mark.parametrize("slug", ["la", "dla"])
def test_every_row_is_a_config(slug: str) -> None:
    method = get_method(slug)
    for row in method.rows:
        assert isinstance(method.config("bench", row), method.config_type)
