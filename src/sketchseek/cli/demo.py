"""``sketchseek demo``: a gallery of things drawn by a program, a sketch replayed stroke by stroke, the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sketchseek.errors import InputError

if TYPE_CHECKING:
    from sketchseek.gallery import Gallery
    from sketchseek.search.searcher import Hit, Searcher
    from sketchseek.strokes import Sketch

SEED = 1_000_003  # of the demo's things; no model is trained on them
REPLAYED = 7  # which of them is drawn
TOP = 5


@dataclass(frozen=True)
class Args:
    """Make a gallery of things drawn by a program, find one of them by a sketch, stroke by stroke, and open the page.

    Everything is kept in the user data directory, so a second run starts at once.
    """

    serve: bool = True
    """Serve the page afterwards; --no-serve ends after the replay."""
    photos: int = 300
    """How many photos the gallery has."""
    port: int | None = None
    """The page's port, 8000 by default; 0 takes any free one."""
    json: bool = False
    """Print the replay as JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.gallery import default_gallery_dir
    from sketchseek.search.searcher import Searcher

    if args.photos <= REPLAYED:
        raise InputError(f"--photos {args.photos}: must be more than {REPLAYED}")
    galleries = default_gallery_dir().parent
    things = galleries.parent / "demo"
    _draw_things(things, args.photos)
    photo, sketch = _replayed(things)
    with _index(things / "photos", galleries / "demo") as gallery:
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


def replay(searcher: Searcher, sketch: Sketch) -> Iterator[list[Hit]]:
    """The ranking of the whole gallery after each stroke, through the live session that the page talks to."""
    from sketchseek.search.live import LiveSession

    session = LiveSession()
    for number, stroke in enumerate(sketch.strokes):
        for frame in (
            {"type": "points", "seq": 2 * number, "stroke": number, "points": stroke.tolist()},
            {"type": "end", "seq": 2 * number + 1, "stroke": number},
        ):
            refusal = session.receive(json.dumps(frame))
            if refusal is not None:
                raise RuntimeError(refusal["message"])
        yield searcher.search(session.begin(now=float(number)).sketch, top=len(searcher.gallery))
