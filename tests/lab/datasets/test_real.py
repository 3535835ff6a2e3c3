"""The readers on real copies, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sketchseek.lab.datasets import hold_out, open_dataset, read_dataset, split_hash


@pytest.mark.parametrize(
    ("slug", "folder", "expected", "variant"),
    [
        ("chairv2", "qmul-chairv2", (300, 952, 100, 323), "coordinates, 952/323 sketches"),
        ("sketchy-10", "sketchy-10", (800, 4584, 200, 1157), "4,584/1,157 sketches"),
        ("sketchy-125", "sketchy-125", (570, 3084, 0, 0), "3,084 sketches"),
        ("fs2k", "fs2k", (1058, 1058, 1046, 1046), "official split, 1,058/1,046 pairs"),
    ],
)
def test_counts(shared: Path, slug: str, folder: str, expected: tuple[int, ...], variant: str) -> None:
    dataset = open_dataset(f"{slug}:{shared / 'data' / folder}")
    assert tuple(len(p) for s in (dataset.train, dataset.test) for p in (s.photos, s.sketches)) == expected
    assert dataset.variant == variant and dataset.problems == ()
    for split in (dataset.train, dataset.test):
        assert len({p.name for p in split.photos}) == len(split.photos)
        assert len({s.name for s in split.sketches}) == len(split.sketches)
        assert {s.photo for s in split.sketches} == set(range(len(split.photos)))


def test_chairv2(shared: Path) -> None:
    dataset = open_dataset(f"chairv2:{shared / 'data' / 'qmul-chairv2'}")
    assert not {p.name for p in dataset.train.photos} & {p.name for p in dataset.test.photos}
    for sketch in (*dataset.train.sketches, *dataset.test.sketches):
        assert sketch.strokes is not None
        xy = sketch.strokes.points[:, :2] * 256
        assert xy.min() >= 33 - 1e-6 and xy.max() <= 223 + 1e-6
    per_photo = np.bincount([s.photo for s in dataset.train.sketches])
    assert np.median(per_photo) == 3
    # Which photos choose a checkpoint, and what results are filed under, must never change by accident.
    train, validation = hold_out(dataset.train)
    assert (len(train.photos), len(validation.photos)) == (265, 35)
    assert [split_hash(s) for s in (dataset.test, validation)] == ["61e658119ea82108", "21fdf526e17ae5c1"]


def test_the_two_sketchies_share_photos_but_no_validation(shared: Path) -> None:
    ten = open_dataset(f"sketchy-10:{shared / 'data' / 'sketchy-10'}")
    all_categories = open_dataset(f"sketchy-125:{shared / 'data' / 'sketchy-125'}")
    train, _ = hold_out(all_categories.train)
    _, validation = hold_out(ten.train)
    assert {p.name for p in ten.train.photos} & {p.name for p in all_categories.train.photos}
    assert not {p.name for p in train.photos} & {p.name for p in validation.photos}
    assert not {p.name for p in all_categories.train.photos} & {p.name for p in ten.test.photos}


def test_quickdraw(shared: Path) -> None:
    dataset = read_dataset("quickdraw", shared / "data" / "quickdraw")
    assert len({s.category for s in dataset.train.sketches}) == 10 and not dataset.problems
    assert all(s.strokes is not None and len(s.strokes) > 1 for s in dataset.train.sketches)
