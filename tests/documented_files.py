"""The files that the code of the documentation names, small and made up: photos, drawings, data sets, results."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
from coloured_things import WORDS_MODEL
from conftest import REPOSITORY
from PIL import Image, ImageFilter

from sketchseek.strokes import Sketch, load_drawing
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.svg import write_svg

CHAIRS = 24  # of which a third is test


def write_documented_files(folder: Path, pairs: Path) -> None:
    """Write them into ``folder``, which is meant to be home and current directory at once. ``pairs`` is the data set of
    the fixture ``pairs_folder``.
    """
    shutil.copytree(pairs / "test" / "photos", folder / "photos")
    shutil.copytree(pairs, folder / "my-pairs")
    drawing = load_drawing(next((pairs / "test" / "sketches").iterdir()))
    assert isinstance(drawing, Sketch)
    write_svg(drawing, folder / "chair.svg")
    ink = Image.fromarray(np.where(rasterise(drawing), 30, 250).astype(np.uint8))
    paper = ink.resize((512, 512))
    paper.save(folder / "drawing.png")
    _photographed(paper).save(folder / "drawing-on-paper.jpg")
    shutil.copy(next((folder / "photos").iterdir()), folder / "chair.jpg")
    shutil.copytree(WORDS_MODEL, folder / "worded-model")
    _write_chairs(folder / "datasets" / "ChairV2")
    shutil.copytree(REPOSITORY / "results", folder / "results")


def _photographed(paper: Image.Image) -> Image.Image:
    """A sheet on a dark table, in uneven light."""
    table = Image.new("L", (900, 700), 60)
    table.paste(paper, (190, 90))
    light = np.linspace(0.7, 1.0, 900)[None, :]
    grain = np.random.default_rng(0).normal(0, 3, (700, 900))
    pixels = np.asarray(table.filter(ImageFilter.GaussianBlur(1)), dtype=float) * light + grain
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _write_chairs(root: Path) -> None:
    """A copy of QMUL-ChairV2's layout: coordinates beside photos."""
    random = np.random.default_rng(3)
    (root / "photo").mkdir(parents=True)
    drawings = {}
    for number in range(CHAIRS):
        photo = Image.fromarray(random.integers(0, 255, (4, 4, 3), dtype=np.uint8)).resize((64, 64))
        photo.save(root / "photo" / f"chair{number}.png")
        points = np.column_stack([random.uniform(30, 220, (12, 2)), [0, 0, 0, 0, 0, 1] * 2])
        drawings[f"/{'test' if number % 3 == 0 else 'train'}/chair{number}_1"] = points
    (root / "ChairV2_Coordinate").write_bytes(pickle.dumps(drawings, protocol=3))
