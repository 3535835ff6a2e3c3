"""Things all in one colour each: it takes the drawing and the colour's name to tell one from all others.

``python tests/coloured_things.py DIR`` writes what the frozen model ``WORDS_MODEL`` was trained on; its card has the
commands that made it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import write_json
from sketchseek.synthetic import Thing, dataset, generate
from sketchseek.synthetic.materials import PAINTS
from sketchseek.synthetic.thing3d import Thing3D

WORDS_MODEL = Path(__file__).parent / "words-model"
KINDS = {"chair": 0, "lamp": 1, "table": 2, "mug": 3, "sofa": 7, "teapot": 9}  # the number of one of each
COLOURS = ("red", "green", "blue", "yellow")
SEED = 7_000  # the model was trained on things of another one
TRAINED_COLOURS = (*COLOURS, "purple", "orange", "black", "white")
TRAINED_THINGS = 960
TRAINED_SEED = 1


def make_coloured_gallery(folder: Path) -> tuple[Path, dict[str, Sketch]]:
    """A gallery, whose directory is returned, of the frozen model and a thing of each kind in each colour,
    ``red-chair.png`` and so on; and a drawing of each kind.
    """
    photos = folder / "photos"
    photos.mkdir(parents=True)
    sketches = {}
    for kind, number in KINDS.items():
        for colour in COLOURS:
            thing = painted(number, SEED, kind, colour, drawers=1)
            thing.photo.save(photos / f"{colour}-{kind}.png")
            sketches[kind] = thing.sketches[0]
    with Gallery.create(folder / "gallery", Model.load(WORDS_MODEL)) as gallery:
        ingest(gallery, [photos])
    return folder / "gallery", sketches


def painted(number: int, seed: int, kind: str, colour: str, drawers: int) -> Thing:
    """Thing ``number`` of a seed, which is of that ``kind``, with all its parts in one colour."""
    build = dataset.BUILDERS[kind]

    def in_one_colour(rng: np.random.Generator) -> Thing3D:
        thing = build(rng)
        paint = PAINTS[colour]
        thing.materials[:] = [
            replace(material, kind="paint", pattern="plain", colour=paint, second=paint) for material in thing.materials
        ]
        return thing

    dataset.BUILDERS[kind] = in_one_colour
    try:
        return generate(number, seed, drawers)
    finally:
        dataset.BUILDERS[kind] = build


def write_pairs(folder: Path) -> None:
    """Photos, two drawings of each and words ("a red chair") as a data set ``folder:DIR``."""
    (folder / "photos").mkdir(parents=True)
    (folder / "sketches").mkdir()
    words = {}
    for number in range(TRAINED_THINGS):
        kind = generate(number, TRAINED_SEED, drawers=0).category
        colour = str(np.random.default_rng([TRAINED_SEED, number]).choice(TRAINED_COLOURS))
        thing = painted(number, TRAINED_SEED, kind, colour, drawers=2)
        name = f"{kind}{number:04d}"
        thing.photo.save(folder / "photos" / f"{name}.jpg", quality=93)
        for drawer, sketch in enumerate(thing.sketches):
            write_json(sketch, folder / "sketches" / f"{name}_{drawer}.json")
        words[name] = f"a {colour} {kind}"
    (folder / "words.json").write_text(json.dumps(words, indent=0) + "\n")


if __name__ == "__main__":
    write_pairs(Path(sys.argv[1]))
