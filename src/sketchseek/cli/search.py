"""``sketchseek search SKETCH [--gallery DIR] [--top K]``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Args:
    """Find the photos of a gallery that a sketch depicts."""

    sketch: tyro.conf.Positional[Path]
    """The drawing: our JSON, an SVG, or an image of dark strokes on light paper or the reverse."""
    gallery: Path | None = None
    """The gallery directory; by default the one that `sketchseek index` fills."""
    top: int = 10
    """How many photos to list."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.errors import InputError
    from sketchseek.gallery import Gallery, default_gallery_dir
    from sketchseek.search.searcher import Searcher
    from sketchseek.strokes import load_drawing

    if args.top < 1:
        raise InputError(f"--top {args.top}: must be 1 or more")
    drawing = load_drawing(args.sketch)
    with Gallery.open(args.gallery or default_gallery_dir()) as gallery:
        hits = Searcher(gallery).search(drawing, args.top)
    if args.json:
        print_json([{**vars(hit), "path": str(hit.path)} for hit in hits])
        return 0
    for hit in hits:
        print(f"{hit.rank:>4}  {hit.score:7.4f}  {hit.path}")
    return 0
