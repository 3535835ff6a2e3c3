"""``sketchseek index PHOTOS [--gallery DIR] [--model M]``"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from sketchseek.gallery import Gallery


@dataclass(frozen=True)
class Args:
    """Index photos: read them into a gallery, in which they can be found by drawing.

    Run it again when the photos have changed: only new and changed photos are read, and deleted ones are removed from
    the gallery. The photos themselves are never touched.
    """

    photos: tyro.conf.Positional[tuple[Path, ...]]
    """Folders, searched recursively, and single files: JPEG, PNG, WebP, HEIC, AVIF, BMP, GIF, TIFF."""
    gallery: Path | None = None
    """The gallery directory; by default the one that `sketchseek serve` opens."""
    model: Path | None = None
    """The model folder for a new gallery, from `sketchseek export`; by default the model shipped with Sketchseek."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import progress
    from sketchseek.errors import InputError
    from sketchseek.gallery import default_gallery_dir, ingest

    if not args.photos:
        raise InputError("index needs a folder of photos, e.g. sketchseek index ~/photos")
    folder = args.gallery or default_gallery_dir()
    with _open_gallery(folder, args.model, args.photos) as gallery, ExitStack() as stack:
        advance = None
        reported = 0

        def show(done: int, total: int) -> None:
            nonlocal advance, reported
            advance = advance or stack.enter_context(progress("indexing", total))
            advance(done - reported)
            reported = done

        report = ingest(gallery, args.photos, show)
        photos = len(gallery)
    if args.json:
        skipped = [{"path": str(path), "reason": reason} for path, reason in report.skipped]
        cut = [str(path) for path in report.cut]
        counts = {name: getattr(report, name) for name in ("added", "unchanged", "updated", "removed")}
        print_json({"gallery": str(folder), "photos": photos, **counts, "skipped": skipped, "cut": cut})
        return 0
    print(
        f"{folder}: {photos} photos ({report.added} added, {report.updated} updated, {report.unchanged} unchanged, "
        f"{report.removed} removed, {len(report.skipped)} skipped)"
    )
    for path, reason in report.skipped:
        print(f"  skipped {path}: {reason}")
    for path in report.cut:
        print(f"  cut off {path}: indexed as far as the file goes")
    return 0


def _open_gallery(folder: Path, model: Path | None, photos: tuple[Path, ...]) -> Gallery:
    from sketchseek.gallery import Gallery
    from sketchseek.gallery.scan import find_photos

    if not (folder / "gallery.json").exists():
        find_photos(photos, besides=folder)  # fails before an empty gallery is made for a mistyped folder
    return Gallery.open_or_create(folder, model)
