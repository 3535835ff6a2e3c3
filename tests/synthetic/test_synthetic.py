"""Synthetic things: everything about them that training, the demo and the tests rely on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch_json import read_json
from sketchseek.synthetic import Thing, generate, write_dataset
from sketchseek.synthetic.dataset import BUILDERS, generate_with_mask
from sketchseek.synthetic.materials import METALS, PAINTS, WOODS

COLOURS = {*PAINTS, *METALS, *(word for word, _, _ in WOODS.values())}
NOUNS = {
    "sofa": ("sofa", "armchair"),
    "teapot": ("teapot", "kettle"),
}


@pytest.fixture(scope="module")
def some() -> list[tuple[Thing, np.ndarray]]:
    return [generate_with_mask(index, 5) for index in range(36)]


def digest(thing: Thing) -> str:
    whole = hashlib.sha256(thing.photo.tobytes())
    for sketch in thing.sketches:
        for stroke in sketch.strokes:
            whole.update(np.rint(stroke * 1e6).astype("<i8").tobytes())
    whole.update(thing.words.encode())
    return whole.hexdigest()[:16]


def test_the_same_bytes_everywhere() -> None:
    """Update these after a change of the generator, which makes other things of the same seed."""
    assert [digest(generate(index, seed=3)) for index in (0, 1, 3, 7)] == [
        "28ce76642910e08f",
        "8fbdc6e04c1a53b0",
        "2d5f491398fdb721",
        "052a9f1a2fabc6e3",
    ]


def test_a_thing_depends_on_seed_and_index_only() -> None:
    alone, with_one = generate(4, seed=9), generate(4, seed=9, drawers=1)
    assert digest(alone) == digest(generate(4, seed=9))
    assert np.array_equal(alone.sketches[0].points, with_one.sketches[0].points)
    assert len(with_one.sketches) == 1
    assert digest(alone) != digest(generate(4, seed=10))
    assert generate(4, seed=9, drawers=0).sketches == ()


def test_all_categories_appear_with_names_of_their_own(some: list[tuple[Thing, np.ndarray]]) -> None:
    assert {thing.category for thing, _ in some} == set(BUILDERS)
    assert len({thing.name for thing, _ in some}) == len(some)
    assert all(thing.name.rpartition("_")[0] == thing.category for thing, _ in some)
    assert len({digest(thing) for thing, _ in some}) == len(some)


def test_words_say_what_it_is_and_its_colour(some: list[tuple[Thing, np.ndarray]]) -> None:
    for thing, _ in some:
        assert any(noun in thing.words for noun in NOUNS.get(thing.category, (thing.category,))), thing.words
        assert any(colour in thing.words for colour in COLOURS), thing.words
        assert thing.words.startswith(("a ", "an ")) and " a o" not in thing.words


def test_photos_show_the_thing_large_and_whole(some: list[tuple[Thing, np.ndarray]]) -> None:
    for thing, mask in some:
        assert thing.photo.mode == "RGB" and thing.photo.size == (256, 256)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        extent = max(np.ptp(rows), np.ptp(columns)) / 256
        assert 0.55 < extent < 0.9, thing.name
        assert min(rows[0], columns[0]) > 2 and max(rows[-1], columns[-1]) < 253, thing.name
        pixels = np.asarray(thing.photo, dtype=np.float64)
        assert pixels[mask].std() > 5, thing.name


def test_sketches_are_drawings_of_a_person(some: list[tuple[Thing, np.ndarray]]) -> None:
    strokes, points = [], []
    for thing, _ in some:
        assert len(thing.sketches) == 3
        for sketch in thing.sketches:
            strokes.append(len(sketch.strokes))
            points.append(len(sketch))
            x, y, time, pressure = sketch.points.T
            assert x.min() > 0 and x.max() < 1 and y.min() > 0 and y.max() < 1
            assert time[0] == 0 and (np.diff(time) > 0).all() and 1_000 < time[-1] < 90_000
            assert (pressure == 1).all()
        first, second = thing.sketches[:2]
        assert len(first) != len(second) or not np.allclose(first.points, second.points)
    assert min(strokes) >= 2 and max(strokes) <= 24
    assert 7 < np.median(strokes) < 18 and 70 < np.median(points) < 220


def test_sketches_lie_on_the_edges_of_the_thing(some: list[tuple[Thing, np.ndarray]]) -> None:
    """Nearly all ink lies on the thing or close to it, and goes round most of its outline."""
    on_thing, along_outline = [], []
    for thing, mask in some:
        near = spread(mask, 14)
        outline = mask & ~(~spread(~mask, 1) & mask)
        for sketch in thing.sketches:
            ink = rasterise(sketch)
            on_thing.append((ink & near).sum() / ink.sum())
            along_outline.append((outline & spread(ink, 10)).sum() / outline.sum())
    assert min(on_thing) > 0.75 and np.mean(on_thing) > 0.97
    assert min(along_outline) > 0.4 and np.mean(along_outline) > 0.8


def spread(mask: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        wider = mask.copy()
        wider[1:] |= mask[:-1]
        wider[:-1] |= mask[1:]
        wider[:, 1:] |= mask[:, :-1]
        wider[:, :-1] |= mask[:, 1:]
        mask = wider
    return mask


def test_a_data_set_on_disk(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = write_dataset(tmp_path / "made", 3, seed=2, drawers=2, workers=1, progress=lambda *at: seen.append(at))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    things = [generate(index, 2, 2) for index in range(3)]
    assert json.loads((folder / "words.json").read_text()) == {thing.name: thing.words for thing in things}
    for thing in things:
        with Image.open(folder / "photo" / f"{thing.name}.jpg") as photo:
            difference = np.asarray(photo, dtype=int) - np.asarray(thing.photo, dtype=int)
            assert np.abs(difference).mean() < 4
        for drawer, sketch in enumerate(thing.sketches, 1):
            assert np.array_equal(read_json(folder / "sketch" / f"{thing.name}_{drawer}.json").points, sketch.points)
    about = json.loads((folder / "synthetic.json").read_text())
    assert (about["seed"], about["count"], about["drawers"]) == (2, 3, 2) and len(about["generator"]) == 16
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_processes_make_the_same_things_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    one, two = (write_dataset(tmp_path / name, 8, drawers=0, workers=n) for name, n in (("one", 1), ("two", 2)))
    made = [{p.relative_to(root): p.read_bytes() for p in root.rglob("*.jpg")} for root in (one, two)]
    assert len(made[0]) == 8 and made[0] == made[1]


def test_what_is_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is there already and not empty; name a new folder"):
        write_dataset(tmp_path, 1, workers=1)
    with pytest.raises(InputError, match="cannot be written"):
        write_dataset(tmp_path / "mine.txt" / "below", 1, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nothing_is_left_where_it_stops_halfway(tmp_path: Path) -> None:
    def stop(done: int, count: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left on device"):
        write_dataset(tmp_path / "made", 2, workers=1, progress=stop)
    assert not list(tmp_path.iterdir())
