"""Generate things (object, photo, sketches, description) and write them as a data set.

Thing ``i`` of a seed is the same on every machine and in whatever order things are made.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from sketchseek.files import StrPath, as_path, create_folder, explain_write_errors
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import write_json
from sketchseek.synthetic.backdrop import make_backdrop
from sketchseek.synthetic.chairs import chair
from sketchseek.synthetic.clocks import clock
from sketchseek.synthetic.lamps import lamp
from sketchseek.synthetic.outlines import visible_edges
from sketchseek.synthetic.render import Light, aim_camera, photograph, render_view
from sketchseek.synthetic.seating import sofa, stool
from sketchseek.synthetic.sketching import draw, random_style
from sketchseek.synthetic.storage import bookshelf, cabinet
from sketchseek.synthetic.tables import table
from sketchseek.synthetic.thing3d import Thing3D
from sketchseek.synthetic.vessels import mug, teapot, vase

BUILDERS: dict[str, Callable[[np.random.Generator], Thing3D]] = {
    "chair": chair, "lamp": lamp, "table": table, "mug": mug, "stool": stool, "cabinet": cabinet, "sofa": sofa,
    "vase": vase, "teapot": teapot, "bookshelf": bookshelf, "clock": clock,
}  # fmt: skip
_CATEGORY_CYCLE = (
    "chair",
    "lamp",
    "table",
    "mug",
    "stool",
    "cabinet",
    "chair",
    "sofa",
    "vase",
    "teapot",
    "bookshelf",
    "clock",
)
VERSION = 1  # of the file format written by ``write_dataset``


@dataclass(frozen=True, eq=False)
class Thing:
    """A generated object: its photo, sketches of it by different drawers, and a description in words."""

    name: str  # "chair_0004", unique within a seed
    category: str
    photo: Image.Image  # RGB, 256 x 256
    sketches: tuple[Sketch, ...]  # one for each drawer, in the photo's frame
    words: str  # "a tall red chair with a solid back and four straight legs"


def generate(index: int, seed: int = 0, drawers: int = 3) -> Thing:
    """Make thing number ``index`` of a seed, with a sketch by each of ``drawers`` simulated people.

    Photo, words and the sketch of drawer d depend only on (seed, index, d), so more drawers just add sketches.
    """
    thing, _ = generate_with_mask(index, seed, drawers)
    return thing


def generate_with_mask(index: int, seed: int = 0, drawers: int = 3) -> tuple[Thing, np.ndarray]:
    """Like ``generate``; also returns a mask of the object in the photo, bool ``[256, 256]``."""
    category = _CATEGORY_CYCLE[index % len(_CATEGORY_CYCLE)]
    rng = np.random.default_rng([seed, index])
    built = BUILDERS[category](rng)
    solid = built.solid()
    camera = aim_camera(
        solid,
        azimuth=float(rng.uniform(*built.azimuth)),
        elevation=float(rng.uniform(*built.elevation)),
        distance=float(rng.uniform(2.2, 4.5)),
        fill=float(rng.uniform(0.66, 0.82)),
        shift=rng.uniform(-0.025, 0.025, 2),
    )
    view, seen = render_view(solid, camera)
    extent = np.ptp(solid.corners.reshape(-1, 3), axis=0)
    backdrop = make_backdrop(rng, camera, float(np.sqrt((extent * extent).sum())), built.tabletop)
    tint = backdrop.reshape(-1, 3).mean(axis=0)
    # The light comes from the left or right, above and in front of the object as the camera sees it.
    side = float(rng.choice([-1, 1])) * rng.uniform(0.35, 0.9)
    forward = camera.position / np.sqrt((camera.position**2).sum())
    toward = camera.right * side + forward * rng.uniform(0.35, 0.8) + np.array([0.0, rng.uniform(0.8, 1.4), 0.0])
    light = Light((float(toward[0]), float(toward[1]), float(toward[2])), key=float(rng.uniform(0.62, 0.85)),
                  ambient=float(rng.uniform(0.42, 0.58)), warmth=float(rng.uniform(-0.4, 1.0)))  # fmt: skip
    photo = photograph(solid, seen, view, tuple(built.materials), light, backdrop, tint / max(float(tint.max()), 1e-6))
    chains = visible_edges(seen, view)
    sketches = []
    for drawer in range(drawers):
        own = np.random.default_rng([seed, index, drawer + 1])
        sketches.append(draw(own, chains, random_style(own)))
    thing = Thing(f"{category}_{index:04d}", category, photo, tuple(sketches), built.words)
    return thing, view.mask[::2, ::2]


def things(count: int, seed: int = 0, drawers: int = 3, workers: int | None = None) -> Iterator[Thing]:
    """Yield things 0 to ``count`` - 1 in order, made by ``workers`` processes (None: as many as processors).

    The processes are spawned, so a script must call this below ``if __name__ == "__main__":``.
    """
    workers = workers or os.cpu_count() or 1
    make = partial(generate, seed=seed, drawers=drawers)
    if workers == 1 or count < 8:
        yield from map(make, range(count))
        return
    # spawn, because forking a process that has threads (torch, onnxruntime) may hang.
    with ProcessPoolExecutor(min(workers, count), mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(make, range(count), chunksize=4)


def write_dataset(folder: StrPath, count: int, seed: int = 0, drawers: int = 3,
                  workers: int | None = None, progress: Callable[[int, int], None] | None = None) -> Path:  # fmt: skip
    """Write ``photo/<name>.jpg``, ``sketch/<name>_<drawer>.json`` (drawers from 1), ``words.json``, ``synthetic.json``.

    ``folder`` must not exist, or be empty. It appears only once it is complete. ``progress(done, count)`` is called
    after each thing. Returns the folder. Raises InputError if it cannot be written.
    """
    folder = as_path(folder)
    with explain_write_errors(folder, "choose another folder"), create_folder(folder) as target:
        (target / "photo").mkdir()
        (target / "sketch").mkdir()
        words = {}
        for done, thing in enumerate(things(count, seed, drawers, workers), 1):
            thing.photo.save(target / "photo" / f"{thing.name}.jpg", quality=93)
            for drawer, sketch in enumerate(thing.sketches, 1):
                write_json(sketch, target / "sketch" / f"{thing.name}_{drawer}.json")
            words[thing.name] = thing.words
            if progress:
                progress(done, count)
        (target / "words.json").write_text(json.dumps(words, indent=1) + "\n", encoding="utf-8")
        about = {"format": "sketchseek-synthetic", "version": VERSION, "generator": generator_hash(), "seed": seed,
                 "count": count, "drawers": drawers}  # fmt: skip
        (target / "synthetic.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return folder


def generator_hash() -> str:
    """A hash (16 hex digits) of this package's source code, to recognise data sets made by another version."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
