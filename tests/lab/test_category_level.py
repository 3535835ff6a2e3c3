"""Measuring by category: which photos are right, what is reported, and what cannot be measured."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_model import make_local_model
from PIL import Image
from safetensors.numpy import load_file, save_file
from served_gallery import known_sketches
from tiny_model import make_tiny_model
from worded_model import OUTLINES, make_worded_gallery

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.gallery import Gallery, ingest
from sketchseek.lab.datasets import Photo, SketchItem, Split
from sketchseek.lab.evaluation import category_level
from sketchseek.lab.measure import evaluate
from sketchseek.lab.results import Result, compare, write_curves
from sketchseek.model import Model
from sketchseek.search.searcher import Searcher
from sketchseek.strokes import Sketch, write_json
from sketchseek.strokes.raster import rasterise

KINDS = ("cat", "hot dog", "car")


def save_photo(path: Path, sketch: Sketch) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.where(rasterise(sketch), 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """A test part of 24 pictures of sketches in Sketchy's categories, eight of each of three, as ``categories``."""
    names = {"cat": "cat", "hot dog": "hotdog", "car": "car_(sedan)"}
    for index, (name, sketch) in enumerate(known_sketches(24).items()):
        save_photo(tmp_path / "photos" / "test" / names[KINDS[index % 3]] / f"{name}.png", sketch)
    (tmp_path / "photos" / "train").mkdir()
    return f"categories:{tmp_path / 'photos'}"


@pytest.fixture
def drawings(tmp_path: Path) -> str:
    """``quickdraw`` drawings: six of each category of ``photos``, equal to six of its photos, and six cows."""
    folder = tmp_path / "drawings"
    folder.mkdir()
    known = list(known_sketches(24).values())
    for number, kind in enumerate((*KINDS, "cow")):
        lines = []
        for key, sketch in enumerate(known[number % 3 :: 3][:6]):
            drawing = [(256 * stroke[:, :2]).T.tolist() for stroke in sketch.strokes]
            lines.append(json.dumps({"key_id": f"{number}{key}", "word": kind, "drawing": drawing}) + "\n")
        (folder / f"{kind}.ndjson").write_text("".join(lines))
    return f"quickdraw:{folder}"


def test_drawings_search_among_the_photos_of_another_data_set(
    photos: str, drawings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    model, report, path = make_tiny_model(tmp_path / "model"), tmp_path / "report", tmp_path / "r" / "tiny.json"
    told = ["evaluate", str(model), "--data", drawings, "--data", photos]
    assert main([*told, "--report", str(report), "--result", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "18 sketches of 3 categories, as framed, 24 photos" in printed and "acc@1" not in printed
    assert "6 of 24 sketches left out" in caplog.text

    result = Result.read(path)
    assert (result.dataset, result.relevant, result.steps) == ("quickdraw+categories", "category", 1)
    assert result.split.queries == 18 and result.ranks.shape == (18, 8)
    assert result.figures["P@1"] is not None and result.figures["P@1"] > 33  # each drawing is one of the photos
    assert result.figures["P@100"] is None and f"{result.figures['mAP@all']:.2f}" in printed
    assert list(result.per_category) == ["car_(sedan)", "cat", "hotdog"]
    assert [found.sketches for found in result.per_category.values()] == [6, 6, 6]
    of_categories = [found.figures["mAP@all"] or 0 for found in result.per_category.values()]
    assert np.mean(of_categories) == pytest.approx(result.figures["mAP@all"])

    for name in ("top.png", "confusion.png"):
        assert Image.open(report / name).size > (300, 300)
    assert not (report / "strips.png").exists() and not (report / "embeddings.png").exists()
    with (report / "categories.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mAP@all"]) for row in rows] == pytest.approx(sorted(of_categories), abs=0.01)
    assert json.loads((report / "evaluation.json").read_text())["per_category"] == result.to_json()["per_category"]


def test_sketches_and_photos_of_a_folder_by_category(tmp_path: Path) -> None:
    for index, (name, sketch) in enumerate(known_sketches(12).items()):
        save_photo(tmp_path / "data" / "test" / "photos" / KINDS[index % 3] / f"{name}.png", sketch)
        drawn = tmp_path / "data" / "test" / "sketches" / KINDS[index % 3] / f"mine {name}.json"
        drawn.parent.mkdir(parents=True, exist_ok=True)
        write_json(sketch, drawn)
    (tmp_path / "data" / "train" / "photos").mkdir(parents=True)
    result = evaluate(make_tiny_model(tmp_path / "model"), f"categories:{tmp_path / 'data'}")
    assert result.figures["P@1"] == 100 and result.split.queries == 12 and result.ranks.shape == (12, 4)


def test_words_ask_by_the_name_of_the_category(tmp_path: Path) -> None:
    """A colour is said and the outline drawn: only words tell the colours apart."""
    make_worded_gallery(tmp_path / "made", names=True)
    for photo in (tmp_path / "made" / "photos").iterdir():
        colour, shape = photo.stem.split("-")
        path = tmp_path / "data" / "test" / "photos" / colour / photo.name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.rename(path)
        drawn = tmp_path / "data" / "test" / "sketches" / colour / f"{shape}.json"
        drawn.parent.mkdir(parents=True, exist_ok=True)
        write_json(OUTLINES[shape], drawn)
    (tmp_path / "data" / "train" / "photos").mkdir(parents=True)
    model, data = tmp_path / "made" / "model", f"categories:{tmp_path / 'data'}"
    found = {query: evaluate(model, data, query=query).figures["P@1"] for query in ("sketch", "words", "both")}
    assert found["words"] == found["both"] == 100 and (found["sketch"] or 0) < 50
    with pytest.raises(InputError, match="does not know 'mauve'"):
        (tmp_path / "data" / "test" / "photos" / "red").rename(tmp_path / "data" / "test" / "photos" / "mauve")
        (tmp_path / "data" / "test" / "sketches" / "red").rename(tmp_path / "data" / "test" / "sketches" / "mauve")
        evaluate(model, data, query="both")


def test_pairs_are_measured_by_category_where_that_is_asked_for(tmp_path: Path) -> None:
    for index, (name, sketch) in enumerate(known_sketches(12).items()):
        kind = KINDS[index % 2]
        save_photo(tmp_path / "data" / "test" / "photo" / kind / f"{name}.png", sketch)
        save_photo(tmp_path / "data" / "test" / "sketch" / kind / f"{name}-1.png", sketch)
    model, data = make_tiny_model(tmp_path / "model"), f"sketchy-10:{tmp_path / 'data'}"
    by_photo, by_category = evaluate(model, data), evaluate(model, data, relevant="category")
    assert by_photo.relevant == "photo" and by_photo.ranks.shape == (12, 1)
    assert by_category.ranks.shape == (12, 6) and by_category.split == by_photo.split
    with pytest.raises(InputError, match="both by category"):
        compare(by_photo, by_category)
    better = compare(by_category, replace(by_category, ranks=by_category.ranks[::-1]))
    assert better.figures["mAP@all"].difference == pytest.approx(0)
    with pytest.raises(InputError, match="complete sketches only"):
        write_curves(tmp_path / "curves.png", [by_category])


def test_a_run_is_measured_by_both_checkpoints(photos: str, drawings: str, siamese_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(siamese_run, run)
    weights = load_file(run / "last.safetensors")
    noise = np.random.default_rng(5)
    for name, values in weights.items():
        if values.ndim == 2:
            weights[name] = noise.normal(size=values.shape).astype(values.dtype)
    save_file(weights, run / "best.safetensors")
    result = evaluate(run, [drawings, photos], report=tmp_path / "report", checkpoints=True)
    assert result.last_epoch is not None and result.last_epoch["mAP@all"] == result.figures["mAP@all"]
    assert result.best_on_validation is not None and result.best_on_validation["mAP@all"] != result.figures["mAP@all"]
    assert (tmp_path / "report" / "confusion.png").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"data": ["drawings"]}, "add a data set that has some"),
        ({"relevant": "photo"}, "24 of 24 sketches have no photo; use --relevant category"),
        ({"steps": 20}, "complete sketches"),
        ({"query": "words"}, "takes no words"),
        ({"models": 2}, "both trained up to 100%"),
        ({"data": ["photos"], "relevant": "category"}, "nothing to evaluate"),
    ],
)
def test_what_cannot_be_measured_by_category_is_said_in_one_line(
    asked: dict[str, Any], message: str, photos: str, drawings: str, tmp_path: Path
) -> None:
    model, data = make_tiny_model(tmp_path / "model"), {"photos": photos, "drawings": drawings}
    names = asked.pop("data", ["drawings", "photos"])
    with pytest.raises(InputError, match=message):
        evaluate([model] * asked.pop("models", 1), [data[name] for name in names], **asked)


def test_sketches_without_a_category_are_refused(pairs_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="12 of 12 sketches have no category"):
        evaluate(make_tiny_model(tmp_path / "model"), f"folder:{pairs_folder}", relevant="category")


def test_a_report_without_matplotlib_is_refused_before_anything_is_ranked(
    photos: str, drawings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="matplotlib"):
        evaluate(tmp_path / "no such model", [drawings, photos], report=tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_the_model_is_looked_at_before_the_data(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model"):
        evaluate(tmp_path / "no such model", f"quickdraw:{tmp_path / 'no such data'}")


@pytest.mark.parametrize("make_model", [make_tiny_model, make_local_model], ids=["exact", "reranked"])
def test_photos_are_ranked_as_a_search_ranks_them(
    make_model: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = 8
    monkeypatch.setattr(category_level, "RERANK", candidates)
    model = Model.load(make_model(tmp_path / "model"))
    paths, sketches = [], []
    for index, (name, sketch) in enumerate(known_sketches(30).items()):
        paths.append(tmp_path / "photos" / f"{name}.png")
        save_photo(paths[-1], sketch)
        sketches.append(SketchItem(name, index, strokes=sketch, category=KINDS[index % 3]))
    pictures = tuple(Photo(path.name, path, KINDS[index % 3]) for index, path in enumerate(paths))
    evaluation = category_level.evaluate_categories(model, Split(pictures, tuple(sketches[:10])))
    with Gallery.create(tmp_path / "gallery", model) as gallery:
        ingest(gallery, paths)
        searcher = Searcher(gallery, rerank=candidates)
        for query, item in enumerate(sketches[:10]):
            found = [hit.path for hit in searcher.search(item.strokes, top=candidates)]
            assert found == [paths[i].resolve() for i in evaluation.nearest[query, 0, :candidates]]
    assert evaluation.ranks.shape == (10, 10) and (evaluation.ranks[:, 1:] > evaluation.ranks[:, :-1]).all()
