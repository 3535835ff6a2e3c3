"""``sketchseek demo``: index photos of generated objects, replay a sketch of one stroke by stroke, open the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sketchseek.gallery import Gallery
    from sketchseek.search.searcher import Hit, Searcher
    from sketchseek.strokes import Sketch

THINGS = 300
SEED = 7_000  # no model is trained on objects of this seed
REPLAYED = 6  # the number of the object that is drawn, a chair
TOP = 5


@dataclass(frozen=True)
class Args:
    """Make a gallery of 300 generated objects, find one of them by a sketch, stroke by stroke, and open the page.

    Everything is kept in the user data directory, so a second run starts at once.
    """

    serve: bool = True
    """Serve the page afterwards; --no-serve ends after the replay."""
    port: int | None = None
    """The page's port, 8000 by default; 0 takes any free one."""
    json: bool = False
    """Print the replay as JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import reported_progress
    from sketchseek.gallery import default_gallery_dir, ingest
    from sketchseek.search.searcher import Searcher

    galleries = default_gallery_dir().parent
    things = galleries.parent / "demo"
    _make_things(things)
    photo, sketch = _replayed(things)
    with _open_gallery(galleries / "demo") as gallery:
        with reported_progress("indexing") as report:
            ingest(gallery, [things / "photo"], report)
        steps = []
        if not args.json:
            print(f"Drawing {photo.stem}, {len(sketch.strokes)} strokes, among {len(gallery)} photos\n")
            print("stroke  rank  the five closest")
        for stroke, hits in enumerate(replay(Searcher(gallery), sketch), start=1):
            rank = next(hit.rank for hit in hits if hit.name == photo.name)
            names = [Path(hit.name).stem for hit in hits[:TOP]]
            steps.append({"stroke": stroke, "rank": rank, "top": names})
            if not args.json:
                print(f"{stroke:>6}  {rank:>4}  {'  '.join(names)}", flush=True)
        if args.json:
            print_json({"photo": photo.stem, "photos": len(gallery), "steps": steps})
    if not args.serve:
        return 0
    from sketchseek.server.serve import serve_gallery

    if not args.json:
        print()
    return serve_gallery(galleries / "demo", port=args.port)


def _make_things(folder: Path) -> None:
    """Generate the photos and sketches of the demo in ``folder``, unless they are there already."""
    from sketchseek.cli.progress import reported_progress
    from sketchseek.synthetic import write_dataset

    if not folder.is_dir():
        with reported_progress("drawing things") as report:
            write_dataset(folder, THINGS, SEED, drawers=1, progress=report)


def _replayed(things: Path) -> tuple[Path, Sketch]:
    """The photo to be found, and the sketch of it."""
    from sketchseek.strokes import read_json

    (photo,) = (things / "photo").glob(f"*_{REPLAYED:04d}.jpg")
    return photo, read_json(things / "sketch" / f"{photo.stem}_1.json")


def _open_gallery(folder: Path) -> Gallery:
    """Open the demo's gallery; replace it where it is of another model or version."""
    from sketchseek.errors import InputError
    from sketchseek.gallery import Gallery
    from sketchseek.gallery.gallery import is_of_model
    from sketchseek.model import Model

    model = Model.default()
    try:
        is_current = is_of_model(folder, model)
    except InputError:
        is_current = False
    if is_current:
        return Gallery.open(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return Gallery.create(folder, model)


def replay(searcher: Searcher, sketch: Sketch) -> Iterator[list[Hit]]:
    """Yield the ranking of the whole gallery after each stroke, drawn in a live session as the page would."""
    from sketchseek.search.session import LiveSession

    session = LiveSession()
    for number, stroke in enumerate(sketch.strokes):
        for frame in (
            {"type": "points", "seq": 2 * number, "stroke": number, "points": stroke.tolist()},
            {"type": "end", "seq": 2 * number + 1, "stroke": number},
        ):
            refusal = session.receive(json.dumps(frame))
            if refusal is not None:
                raise RuntimeError(refusal["message"])
        yield searcher.search(session.begin(now=float(number)).ink, top=len(searcher.gallery))
