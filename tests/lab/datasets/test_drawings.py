"""Drawings saved in practice, as a data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sketchseek.errors import InputError
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.evaluation.evaluate import default_steps

Write = Callable[[Path], Path]
STROKES = [[[0.2, 0.2, 0, 0.5], [0.8, 0.7, 100, 0.5]], [[0.1, 0.9, 200, 0.5], [0.9, 0.9, 300, 0.5]]]


@pytest.fixture
def album(tmp_path: Path, picture: Write) -> list[dict[str, str]]:
    """Three photos as a gallery lists them; two have one name."""
    names = ("chair.jpg", "a/lamp.jpg", "b/lamp.jpg")
    paths = [picture(tmp_path / "album" / name) for name in names]
    return [{"name": path.name, "path": str(path)} for path in paths]


@pytest.fixture
def practice(tmp_path: Path, album: list[dict[str, str]]) -> Path:
    """Two drawings of the second photo and one of the first."""
    folder = tmp_path / "practice"
    folder.mkdir()
    save_gallery(folder, "ab12", album)
    for number, photo in enumerate((album[1], album[0], album[1])):
        save(folder / f"drawing-{number}.json", photo=photo, gallery="ab12")
    return folder


def save_gallery(folder: Path, digest: str, photos: object) -> None:
    content = {"format": "sketchseek-drawings-gallery", "version": 1, "photos": photos}
    (folder / f"gallery-{digest}.json").write_text(json.dumps(content))


def save(path: Path, strokes: object = STROKES, **more: Any) -> None:
    path.write_text(json.dumps({"format": "sketchseek-sketch", "version": 1, "strokes": strokes} | more))


def test_drawings_are_test_sketches_of_the_gallery_they_were_made_for(
    practice: Path, album: list[dict[str, str]]
) -> None:
    dataset = open_dataset(f"drawings:{practice}")
    assert not dataset.train.photos and not dataset.train.sketches and dataset.problems == ()
    test = dataset.test
    assert [str(photo.path) for photo in test.photos] == [photo["path"] for photo in album]
    assert [photo.name for photo in test.photos] == ["chair.jpg", album[1]["path"], album[2]["path"]]
    assert [(s.name, s.photo) for s in test.sketches] == [("drawing-0", 1), ("drawing-1", 0), ("drawing-2", 1)]
    strokes = test.sketches[0].strokes
    assert strokes is not None and [stroke.tolist() for stroke in strokes.strokes] == STROKES
    assert default_steps(test) == 20


def test_drawings_that_cannot_be_used_are_named_and_left_out(practice: Path, album: list[dict[str, str]]) -> None:
    (practice / "a.json").write_text('{"format": "sketchsee')
    save(practice / "b.json")
    save(practice / "c.json", photo=album[0]["path"], gallery="ab12")
    save(practice / "d.json", photo=album[0], gallery="ab12", strokes=[])
    save(practice / "e.json", photo={"name": "gone.jpg", "path": "/nowhere/gone.jpg"}, gallery="ab12")
    save(practice / "f.json", photo=album[0], gallery="ab12", more=1)
    dataset = open_dataset(f"drawings:{practice}")
    assert len(dataset.test.sketches) == 3
    expected = {"a.json": "JSON", "b.json": "no gallery", "c.json": "which photo", "d.json": "nothing is drawn"}
    for name, why in (expected | {"e.json": "gone.jpg", "f.json": "nothing else"}).items():
        assert sum(f"{name}:" in problem and why in problem for problem in dataset.problems) == 1
    assert len(dataset.problems) == 6


def test_drawings_of_several_galleries_are_refused(practice: Path, album: list[dict[str, str]]) -> None:
    save_gallery(practice, "cd34", album[:1])
    assert len(open_dataset(f"drawings:{practice}").test.photos) == 3  # no drawing is of the second gallery
    save(practice / "other.json", photo=album[0], gallery="cd34")
    with pytest.raises(InputError, match=r"several galleries \(3 of ab12, 1 of cd34\); keep a folder for each"):
        open_dataset(f"drawings:{practice}")


def test_a_folder_without_drawings_or_without_the_list_is_refused(practice: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no saved drawings; serve a gallery with --drawings"):
        open_dataset(f"drawings:{tmp_path / 'empty'}")
    (practice / "gallery-ab12.json").unlink()
    with pytest.raises(InputError, match=r"gallery-ab12.json: no such file"):
        open_dataset(f"drawings:{practice}")


@pytest.mark.parametrize("photos", [[], {}, [{"name": "a"}], ["a.jpg"], 3])
def test_a_damaged_list_is_named(practice: Path, photos: object) -> None:
    save_gallery(practice, "ab12", photos)
    with pytest.raises(InputError, match=r"gallery-ab12.json: not a list of a gallery's photos"):
        open_dataset(f"drawings:{practice}")
