"""``sketchseek remove PATH ... [--gallery DIR]``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Args:
    """Remove photos from a gallery: those at or below some paths. The files stay on the disk.

    What lies inside a folder that is followed is left out from then on, until it is indexed by name.
    """

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Photos and folders."""
    gallery: Path | None = None
    """The gallery: a directory, or qdrant+http://HOST:6333/COLLECTION; by default the one `index` fills."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.ask import absolute, ask
    from sketchseek.cli.output import print_json
    from sketchseek.errors import InputError
    from sketchseek.gallery.places import gallery_dir

    if not args.paths:
        raise InputError("remove needs a photo or a folder of photos, e.g. sketchseek remove ~/photos/private")
    folder = gallery_dir(args.gallery)
    done = ask(folder, "remove", paths=[absolute(path) for path in args.paths])
    if args.json:
        print_json(done)
    else:
        print(f"{done['gallery']}: {done['photos']} photos, {done['removed']} removed")
    return 0
