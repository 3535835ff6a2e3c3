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
from sketchseek.lab.methods.seek.batches import SeekPairs
from sketchseek.lab.methods.seek.network import KIND_WEIGHT, NAMED_TEMPERATURE, ink_weights
from sketchseek.lab.methods.seek.objective import MixedBatch, category_loss, losses, pair_loss, phases
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
    across = np.linspace(0.2, 0.8, 9)
    line = Sketch.from_arrays([np.stack([across, np.full(9, y)], axis=1) for y in (0.2, 0.4, 0.6, 0.8)])
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


def training_pairs(folder: Path, **changes: Any) -> SeekPairs:
    training = replace(config().training, pairs=8, batch=4, precision="fp32", augmentation="freehand")
    return SeekPairs([things(folder)], config(training=training, **changes), 0)


def test_categories_are_joined_by_name_and_unpaired_drawings_are_in_no_pair(tmp_path: Path) -> None:
    pairs = training_pairs(tmp_path)
    assert pairs.categories == ["cup", "hotdog", "sea_turtle", "zebra"]
    assert len(pairs.drawn) == 8 and NO_PHOTO not in pairs.sketches_of
    batch = pairs.by_category(0, 3, 5)
    assert batch.ink.shape == (8, 64, 64) and batch.photos.shape == (3, 64, 64, 3)
    assert batch.of_sketches[:3].tolist() == batch.of_photos.tolist() and len(set(batch.of_photos.tolist())) == 3
    assert pairs.category_of_photo[batch.photo.numpy()].tolist() == batch.of_photos.tolist()
    with pytest.raises(InputError, match="needs 5 categories with drawings and photos, this data has 4"):
        pairs.by_category(0, 5, 0)


def test_merging_keeps_drawings_without_a_photo(tmp_path: Path) -> None:
    split = things(tmp_path)
    twice = merge([split, split])
    assert [s.photo for s in twice.sketches].count(NO_PHOTO) == 24
    assert Dataset("things", tmp_path, split, Split()).train.sketches[1].photo == NO_PHOTO


KINDS_TOO = {
    "kinds": 32,
    "recogniser": "timm/tf_efficientnet_lite0",
    "recogniser_tap": "bn2",
    "recognised": 6,
    "categories": 3,
    "drawings": 2,
    "category_weight": 0.7,
}


@pytest.mark.slow
def test_a_step_learns_from_pairs_from_categories_and_from_the_recogniser(tmp_path: Path) -> None:
    pairs = training_pairs(tmp_path)
    settings = config(training=pairs.training, **KINDS_TOO)
    trained = network(**KINDS_TOO)
    (phase,) = phases(settings, trained, pairs)
    assert trained.names.names[:5] == [*pairs.categories, "n01440764"] and len(trained.names.vectors) == 4 + 1000
    seen = []
    for step in range(8):
        torch.manual_seed(0)
        values = phase.loss(trained, phase.batch(0, torch.device("cpu")), step / 8)
        seen.append(float(values["loss"].detach()))
        values["loss"].backward()
        for optimizer in phase.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
    assert {"loss", "pairs", "categories", "named", "classes"} == set(values)
    assert seen[-1] < seen[0] * 0.9
    assert all(p.grad is None and not p.requires_grad for p in trained.recogniser.parameters())


def test_half_of_the_vector_tells_the_kind_which_a_photo_has_from_the_recogniser() -> None:
    encoder = network(**KINDS_TOO).eval()
    encoder.names.begin(["ant", "cup", "zebra"])
    ink, photos = images(2)
    with torch.no_grad():
        sketch, photo = encoder.encode_sketch(ink)["global"], encoder.encode_photo(photos)["global"]
        features = encoder.recogniser(encoder.inputs.photos(photos))
        kind = torch.nn.functional.normalize(encoder.kind_of_photo(features), dim=1)
        names = torch.nn.functional.normalize(encoder.names.vectors, dim=1)
        likely = (kind @ names.T / NAMED_TEMPERATURE).exp()
        of_names = torch.nn.functional.normalize(likely @ names, dim=1)
    for vectors in (sketch, photo):
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(photo[:, -32:], of_names * (KIND_WEIGHT / (1 + KIND_WEIGHT)) ** 0.5)
    assert encoder.matcher_parameters["global_weight"] == 1 + KIND_WEIGHT
    assert encoder.train().recogniser.training is False


def test_names_keep_their_vectors_and_are_saved_with_the_weights() -> None:
    first, second = network(**KINDS_TOO), network(**KINDS_TOO)
    first.names.begin(["cup", "zebra"])
    cup = first.names.vectors[0].detach().clone()
    first.names.begin(["ant", "cup", "zebra"])
    torch.testing.assert_close(first.names.vectors[1].detach(), cup)
    second.load_state_dict(first.state_dict())
    assert second.names.names == ["ant", "cup", "zebra"]
    torch.testing.assert_close(second.names.vectors, first.names.vectors)


def test_batches_have_the_data_sets_in_their_shares(tmp_path: Path) -> None:
    splits = []
    for name, count in (("one", 6), ("two", 9)):
        (tmp_path / name).mkdir()
        photos, sketches = [], []
        for number in range(count):
            path = tmp_path / name / f"{number}.png"
            Image.new("RGB", (64, 64), (20 * number, 90, 200)).save(path)
            photos.append(Photo(f"{name}-{number}", path, "cup" if number < 5 else "zebra"))
            line = Sketch.from_arrays([[[0.2, 0.2], [0.8, 0.7]]])
            sketches.append(SketchItem(f"{name}-{number}-1", number, strokes=line))
        splits.append(Split(tuple(photos), tuple(sketches)))
    training = replace(config().training, batch=4, augmentation="none")
    pairs = SeekPairs(splits, config(batches=((0.5, 0), (0.2, 1)), training=training), 0)
    seen = [(step, sorted(pairs.at(step).photo.tolist())) for step in range(200)]
    alone = [photos for _, photos in seen if max(photos) < 6]
    assert 70 < len(alone) < 130  # half of the batches; only the cups of the first can fill one
    assert all(max(photos) < 5 for photos in alone)
    assert all(min(photos) >= 6 for _, photos in seen if max(photos) >= 6)
    assert seen[7] == (7, sorted(pairs.at(7).photo.tolist()))
    with pytest.raises(InputError, match="batches are for 1 data sets and 2 are given"):
        SeekPairs(splits, config(batches=((1, 0),), training=training), 0)
    with pytest.raises(InputError, match="no category of data set 1 has 6 photos"):
        SeekPairs(splits, config(batches=((1, 0), (0, 0)), training=replace(training, batch=6)), 0)


def test_sketches_are_drawn_anew_with_less_and_shakier_ink(tmp_path: Path) -> None:
    pairs, varied = training_pairs(tmp_path), training_pairs(tmp_path, redrawn=True)
    sketch = np.zeros(200, dtype=np.intp)
    plain = pairs._ink_of(sketch, np.random.default_rng(0))
    again = varied._ink_of(sketch, np.random.default_rng(0))
    changed = (plain != again).any(axis=(1, 2))
    assert 0.35 < changed.mean() < 0.75 and (again.max(axis=(1, 2)) > 0).all()
    assert (again.sum(axis=(1, 2)) < 0.9 * plain.sum(axis=(1, 2))).mean() > 0.1
    assert (plain == varied.ink[0]).all()


def test_images_are_small_at_first(tmp_path: Path) -> None:
    pairs = training_pairs(tmp_path)
    settings = replace(config(small_share=0.5), small_size=32, training=pairs.training)
    (phase,) = phases(settings, network(), pairs)
    seen = []

    def trained(ink: torch.Tensor, photos: torch.Tensor, recognised: None) -> Any:
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
    assert set(values) == {"loss", "pairs"} and values["loss"] == values["pairs"] > 0
    assert np.isfinite(float(values["loss"]))
