"""The synthetic things as a data set, and making them on first use."""

from __future__ import annotations

from pathlib import Path

import pytest

import sketchseek.synthetic
from sketchseek.lab.datasets import open_dataset, split_hash, synthetic


def test_made_once_and_then_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "THINGS", 24)
    first = open_dataset("synthetic")
    assert first.root.is_relative_to(tmp_path) and not first.problems
    photos = [*first.train.photos, *first.test.photos]
    sketches = [*first.train.sketches, *first.test.sketches]
    assert len(photos) == len({p.name for p in photos}) == 24
    assert len(sketches) >= 24 and all(s.strokes is not None and s.drawer for s in sketches)
    for split in (first.train, first.test):
        assert {s.photo for s in split.sketches} == set(range(len(split.photos)))

    def refuse(*args: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(sketchseek.synthetic, "write_dataset", refuse)
    again = open_dataset(f"Synthetic:{first.root}")
    assert split_hash(open_dataset("synthetic").train) == split_hash(first.train) == split_hash(again.train)


def test_nothing_half_made_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path, *args: object, **options: object) -> None:
        (Path(folder) / "photo").mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sketchseek.synthetic, "write_dataset", fail)
    with pytest.raises(OSError, match="No space"):
        open_dataset("synthetic")
    assert list((tmp_path / "xdg-cache" / "sketchseek").iterdir()) == []
