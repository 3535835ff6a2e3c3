"""Validation and identity of splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sketchseek.lab.datasets import Photo, SketchItem, Split, hold_out, merge, split_hash


def split_of(names: list[str], sketches_each: int = 2) -> Split:
    photos = tuple(Photo(name, Path(f"{name}.png")) for name in names)
    sketches = tuple(SketchItem(f"{p.name}_{n}", i) for i, p in enumerate(photos) for n in range(sketches_each))
    return Split(photos, sketches)


def test_held_out_photos_are_fixed_for_ever() -> None:
    split = split_of([f"photo{i}" for i in range(40)])
    assert [p.name for p in hold_out(split)[1].photos] == ["photo18", "photo26", "photo30"]
    assert [p.name for p in hold_out(split, seed=1)[1].photos] == ["photo5", "photo16", "photo17", "photo38"]


@given(st.lists(st.text(max_size=8), unique=True, max_size=60), st.integers(0, 5))
def test_hold_out_parts_photos_with_their_sketches(names: list[str], seed: int) -> None:
    split = split_of(names)
    train, validation = hold_out(split, 0.3, seed)
    assert {p.name for p in train.photos} | {p.name for p in validation.photos} == set(names)
    assert len(train.photos) + len(validation.photos) == len(names)
    for part in (train, validation):
        assert len(part.sketches) == 2 * len(part.photos)
        assert all(s.name.rpartition("_")[0] == part.photos[s.photo].name for s in part.sketches)


def test_about_the_fraction_is_held_out() -> None:
    split = split_of([f"photo{i}" for i in range(5000)], 1)
    assert 440 < len(hold_out(split)[1].photos) < 560
    assert 900 < len(hold_out(split, 0.2)[1].photos) < 1100


def test_a_photo_falls_on_the_same_side_in_every_data_set() -> None:
    all_names = [f"n{i}" for i in range(300)]
    _, whole = hold_out(split_of(all_names))
    _, part = hold_out(split_of([f"chair/{name}" for name in all_names[::2]]))
    assert {p.name.rpartition("/")[2] for p in part.photos} == {p.name for p in whole.photos} & set(all_names[::2])


def test_split_hash_tells_captions_apart() -> None:
    one, other = (replace(split_of(["a"]), photos=(Photo("a", Path("a.png"), caption=c),)) for c in ("red", "blue"))
    assert split_hash(one) != split_hash(other)


def test_split_hash_tells_pairs_apart_and_not_places() -> None:
    split = split_of(["a", "b"])
    moved = Split(tuple(Photo(p.name, Path("elsewhere") / p.path) for p in split.photos), split.sketches)
    swapped = Split(split.photos, tuple(SketchItem(s.name, 1 - s.photo) for s in split.sketches))
    assert split_hash(split) == split_hash(moved)
    assert len({split_hash(s) for s in (split, swapped, split_of(["b", "a"]), split_of(["a"]), Split())}) == 5


def test_merge_keeps_the_pairs() -> None:
    both = merge([split_of(["a", "b"]), split_of(["c"])])
    assert [p.name for p in both.photos] == ["a", "b", "c"]
    assert all(s.name.startswith(both.photos[s.photo].name) for s in both.sketches) and len(both.sketches) == 6
