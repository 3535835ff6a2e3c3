"""Sketchseek used from Python, through the public surface alone."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from photos_on_disk import make_photo
from tiny_runs import tiny_changes

import sketchseek as ss

CHAIR = ss.Sketch.from_arrays([[[0.3, 0.2], [0.3, 0.8]], [[0.3, 0.5], [0.7, 0.5], [0.7, 0.8]]])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with five photos."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for index in range(5):
        make_photo(tmp_path / "photos" / f"{index}.png", index)
    return tmp_path


def test_photos_are_found_by_a_drawing(home: Path) -> None:
    ss.save_drawing(CHAIR, "~/chair.json")
    with ss.Gallery.create("~/gallery") as gallery:
        report = ss.ingest(gallery, "~/photos")
        assert (report.added, report.skipped) == (5, ())
    with ss.Gallery.open(str(home / "gallery")) as gallery:
        hits = ss.Searcher(gallery).search(ss.load_drawing("~/chair.json"))
        assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
        assert {hit.path for hit in hits} == set((home / "photos").resolve().iterdir())
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        photo = ss.read_photo(hits[0].path, gallery.model.size)
        assert ss.Searcher(gallery).search_photo(photo, top=1)[0].path == hits[0].path


def test_a_script_may_run_again(home: Path) -> None:
    counts = []
    for photos in (["~/photos/0.png"], [home / "photos"]):
        with ss.Gallery.open_or_create("~/gallery", ss.Model.default().folder) as gallery:
            report = ss.ingest(gallery, photos)
            counts.append((report.added, report.unchanged, len(gallery)))
    assert counts == [(1, 0, 1), (4, 1, 5)]


@pytest.mark.parametrize("name", ["chair.json", "CHAIR.SVG"])
def test_a_saved_drawing_is_loaded_again(tmp_path: Path, name: str) -> None:
    ss.save_drawing(CHAIR, tmp_path / name)
    loaded = ss.load_drawing(tmp_path / name)
    assert isinstance(loaded, ss.Sketch)
    assert loaded.points[:, :2] == pytest.approx(CHAIR.points[:, :2])


def test_bad_input_is_one_line_that_says_what_to_do(home: Path) -> None:
    with pytest.raises(ss.InputError, match=r"chair\.png: a drawing is saved as \.json or \.svg; change the suffix"):
        ss.save_drawing(CHAIR, home / "chair.png")
    with pytest.raises(ss.InputError, match="photos: is there already and not empty; name a new folder"):
        ss.Gallery.create("~/photos")
    with pytest.raises(ss.InputError, match=r"photos: no config\.json in it"):
        ss.Gallery.create("~/gallery", "~/photos")
    with pytest.raises(ss.InputError, match="gallery: no gallery there; make one"):
        ss.Gallery.open("~/gallery")
    assert not (home / "gallery").exists()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("config.json", ss.Model.load),
        ("gallery.json", ss.Gallery.open),
        ("run.json", lambda folder: ss.evaluate(folder, f"folder:{folder}")),
        ("train/words.json", lambda folder: ss.open_dataset(f"folder:{folder}")),
        ("result.json", lambda folder: ss.Result.read(folder / "result.json")),
    ],
)
def test_json_that_is_nested_too_deeply_is_bad_input(
    home: Path, name: str, read: Callable[[Path], object], pairs_folder: Path
) -> None:
    shutil.copytree(pairs_folder, home / "pairs")
    (home / "pairs" / name).write_text("[" * 100_000)
    with pytest.raises(ss.InputError, match=name):
        read(home / "pairs")


def test_where_a_module_is_missing_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "sketchseek.lab.experiment", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ss.InputError, match=r"this needs torch: .*pip install '\.\[train\]'"):
        ss.train("siamese", "folder:photos", tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_that_cannot_be_written_is_bad_input(pairs_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "file").write_text("")
    with pytest.raises(ss.InputError, match=r"run: cannot be written .*; give --out another folder"):
        ss.train(
            "siamese",
            f"folder:{pairs_folder}",
            tmp_path / "file" / "run",
            changes=tiny_changes("siamese"),
            weights="random",
        )


@pytest.mark.slow
def test_a_method_is_trained_measured_compared_and_exported(pairs_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    data, steps = f"folder:{pairs_folder}", []
    run = ss.train(
        "siamese",
        data,
        tmp_path / "run",
        changes=tiny_changes("siamese"),
        weights="random",
        progress=lambda step, total, values: steps.append((step, total)),
    )
    assert run.finished and steps[-1] == (6, 6)
    result = ss.evaluate(tmp_path / "run", ss.open_dataset(data), steps=1)
    assert (result.method, result.split.queries, result.split.gallery) == ("siamese", 12, 12)

    parity = ss.export(str(tmp_path / "run"), tmp_path / "model", card={"about": "a test"})
    assert parity.same_top_10 == 1
    model = ss.Model.load(tmp_path / "model")
    assert model.config["card"]["about"] == "a test" and model.config["card"]["preset"] == "bench"
    exported = ss.evaluate(tmp_path / "model", data, steps=1)
    assert ss.compare(result, exported).figures["acc@1"].verdict == "not told apart"
    with pytest.raises(ss.InputError, match="start and init both say what to start from"):
        ss.train("siamese", data, tmp_path / "other", start=tmp_path / "run", init="weights.pth")
