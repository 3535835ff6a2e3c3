"""Seek: the weights of cells, the two features, the losses, and what training by category shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch

from sketchseek.errors import InputError
from sketchseek.lab.datasets import Dataset, merge
from sketchseek.lab.datasets.base import NO_PHOTO, Photo, SketchItem, Split
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.seek.network import ink_weights
from sketchseek.lab.methods.seek.objective import MixedBatch, category_loss, losses, pair_loss, phases
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.strokes import Sketch

KINDS = ("cup", "hot dog", "sea turtle", "zebra")  # "hotdog" and "sea_turtle" in Sketchy


def config(**changes: Any) -> Any:
    return replace(get_method("seek").config("bench"), size=64, small_size=64, **changes)


def network(**changes: Any) -> Any:
    torch.manual_seed(0)
    return get_method("seek").build(config(**changes))


def images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ink = torch.zeros(count, 64, 64)
    ink[:, 8:40, 16:20] = 255
    return ink, torch.randint(0, 256, (count, 64, 64, 3), generator=generator).float()


def test_a_cell_counts_by_its_ink_and_a_thick_pen_changes_nothing() -> None:
    ink = torch.zeros(3, 64, 64)
    ink[0, :, 4:7] = 255  # a line down the first column of cells
    ink[1, :, 2:12] = 255
    weights = ink_weights(ink, 4)
    down = torch.tensor([0.25, 0, 0, 0]).repeat(4)
    torch.testing.assert_close(weights[0], down)
    torch.testing.assert_close(weights[1], down)
    assert (weights[2] == 0).all()  # an empty sheet


def test_the_map_of_a_photo_is_pooled_to_its_grid_and_that_of_a_sketch_is_not() -> None:
    encoder = network(grid=3).eval()
    ink, photos = images(2)
    with torch.no_grad():
        cells = encoder.encode_photo(photos)["cells"]
        whole = network(grid=4).eval().encode_photo(photos)["cells"].view(2, 4, 4, 32)
        assert encoder.encode_sketch(ink)["cells"].shape == (2, 16, 32)
    corner = torch.nn.functional.normalize(whole[:, :2, :2].mean(dim=(1, 2)), dim=1)
    assert cells.shape == (2, 9, 32)
    torch.testing.assert_close(cells[:, 0], corner)
    torch.testing.assert_close(cells.norm(dim=2), torch.ones(2, 9))


def test_features_are_of_unit_length_and_only_sketches_have_ink() -> None:
    encoder = network().eval()
    ink, photos = images(2)
    with torch.no_grad():
        sketch, photo = encoder.encode_sketch(ink), encoder.encode_photo(photos)
    assert set(sketch) == {"global", "cells", "coverage"} and set(photo) == {"global", "cells"}
    assert sketch["cells"].shape == photo["cells"].shape == (2, 16, 32) and photo["global"].shape == (2, 256)
    for features in (sketch, photo):
        for name in ("global", "cells"):
            torch.testing.assert_close(features[name].norm(dim=-1), torch.ones(features[name].shape[:-1]))
    torch.testing.assert_close(sketch["coverage"].sum(dim=1), torch.ones(2))


def test_folding_leaves_no_batch_norm_and_changes_no_feature() -> None:
    plain, folded = network().eval(), network(fold=True).eval()
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    _, photos = images(2)
    with torch.no_grad():
        for name, values in plain.encode_photo(photos).items():
            torch.testing.assert_close(folded.encode_photo(photos)[name], values, atol=1e-4, rtol=1e-4)


def test_frozen_layers_get_no_gradient() -> None:
    trained = network(frozen=("features.0.", "features.1."))
    sketches, photos = trained(*images(2))
    (sketches["global"].sum() + photos["cells"].sum()).backward()
    for name, parameter in trained.backbone.network.named_parameters():
        assert (parameter.grad is None) == name.startswith(("features.0.", "features.1.")), name


def test_the_pair_loss_is_the_cross_entropy_both_ways() -> None:
    similarity = torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.8, 0.4], [0.3, 0.3, 0.3]])
    by_hand = 0.0
    for row, column, among in ((0, 0, 3), (1, 1, 3)):  # sketches of pairs against all photos
        by_hand -= torch.log_softmax(similarity[row, :among] / 0.1, 0)[column].item() / 4
    for column in (0, 1):  # photos of pairs against the sketches of pairs
        by_hand -= torch.log_softmax(similarity[:2, column] / 0.1, 0)[column].item() / 4
    assert pair_loss(similarity, 2, 0.1).item() == pytest.approx(by_hand, rel=1e-5)


def test_the_category_loss_wants_all_photos_of_the_category_and_skips_what_has_none() -> None:
    settings = config(category_temperature=1.0)
    similarity = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    of_photos = torch.tensor([3, -1, 3])
    expected = -torch.log_softmax(similarity[0], 0)[[0, 2]].mean()
    for unknown in (7, -1):  # a category without a photo in the batch; none
        loss = category_loss(similarity, torch.tensor([3, unknown]), of_photos, settings)
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert category_loss(similarity, torch.tensor([7, -1]), of_photos, settings).item() == 0


def things(folder: Path) -> Split:
    """Three photos of each kind; the first two have a sketch; three drawings of each kind belong to no photo."""
    photos, sketches = [], []
    line = Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.7]]])
    for kind in KINDS:
        for number in range(3):
            path = folder / f"{kind}-{number}.png"
            Image.new("RGB", (64, 64), (40 * number, 90, 200)).save(path)
            photos.append(Photo(path.stem, path, kind.replace(" ", "_").replace("hot_dog", "hotdog")))
            if number < 2:
                sketches.append(
                    SketchItem(f"{path.stem}-1", len(photos) - 1, strokes=line, category=photos[-1].category)
                )
            sketches.append(SketchItem(f"{kind}/{number}", NO_PHOTO, strokes=line, category=kind))
    return Split(tuple(photos), tuple(sketches))


def training_pairs(folder: Path, **changes: Any) -> TrainingPairs:
    training = replace(config().training, pairs=8, batch=4, precision="fp32", augmentation="freehand")
    return TrainingPairs([things(folder)], 64, replace(training, **changes), 0)


def test_categories_are_joined_by_name_and_unpaired_drawings_are_in_no_pair(tmp_path: Path) -> None:
    pairs = training_pairs(tmp_path)
    assert pairs.categories == ["cup", "hotdog", "sea_turtle", "zebra"]
    assert len(pairs.drawn) == 8 and NO_PHOTO not in pairs.sketches_of
    batch = pairs.by_category(0, 3, 5)
    assert batch.ink.shape == (8, 64, 64) and batch.photos.shape == (3, 64, 64, 3)
    assert batch.of_sketches[:3].tolist() == batch.of_photos.tolist() and len(set(batch.of_photos.tolist())) == 3
    with pytest.raises(InputError, match="needs 5 categories with drawings and photos, this data has 4"):
        pairs.by_category(0, 5, 0)


def test_merging_keeps_drawings_without_a_photo(tmp_path: Path) -> None:
    split = things(tmp_path)
    twice = merge([split, split])
    assert [s.photo for s in twice.sketches].count(NO_PHOTO) == 24
    assert Dataset("things", tmp_path, split, Split()).train.sketches[1].photo == NO_PHOTO


@pytest.mark.slow
def test_a_step_learns_from_pairs_and_from_categories(tmp_path: Path) -> None:
    pairs = training_pairs(tmp_path)
    settings = config(categories=3, drawings=2, category_weight=0.7, training=pairs.training)
    trained = network(categories=3)
    (phase,) = phases(settings, trained, pairs)
    seen = []
    for step in range(8):
        torch.manual_seed(0)
        values = phase.loss(trained, phase.batch(0, torch.device("cpu")), step / 8)
        seen.append(float(values["loss"].detach()))
        values["loss"].backward()
        for optimizer in phase.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
    assert {"loss", "pairs", "categories", "classes"} == set(values)
    assert seen[-1] < seen[0] * 0.9


def test_images_are_small_at_first(tmp_path: Path) -> None:
    pairs = training_pairs(tmp_path)
    settings = replace(config(small_share=0.5), small_size=32, training=pairs.training)
    (phase,) = phases(settings, network(), pairs)
    seen = []

    def trained(ink: torch.Tensor, photos: torch.Tensor) -> Any:
        seen.append((ink.shape[1:], photos.shape[1:]))
        generator = torch.Generator().manual_seed(0)
        of = {"global": torch.randn(4, 8, generator=generator), "cells": torch.randn(4, 4, 8, generator=generator)}
        return of | {"coverage": torch.full((4, 4), 0.25)}, of

    batch = phase.batch(0, torch.device("cpu"))
    for fraction in (0.4, 0.6):
        phase.loss(trained, batch, fraction)  # type: ignore[arg-type]
    assert seen == [((32, 32), (32, 32, 3)), ((64, 64), (64, 64, 3))]


def test_without_categories_only_pairs_count() -> None:
    generator = torch.Generator().manual_seed(0)
    features = {"global": torch.randn(4, 8, generator=generator), "cells": torch.randn(4, 4, 8, generator=generator)}
    unknown = torch.full((4,), -1)
    batch = MixedBatch(4, torch.zeros(4, 64, 64), torch.zeros(4, 64, 64, 3), unknown, unknown)
    values = losses(config(), batch, features | {"coverage": torch.full((4, 4), 0.25)}, features)
    assert set(values) == {"loss"} and values["loss"] > 0
    assert np.isfinite(float(values["loss"]))
