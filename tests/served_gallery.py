"""A gallery whose photos are pictures of known sketches, and a real server for it on a free port."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
from PIL import Image
from tiny_model import make_tiny_model

from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model, write_model_config
from sketchseek.model.confidence import Confidence
from sketchseek.strokes.raster import rasterise
from sketchseek.strokes.sketch import Sketch

SUFFIXES = (".png", ".jpg", ".webp", ".tif", ".bmp", ".gif")


def known_sketches(count: int = 12) -> dict[str, Sketch]:
    """Sketches of two strokes each that look different to the tiny model, by the stem of their photo's name."""
    random = np.random.default_rng(7)
    sketches = {}
    for number in range(count):
        corners = random.uniform(0.08, 0.92, (2, 4, 2))
        strokes = [_along(stroke, start=600.0 * i) for i, stroke in enumerate(corners)]
        sketches[f"thing-{number:02d}"] = Sketch.from_arrays(strokes)
    return sketches


def make_gallery(folder: Path, count: int = 12, make_model: Callable[[Path], Path] = make_tiny_model) -> Path:
    """Write photos, a tiny model and a gallery of them below ``folder``; returns the gallery's directory."""
    photos = folder / "photos"
    photos.mkdir(parents=True)
    for number, (name, sketch) in enumerate(known_sketches(count).items()):
        picture = Image.fromarray(np.where(rasterise(sketch), 0, 255).astype(np.uint8)).convert("RGB")
        picture.save(photos / f"{name}{SUFFIXES[number % len(SUFFIXES)]}")
    model = Model.load(make_model(folder / "model"))
    with Gallery.create(folder / "gallery", model) as gallery:
        ingest(gallery, [photos])
    return folder / "gallery"


def make_confident_model(folder: Path) -> Path:
    """The tiny model with a confidence that is all but certain where the best photo has a margin."""
    config = json.loads((make_tiny_model(folder) / "config.json").read_text())
    kept = {name: config[name] for name in ("method", "size", "matcher", "features", "card")}
    by_margin_alone = {field.name: 0.0 for field in fields(Confidence)} | {"margin": 3.0}
    write_model_config(folder, kept | {"confidence": by_margin_alone})
    return folder


@contextmanager
def served(gallery: Path, drawings: Path | None = None, watch: bool = False) -> Iterator[str]:
    """The address of a server in a thread of this process."""
    import uvicorn

    from sketchseek.server.app import create_app
    from sketchseek.server.serve import address, listen, server_config

    with listen("127.0.0.1", 0) as listening:
        app = create_app(gallery, drawings_dir=drawings, address=address(listening), watch=watch)
        server = uvicorn.Server(server_config(app))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        try:
            yield address(listening)
        finally:
            server.should_exit = True
            thread.join()


def _along(corners: np.ndarray, start: float) -> np.ndarray:
    """Points every hundredth of the canvas or so along a line through ``corners``, as a pen would give them."""
    ends = np.linspace(0, len(corners) - 1, 50)
    xy = np.stack([np.interp(ends, np.arange(len(corners)), corners[:, axis]) for axis in (0, 1)], axis=1)
    time_and_pressure = np.stack([start + np.arange(50) * 10.0, np.full(50, 0.5)], axis=1)
    return np.concatenate([xy, time_and_pressure], axis=1).round(4)
