"""What commands ask of an open gallery: JSON-like values in, JSON-like values out.

So it is the same whether the command opens the gallery itself or a server that has it open does the work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from sketchseek.gallery import Gallery, forget, ingest, reencode
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo
from sketchseek.search.searcher import Searcher
from sketchseek.strokes import load_drawing

Progress: TypeAlias = Callable[[int, int], None]


def index(
    gallery: Gallery, progress: Progress | None, photos: Sequence[str], model: str | None, prune: bool, dry_run: bool
) -> Any:
    """Bring a gallery up to date with ``photos``, or where there are none with all that it follows; before that, encode
    it anew where another ``model`` is named.
    """
    wanted = gallery.model if model is None else Model.load(model)
    encoded = 0
    if wanted.hash != gallery.model.hash:
        encoded = len(gallery) if dry_run else reencode(gallery, wanted, progress, prune=prune)
    report = ingest(gallery, photos or None, progress, prune=prune, dry_run=dry_run)
    counts = {name: value for name, value in vars(report).items() if isinstance(value, int)}
    skipped = [{"path": str(path), "reason": reason} for path, reason in report.skipped]
    return {
        "gallery": str(gallery.folder),
        "photos": len(gallery),
        "encoded": encoded,
        **counts,
        "skipped": skipped,
        "cut": [str(path) for path in report.cut],
        "left_out": dict(report.left_out),
    }


def search(
    gallery: Gallery,
    _: Progress | None,
    sketch: str | None,
    photo: str | None,
    text: str,
    weight: float,
    top: int,
    as_framed: bool,
) -> Any:
    """The hits of a search by a drawing's file, by words, by both, or by a photo's file, and a remark on the words."""
    searcher = Searcher(gallery)
    if photo is None:
        drawing = None if sketch is None else load_drawing(sketch)
        hits = searcher.search(drawing, top, text, weight, as_framed)
    else:
        hits = searcher.search_photo(read_photo(photo, gallery.model.size), top, text, weight)
    found = [{**vars(hit), "path": str(hit.path), "copies": [str(path) for path in hit.copies]} for hit in hits]
    return {"hits": found, "remark": searcher.remark(text)}


def status(gallery: Gallery, _: Progress | None) -> Any:
    """What the gallery holds and follows: photos, files and photos offline, in all and by source."""
    sources = gallery.sources
    photos, offline = Counter[Path | None](), Counter[Path | None]()
    files = 0
    for photo in gallery.photos():
        source = sources.of(photo.path)
        photos[source] += 1
        offline[source] += photo.offline
        files += len(photo.files)
    return {
        "gallery": str(gallery.folder),
        "model": gallery.model.hash,
        "photos": photos.total(),
        "files": files,
        "offline": offline.total(),
        "sources": [
            {"path": str(path), "photos": photos[path], "offline": offline[path]} for path in sorted(sources.followed)
        ],
        "left_out": sorted(map(str, sources.left_out)),
        "reading": 0,
        "served": False,
    }


def remove(gallery: Gallery, _: Progress | None, paths: Sequence[str]) -> Any:
    """Forget the photos at or below some paths, and follow those no longer."""
    removed = forget(gallery, paths)
    return {"gallery": str(gallery.folder), "photos": len(gallery), "removed": removed}


TASKS: Mapping[str, Callable[..., Any]] = {"index": index, "search": search, "status": status, "remove": remove}
