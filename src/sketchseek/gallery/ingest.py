"""Index photos: bring a gallery up to date with the photos in some folders.

Photos are stored in small batches, so a run that is killed loses the last batch at most. The gallery keeps each file's
size and modification time; the next run reads a photo again only where one of them has changed.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.gallery.gallery import Gallery, StoredPhoto, photo_id
from sketchseek.gallery.scan import PhotoFile, find_photos
from sketchseek.images import Picture
from sketchseek.matching import Features
from sketchseek.model import Model
from sketchseek.model.preprocess import decode_photo, prepare_photo

_BATCH = 8  # photos that are read, encoded and stored together
_ENCODED_TOGETHER = 2  # of those; the activations between layers then fit a core's cache


class Skipped(NamedTuple):
    """A file that was not indexed, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class IngestReport:
    """How many photos were new, unchanged, read again because they had changed, and removed; and what was skipped."""

    added: int
    unchanged: int
    updated: int
    removed: int
    skipped: tuple[Skipped, ...]
    cut: tuple[Path, ...] = ()  # files that end too early, indexed as far as they go


class _Batch(NamedTuple):
    photos: list[StoredPhoto]
    features: Features  # of the photos
    skipped: list[Skipped]
    cut: list[Path]


def ingest(
    gallery: Gallery,
    photos: StrPath | Iterable[StrPath],
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Bring a gallery up to date with ``photos``: folders, searched recursively, and single files.

    New and changed photos are read, and photos that are gone from there are forgotten. ``progress(done, total)`` counts
    the photos that have to be read. Raises InputError where there is no photo at all, or the disk is full; the gallery
    then holds what was done so far, and the next call goes on from there.
    """
    sources = [as_path(photos)] if isinstance(photos, (str, os.PathLike)) else [as_path(path) for path in photos]
    known = {photo.path: photo for photo in gallery.photos()}
    files, unreadable = find_photos(sources, besides=gallery.folder, known=known)
    wanted = [f for f in files if f.path not in known or (known[f.path].size, known[f.path].mtime) != f[1:]]
    present = {file.path for file in files}
    searched = [source.resolve() for source in sources if source.is_dir() or not source.exists()]
    gone = [
        photo.id
        for path, photo in known.items()
        if path not in present and _is_below(path, searched) and not _is_below(path, unreadable)
    ]
    skipped = [Skipped(folder, "cannot be listed; make the folder readable") for folder in unreadable]
    cut: list[Path] = []
    added = updated = done = 0
    try:
        if gone:
            gallery.delete(gone)
        if wanted and progress:
            progress(0, len(wanted))
        with closing(_encoded(gallery, wanted)) as batches:
            for read, features, broken, ended_early in batches:
                if read:
                    gallery.put(read, features)
                replaced = sum(photo.path in known for photo in read)
                updated += replaced
                added += len(read) - replaced
                if lost := [known[skip.path].id for skip in broken if skip.path in known]:
                    gallery.delete(lost)
                    gone += lost
                skipped += broken
                cut += ended_early
                done += len(read) + len(broken)
                if progress:
                    progress(done, len(wanted))
        gallery.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{gallery.folder}: the disk is full, {len(gallery)} photos are indexed; free some space and index again"
        ) from None
    return IngestReport(added, len(files) - len(wanted), updated, len(gone), tuple(skipped), tuple(cut))


def _is_below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _encoded(gallery: Gallery, files: Sequence[PhotoFile]) -> Generator[_Batch]:
    """Read and encode files in order, in several threads, a few batches ahead of the consumer."""
    cores = os.cpu_count() or 1
    # One thread a batch: with all threads on one batch, each layer of the network would wait for the slowest of them.
    encoder = replace(gallery.model, threads=1)
    pool = ThreadPoolExecutor(max_workers=cores, thread_name_prefix="ingest")
    try:
        ahead: deque[Future[_Batch]] = deque()
        for start in range(0, len(files), _BATCH):
            ahead.append(pool.submit(_encode, gallery, encoder, files[start : start + _BATCH]))
            if len(ahead) > 2 * cores:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _encode(gallery: Gallery, encoder: Model, files: Sequence[PhotoFile]) -> _Batch:
    photos, pixels, skipped, cut = [], [], [], []
    for file in files:
        try:
            photo, picture = _read(gallery, file)
        except InputError as error:
            skipped.append(Skipped(file.path, str(error).removeprefix(f"{file.path}: ")))
        else:
            photos.append(photo)
            pixels.append(prepare_photo(picture.image, encoder.size))
            if picture.cut:
                cut.append(file.path)
    return _Batch(photos, encoder.encode_photos(np.stack(pixels), _ENCODED_TOGETHER) if pixels else {}, skipped, cut)


def _read(gallery: Gallery, file: PhotoFile) -> tuple[StoredPhoto, Picture]:
    try:
        str(file.path).encode()
    except UnicodeEncodeError:
        raise InputError("its name is not valid text; rename the file") from None
    picture = decode_photo(file.path, gallery.model.size)
    size = picture.width, picture.height
    photo = StoredPhoto(photo_id(file.path), file.path.name, file.path, file.size, file.mtime, *size)
    gallery.renew_thumbnail(photo, picture.image)
    return photo, picture
