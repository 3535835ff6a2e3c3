"""``sketchseek index [PHOTOS] [--gallery DIR] [--model M] [--prune] [--dry-run]``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro


@dataclass(frozen=True)
class Args:
    """Index photos: read them into a gallery, in which they can be found by drawing.

    The gallery follows the folders from then on. Without PHOTOS all that it follows are brought up to date: only new
    and changed photos are read, moved and copied ones are told by their content, and deleted ones are removed from the
    gallery. The photos themselves are never touched.
    """

    photos: tyro.conf.Positional[tuple[Path, ...]] = ()
    """Folders, searched recursively, and single files: JPEG, PNG, WebP, HEIC, AVIF, BMP, GIF, TIFF."""
    gallery: Path | None = None
    """The gallery: a directory, or qdrant+http://HOST:6333/COLLECTION; by default the one `serve` opens."""
    model: Path | None = None
    """The model folder, from `sketchseek export`; by default the model shipped with Sketchseek. A gallery of another
    model is encoded anew; it is searched by its old model until all photos are done."""
    prune: bool = False
    """Forget the photos that are offline: kept although their files are not there, as more than half of a folder was
    gone at once."""
    dry_run: bool = False
    """Say what would happen, and change nothing."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.ask import absolute, ask
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import reported_progress
    from sketchseek.gallery.places import cluster_address, cluster_dir, gallery_dir

    cluster = cluster_address(args.gallery)
    folder = cluster_dir(cluster) if cluster else gallery_dir(args.gallery)
    _prepare(folder, cluster, args)
    photos = [absolute(path) for path in args.photos]
    with reported_progress("indexing") as report:
        done = ask(
            folder,
            "index",
            report,
            photos=photos,
            model=args.model and absolute(args.model),
            prune=args.prune,
            dry_run=args.dry_run,
        )
    print_json(done) if args.json else _print(done, args.dry_run)
    return 0


def _prepare(folder: Path, cluster: str | None, args: Args) -> None:
    """Create the gallery where there is none yet. Raises InputError for photos that are not there, before an empty
    gallery is made for a mistyped folder.
    """
    from sketchseek.errors import InputError
    from sketchseek.files import as_path
    from sketchseek.formats import IMAGE_NAMES
    from sketchseek.gallery import Gallery
    from sketchseek.gallery.scan import check_sources, find_photos

    if (folder / "gallery.json").exists():
        return
    if not args.photos:
        raise InputError("index needs a folder of photos, e.g. sketchseek index ~/photos")
    places = check_sources(map(as_path, args.photos), folder)
    for place in places:
        if not place.exists():
            raise InputError(f"{place}: no such file or folder")
    if not find_photos(places).files:
        raise InputError(f"{', '.join(map(str, args.photos))}: no photos there ({IMAGE_NAMES})")
    if args.dry_run:
        raise InputError(f"{folder}: no gallery there yet; leave --dry-run out to make one of all photos found")
    Gallery.create(folder, args.model, cluster).close()


def _print(done: dict[str, Any], dry_run: bool) -> None:
    counts = ", ".join(f"{done[name]} {name}" for name in ("added", "updated", "moved", "unchanged", "removed"))
    print(f"{done['gallery']}: {done['photos']} photos ({counts}, {len(done['skipped'])} skipped)")
    if dry_run:
        print("  nothing was changed; this is what indexing would do")
    if done["encoded"]:
        print(
            f"  {done['encoded']} photos were known and {'would be' if dry_run else 'are'} encoded with another model"
        )
    if done["offline"]:
        print(f"  {done['offline']} are offline, their files are not there; --prune forgets them")
    for skip in done["skipped"]:
        print(f"  skipped {skip['path']}: {skip['reason']}")
    if done["left_out"]:
        print(f"  left out: {', '.join(f'{count} {kind}' for kind, count in done['left_out'].items())}")
    for path in done["cut"]:
        print(f"  cut off {path}: indexed as far as the file goes")
