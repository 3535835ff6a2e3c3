"""The order of pairs, the augmentation, schedules, and backbones with their weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch
from tiny_runs import tiny_changes

from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.base import NO_PHOTO, Photo, SketchItem, Split
from sketchseek.lab.experiment import Plan, run_training, with_length_in_pairs
from sketchseek.lab.methods import Method, get_method
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.runs import Minutes
from sketchseek.lab.training.augmentation import augment_pairs
from sketchseek.lab.training.config import BENCH, TrainingConfig
from sketchseek.lab.training.optimizers import one_cycle
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.strokes import ink
from sketchseek.strokes.raster import episode
from sketchseek.strokes.sketch import Sketch


def split_of(folder: Path, categories: list[str], sketches_each: int = 2) -> Split:
    photos, sketches = [], []
    for index, category in enumerate(categories):
        path = folder / f"{index}.png"
        Image.new("RGB", (16, 16), (index, index, index)).save(path)
        photos.append(Photo(f"p{index}", path, category))
        for drawer in range(sketches_each):
            stroke = [[0.2, 0.2], [0.2 + index / 100, 0.3 + drawer / 10]]
            sketches.append(
                SketchItem(f"p{index}_{drawer}", index, strokes=Sketch.from_arrays([stroke]), category=category)
            )
    return Split(tuple(photos), tuple(sketches))


def plain(batch: int, **changes: Any) -> TrainingConfig:
    return replace(BENCH, batch=batch, augmentation="none", **changes)


def test_an_epoch_shows_each_photo_once_with_one_of_its_sketches(tmp_path: Path) -> None:
    pairs = TrainingPairs([split_of(tmp_path, [""] * 24)], 32, plain(8), seed=1)
    epoch = [pairs.at(step).photo.tolist() for step in range(3)]
    assert sorted(photo for batch in epoch for photo in batch) == list(range(24))
    assert epoch != [pairs.at(step).photo.tolist() for step in range(3, 6)]


def test_a_batch_is_a_function_of_seed_and_step(tmp_path: Path) -> None:
    split = split_of(tmp_path, [""] * 20)
    pairs, again, other = (TrainingPairs([split], 32, plain(8), seed=seed) for seed in (1, 1, 2))
    for step in (0, 5, 11):
        assert torch.equal(pairs.at(step).ink, again.at(step).ink)
    assert any(not torch.equal(pairs.at(s).photo, other.at(s).photo) for s in range(3))


def test_every_other_epoch_fills_batches_from_one_category(tmp_path: Path) -> None:
    categories = [c for c in "abcd" for _ in range(8)]
    pairs = TrainingPairs([split_of(tmp_path, categories)], 32, plain(8), seed=0)

    def mixed(step: int) -> int:
        return len({categories[p] for p in pairs.at(step).photo.tolist()})

    assert all(mixed(step) == 1 for step in range(4, 8))
    assert any(mixed(step) > 1 for step in range(4))


def test_rows_of_a_batch_pair_up(tmp_path: Path) -> None:
    pairs = TrainingPairs([split_of(tmp_path, [""] * 12)], 32, plain(4), seed=0)
    batch = pairs.at(1)
    for row, photo in enumerate(batch.photo.tolist()):
        assert (batch.photos[row] == photo).all()  # the photo's grey is its index
        assert any(np.array_equal(batch.ink[row].numpy(), pairs.ink[s]) for s in pairs.sketches_of[photo])


def test_too_few_photos_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 32 photos"):
        TrainingPairs([split_of(tmp_path, [""] * 5)], 32, plain(32), seed=0)


def test_sketch_and_photo_flip_together() -> None:
    ink = torch.zeros(40, 8, 8, dtype=torch.uint8)
    ink[:, :, 0] = 255
    photos = ink[..., None].expand(-1, -1, -1, 3).contiguous()
    torch.manual_seed(0)
    flipped_ink, flipped_photos, _ = augment_pairs("flip", ink, photos)
    assert torch.equal(flipped_ink, flipped_photos[..., 0])
    assert 0 < int((flipped_ink[:, 0, 0] == 0).sum()) < 40


def test_the_papers_epochs_are_epochs_of_the_data_at_hand(tmp_path: Path) -> None:
    """200 epochs of LGRL's stage 1 are as many pairs as there are sketches, 200 times, on ShoeV2 as on ChairV2."""
    (tmp_path / "more").mkdir()
    few, more = split_of(tmp_path, [""] * 8), split_of(tmp_path / "more", [""] * 20)
    alone = replace(more.sketches[0], name="of no photo", photo=NO_PHOTO)
    for splits, photos, sketches in (
        ([few], 8, len(few.sketches)),
        ([few, replace(more, sketches=(*more.sketches, alone))], 28, len(few.sketches) + len(more.sketches)),
    ):
        lgrl = with_length_in_pairs(get_method("lgrl").config("paper"), splits).training
        assert (lgrl.pairs, lgrl.steps) == (200 * sketches, 200 * sketches // 16)
        assert with_length_in_pairs(get_method("la").config("paper"), splits).training.pairs == 100 * photos
        assert with_length_in_pairs(get_method("la").config("bench"), splits).training.pairs == 10_240


@pytest.mark.parametrize("kind", ["none", "flip", "bench", "randaugment", "freehand"])
def test_labels_move_with_their_ink_and_cover_it(kind: str) -> None:
    """Also the grey edges, which interpolation adds to the ink: an edge without a label would not move with it."""
    ink = torch.zeros(8, 64, 64, dtype=torch.uint8)
    ink[:, 20:26, 8:50] = 255
    ink[:, 30:55, 12:18] = 255
    labels = torch.zeros_like(ink)
    labels[:, 20:26, 8:50], labels[:, 30:55, 12:18] = 3, 255
    torch.manual_seed(0)
    moved, _, moved_labels = augment_pairs(kind, ink, torch.zeros(8, 64, 64, 3, dtype=torch.uint8), labels)
    assert moved_labels is not None and moved_labels.dtype == torch.uint8
    assert set(moved_labels.unique().tolist()) == {0, 3, 255}
    assert torch.equal(moved_labels > 0, moved > 0)
    if kind in ("bench", "randaugment", "freehand"):
        assert not torch.equal(moved_labels, labels)
    alone = torch.where(labels == 3, labels, 0)
    moved, _, moved_labels = augment_pairs(kind, ink * (alone > 0), torch.zeros(8, 64, 64, 3), alone)
    assert moved_labels is not None
    assert (moved_labels[moved > 0] == 3).float().mean() > 0.99  # a label of its own stroke


def test_randaugment_applies_two_of_nine_operations_half_of_the_time() -> None:
    """Five of nine move an image, so a drawing stays where it is, but for the flip, with a probability of (13/18)^2;
    photos alone are equalised; and grey comes into a photo.
    """
    count = 600
    ink = torch.zeros(count, 64, 64, dtype=torch.uint8)
    ink[:, 28:36, 30:34] = 200
    photos = ink[..., None].repeat(1, 1, 1, 3) // 2 + 50  # 50 and 150
    torch.manual_seed(0)
    new_ink, new_photos, _ = augment_pairs("randaugment", ink, photos)
    plain = torch.stack([ink, ink.flip(2)]).float()
    kept = (plain - new_ink).abs().amax((2, 3)).amin(0) < 1e-2
    assert abs(float(kept.float().mean()) - (13 / 18) ** 2) < 0.06
    equalized = (new_photos.amax((1, 2, 3)) == 255) & (new_photos.amin((1, 2, 3)) == 0)
    assert abs(float(equalized.float().mean()) - (1 - (1 - 1 / 18) ** 2)) < 0.05
    assert new_ink.max() <= 200 + 1e-3 and new_ink[:, 0].max() < 1e-3
    corners = new_photos[~equalized][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert ((corners - 50).abs() < 1e-2).any() and ((corners - 128).abs() < 1e-2).any()
    assert not kept.equal((new_photos - photos).abs().amax((1, 2, 3)) < 1e-2), "each image is moved by itself"


def test_stroke_augmentation_changes_the_ink_and_not_the_pairing(tmp_path: Path) -> None:
    split = split_of(tmp_path, [""] * 12)
    strokes = [[[0.1, y], [0.9, y + 0.05]] for y in (0.15, 0.4, 0.65, 0.85)]
    split = replace(split, sketches=tuple(replace(s, strokes=Sketch.from_arrays(strokes)) for s in split.sketches))
    as_drawn = TrainingPairs([split], 64, plain(4), seed=0)
    for names in (("disorder",), ("removal",), ("deformation",), ("disorder", "removal", "deformation")):
        changed = TrainingPairs([split], 64, plain(4, stroke_augmentation=names), seed=0)
        batches = [(as_drawn.at(step), changed.at(step)) for step in range(6)]
        assert all(torch.equal(a.photo, b.photo) for a, b in batches)
        assert all(not torch.equal(a.ink, b.ink) for a, b in batches)
        assert all(b.labels is not None and torch.equal(b.labels > 0, b.ink > 0) for _, b in batches)
        again = TrainingPairs([split], 64, plain(4, stroke_augmentation=names), seed=0)
        assert torch.equal(again.at(3).ink, changed.at(3).ink)


def test_labels_come_from_extraction_drawing_or_a_grid(tmp_path: Path) -> None:
    pairs = TrainingPairs([split_of(tmp_path, [""] * 8)], 64, plain(4), seed=0)
    assert pairs.at(0).labels is None
    for kind in ("extracted", "drawn", "grid"):
        pairs.label(kind, 4)
        batch = pairs.at(0)
        assert batch.labels is not None and torch.equal(batch.labels > 0, batch.ink > 0)


def test_the_bench_augmentation_keeps_range_and_leaves_no_seam() -> None:
    torch.manual_seed(0)
    ink, photos, _ = augment_pairs(
        "bench", torch.full((6, 32, 32), 0, dtype=torch.uint8), torch.full((6, 32, 32, 3), 200, dtype=torch.uint8)
    )
    assert ink.max() == 0, "no ink may appear at the border"
    assert photos.min() >= 0 and photos.max() <= 255
    assert photos.flatten(1).std(dim=1).max() < 1, "a plain photo stays plain: its border is continued"


def test_one_cycle_starts_low_peaks_and_ends_at_nothing() -> None:
    rates = [one_cycle(f) for f in np.linspace(0, 1, 101)]
    assert rates[0] == pytest.approx(1 / 25) and max(rates) == pytest.approx(1) and rates[-1] == pytest.approx(0)
    assert np.argmax(rates) == 15


def test_polarity_and_normalisation() -> None:
    ink = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    black = Inputs("black-on-white", "unit").sketches(ink)
    white = Inputs("white-on-black", "unit").sketches(ink)
    assert black[0, 0, 0].tolist() == [1, -1] and white[0, 0, 0].tolist() == [-1, 1]
    grey = Inputs("black-on-white", "imagenet").photos(torch.full((1, 2, 2, 3), 255, dtype=torch.uint8))
    assert grey[0, :, 0, 0].tolist() == pytest.approx(
        [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], abs=1e-4
    )


def drawn_split(folder: Path, count: int) -> Split:
    """Photos with two sketches each, of twenty points or so in three strokes."""
    split = split_of(folder, [""] * count)
    x = np.linspace(0.1, 0.9, 7)
    strokes = [np.stack([x, np.full(7, y)], axis=1) for y in (0.2, 0.5, 0.8)]
    drawn = Sketch.from_arrays(strokes)
    return replace(split, sketches=tuple(replace(s, strokes=drawn) for s in split.sketches))


def test_partial_sketches_are_those_of_an_episode(tmp_path: Path) -> None:
    split = drawn_split(tmp_path, 8)
    drawing = split.sketches[0].strokes
    assert drawing is not None
    frames = episode(drawing, 20)
    for step in (1, 5, 10, 20):
        share = step / 20
        pairs = TrainingPairs([split], 256, plain(8, completion=(share, share)), seed=0)
        for row in pairs.at(3).ink:
            assert np.array_equal(row.numpy() > 0, frames[step - 1])


def test_completeness_is_drawn_anew_for_each_sketch_and_step(tmp_path: Path) -> None:
    split = drawn_split(tmp_path, 16)
    pairs, again = (TrainingPairs([split], 64, plain(8, completion=(0.05, 1.0)), seed=0) for _ in range(2))
    complete = TrainingPairs([split], 64, plain(8), seed=0)
    amounts = [float(row.sum()) for step in range(8) for row in pairs.at(step).ink]
    assert len(set(amounts)) > 15
    for step in range(8):
        assert torch.equal(pairs.at(step).ink, again.at(step).ink)
        assert torch.equal(pairs.at(step).photo, complete.at(step).photo), "the pairs are the same"
        assert bool((pairs.at(step).ink <= complete.at(step).ink).all())


def test_labels_are_cut_with_the_sketch(tmp_path: Path) -> None:
    pairs = TrainingPairs([drawn_split(tmp_path, 8)], 64, plain(4, completion=(0.3, 0.6)), seed=0)
    pairs.label("drawn", 4)
    batch = pairs.at(0)
    assert batch.labels is not None and torch.equal(batch.labels > 0, batch.ink > 0)


def test_sketches_that_are_images_stay_complete_and_wrong_shares_are_refused(tmp_path: Path) -> None:
    split = drawn_split(tmp_path, 8)
    image = tmp_path / "sketch.png"
    Image.new("L", (16, 16), 255).save(image)
    first, *others = split.sketches
    mixed = replace(split, sketches=(replace(first, strokes=None, path=image), *others))
    assert TrainingPairs([mixed], 32, plain(8, completion=(0.5, 0.5)), seed=0).at(0).ink.shape == (8, 32, 32)
    images = replace(split, sketches=tuple(replace(s, strokes=None, path=image) for s in split.sketches))
    with pytest.raises(InputError, match="this data has none"):
        TrainingPairs([images], 32, plain(8, completion=(0.5, 0.5)), seed=0)
    for wrong in ((0.0, 1.0), (0.8, 0.5), (0.5, 1.5), (0.5,)):
        with pytest.raises(InputError, match=r"training\.completion is two shares"):
            TrainingPairs([split], 32, plain(8, completion=wrong), seed=0)


def test_a_run_that_starts_from_a_run_says_so(siamese_run: Path, pairs_folder: Path, tmp_path: Path) -> None:
    method = get_method("siamese")
    changes = {"size": "64", "training.pairs": "0", "training.batch": "8", "taps": "features.18"}
    config = override(method.config("bench"), changes)
    data = [open_dataset(f"folder:{pairs_folder}")]
    first = tmp_path / "siamese"
    shutil.copytree(siamese_run, first)
    document = json.loads((first / "run.json").read_text())
    document |= {"minutes": 3.0, "core_minutes": 6.0, "before": {"minutes": 10.0, "core_minutes": 19.0}}
    (first / "run.json").write_text(json.dumps(document))
    run = run_training(Plan(method, config, "bench", None, 0, str(first), None), data, tmp_path / "run")
    assert run.weights.startswith("backbone of siamese (") and run.weights.endswith("<- random")
    assert run.before == Minutes(13.0, 25.0)
    half = tmp_path / "half"
    shutil.copytree(siamese_run, half)
    document |= {"finished": False}
    (half / "run.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="is not finished"):
        run_training(Plan(method, config, "bench", None, 0, str(half), None), data, tmp_path / "another")


@pytest.mark.slow
# The first trains a classifier that it does not keep, the second has queues that all processes fill.
@pytest.mark.parametrize("slug", ["tcnet", "fvlp"])
def test_two_processes_share_the_steps_and_one_writes(slug: str, pairs_folder: Path, tmp_path: Path) -> None:
    changes = [f"{key}={value}" for key, value in (tiny_changes(slug) | {"training.pairs": "64"}).items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "sketchseek.cli", "train", slug, "--data", f"folder:{pairs_folder}", "--weights", "random"]
    command += [argument for change in changes for argument in ("--set", change)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PATH": ""}  # without a compiler the network is not compiled
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "run")], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("trained in") == 1
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert max(steps) == 4  # of 8 batches of 8 pairs each process took every other one
    assert json.loads((tmp_path / "run" / "run.json").read_text())["finished"]


@pytest.mark.parametrize(("slug", "asked"), [("siamese", False), ("siamese", True), ("slfir", False)])
def test_drawings_that_are_images_are_trained_on_as_they_will_be_searched_by(
    slug: str, asked: bool, pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strokes are recovered where that is asked for, and wherever a method is for partial sketches."""
    seen: list[Split] = []

    class Stop(Exception):
        pass

    def pairs(method: Method, config: Any, splits: list[Split], seed: int) -> None:
        seen.extend(splits)
        raise Stop

    dataset = open_dataset(f"folder:{pairs_folder}")
    drawings = []
    for sketch in dataset.train.sketches:
        assert sketch.strokes is not None
        Image.fromarray(255 - ink(sketch.strokes)).save(tmp_path / f"{sketch.name}.png")
        drawings.append(replace(sketch, strokes=None, path=tmp_path / f"{sketch.name}.png"))
    dataset = replace(dataset, train=replace(dataset.train, sketches=tuple(drawings)))
    monkeypatch.setattr(Method, "pairs", pairs)
    method = get_method(slug)
    plan = Plan(method, method.config("bench"), "bench", None, 0, "random", None, extract_strokes=asked)
    with pytest.raises(Stop):
        run_training(plan, [dataset], tmp_path / "run")
    strokes = {sketch.strokes is not None for sketch in seen[0].sketches}
    assert strokes == {asked or slug == "slfir"}
