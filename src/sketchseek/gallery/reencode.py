"""Encode the photos of a gallery with another model, beside the index that serves meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sketchseek.errors import InputError
from sketchseek.gallery.gallery import Gallery
from sketchseek.gallery.ingest import explain_write_errors, ingest
from sketchseek.gallery.reading import read_files
from sketchseek.model import Model

Progress = Callable[[int, int], None]


def reencode(gallery: Gallery, model: Model, progress: Progress | None = None, *, prune: bool = False) -> int:
    """Encode all photos of a gallery with ``model``, and search by that one from then on; the number of photos.

    Until all are done the gallery is what it was; then the new index takes the place of the old one in one atomic step,
    so a process that is killed leaves the one or the other. It takes the disk space of both. ``progress(done, total)``
    counts photos. With ``prune``, photos that cannot be read are forgotten; without, InputError is raised where there
    are some, and where the disk is full, with nothing changed.
    """
    offline = sum(photo.offline for photo in gallery.photos())
    if offline and not prune:
        raise InputError(
            f"{gallery.folder}: {offline} photos are offline and cannot be encoded anew; "
            "make them available, or forget them with --prune"
        )
    with explain_write_errors(gallery), gallery.new_index(model) as fresh:
        unread = _encode(gallery, fresh, progress)
        if unread:  # they may have been moved, changed or deleted meanwhile
            if gallery.sources.followed:
                ingest(gallery, prune=prune)
            unread = _encode(gallery, fresh, progress)
        if unread and not prune:
            path, reason = next(iter(unread.items()))
            raise InputError(
                f"{path}: {reason} ({len(unread)} such photos, nothing was changed); "
                "make them readable, or forget them with --prune"
            )
        known = {photo.id: photo for photo in gallery.photos()}
        fresh.update([known[photo.id] for photo in fresh.photos() if known.get(photo.id, photo) != photo])
        fresh.delete([photo.id for photo in fresh.photos() if photo.id not in known])
        return len(fresh)


def _encode(gallery: Gallery, fresh: Gallery, progress: Progress | None) -> dict[str, str]:
    """Encode those photos of ``gallery`` that ``fresh`` lacks; why others cannot be read, by path."""
    photos = {photo.id: photo for photo in gallery.photos() if fresh.photo(photo.id) is None}
    untried = {photo.id: list(photo.files) for photo in photos.values()}
    total, reasons = len(gallery), dict[str, str]()
    while files := [left.pop(0) for left in untried.values() if left]:
        for batch in read_files(fresh, files):
            reasons |= {str(path): reason for path, reason in (*batch.broken, *batch.kept)}
            if batch.photos:
                fresh.put([replace(photos.get(p.id, p), offline=False) for p in batch.photos], batch.features)
            for photo in batch.photos:
                untried.pop(photo.id, None)
            if progress and len(batch):
                progress(min(len(fresh), total), total)
    return {str(photos[id].path): reasons.get(str(photos[id].path), "holds another photo now") for id in untried}
