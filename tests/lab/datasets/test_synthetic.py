"""The synthetic things as a data set, and making them on first use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sketchseek.errors import InputError
from sketchseek.lab.datasets import open_dataset, split_hash, synthetic

Picture = Callable[[Path], Path]


def test_made_once_and_then_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "THINGS", 6)
    first = open_dataset("synthetic")
    things = (*first.train.photos, *first.test.photos)
    assert {thing.name: thing.category for thing in things}["chair_0000"] == "chair"
    for split in (first.train, first.test):
        assert all(sketch.category == split.photos[sketch.photo].category for sketch in split.sketches)
    assert first.root.is_relative_to(tmp_path) and not first.problems
    photos = [*first.train.photos, *first.test.photos]
    sketches = [*first.train.sketches, *first.test.sketches]
    assert len(photos) == len({p.name for p in photos}) == 6
    assert len(sketches) >= 6 and all(s.strokes is not None and s.drawer for s in sketches)
    for split in (first.train, first.test):
        assert {s.photo for s in split.sketches} == set(range(len(split.photos)))

    def refuse(*args: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(synthetic, "write_dataset", refuse)
    again = open_dataset(f"Synthetic:{first.root}")
    assert split_hash(open_dataset("synthetic").train) == split_hash(first.train) == split_hash(again.train)


def test_another_process_may_be_quicker(monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    def beaten(folder: Path, *args: object, **options: object) -> None:
        picture(folder / "photo" / "mug.jpg")
        (folder / "sketch").mkdir()
        raise InputError(f"{folder}: is there already and not empty")

    monkeypatch.setattr(synthetic, "write_dataset", beaten)
    dataset = open_dataset("synthetic")
    assert len(dataset.train.photos) + len(dataset.test.photos) == 1
