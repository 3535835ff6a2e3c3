"""``sketchseek search [SKETCH] [--text WORDS] [--photo FILE] [--gallery DIR] [--top K]``"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Args:
    """Search a gallery by a sketch, by words, by both, or by a photo."""

    sketch: tyro.conf.Positional[Path | None] = None
    """The drawing: our JSON, an SVG, or an image of dark strokes on light paper or the reverse."""
    text: str = ""
    """Words, alone or together with the drawing or the photo; only where the gallery's model takes words. A model that
    knows certain names and no other words says so."""
    weight: float = 0.5
    """The weight of the words, together with a drawing: 0 is the drawing alone, 1 the words alone."""
    as_framed: bool = False
    """The drawing's sheet is the photo's frame; otherwise it may lie anywhere on it, in any size."""
    photo: Path | None = None
    """Find photos like this one, instead of a drawing."""
    gallery: Path | None = None
    """The gallery: a directory, or qdrant+http://HOST:6333/COLLECTION; by default the one `index` fills."""
    top: int = 10
    """How many photos to list."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.ask import absolute, ask
    from sketchseek.cli.output import print_json
    from sketchseek.errors import InputError
    from sketchseek.gallery.places import gallery_dir

    if args.top < 1:
        raise InputError(f"--top {args.top}: must be 1 or more")
    if not 0 <= args.weight <= 1:
        raise InputError(f"--weight {args.weight:g}: must be from 0 (the drawing alone) to 1 (the words alone)")
    if args.sketch is not None and args.photo is not None:
        raise InputError(f"--photo {args.photo}: takes the place of a drawing; leave {args.sketch} out")
    if args.sketch is None and args.photo is None and not args.text.strip():
        raise InputError("search needs a drawing, words (--text) or a photo (--photo)")
    found = ask(
        gallery_dir(args.gallery),
        "search",
        sketch=args.sketch and absolute(args.sketch),
        photo=args.photo and absolute(args.photo),
        text=args.text,
        weight=args.weight,
        top=args.top,
        as_framed=args.as_framed,
    )
    if found["remark"]:
        print(found["remark"], file=sys.stderr)
    if args.json:
        print_json(found["hits"])
        return 0
    for hit in found["hits"]:
        more = f" (+{len(hit['copies'])} copies)" if hit["copies"] else ""
        print(f"{hit['rank']:>4}  {hit['score']:7.4f}  {hit['path']}{' (offline)' if hit['offline'] else ''}{more}")
    return 0
