"""Bring a gallery up to date with the photos in some folders.

Threads decode photos and write thumbnails while the network encodes. A batch that was encoded is kept however the
process ends; what a photo's point says about its file (size, time) decides on the next run whether it is read again.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.gallery.gallery import Gallery, StoredPhoto, photo_id
from sketchseek.gallery.scan import PhotoFile, find_photos
from sketchseek.model.preprocess import decode_photo, prepare_photo

THUMBNAIL = 320  # pixels on the longer side
_QUALITY = 80
_BATCH = 32
# The vector engine maps its files into memory, and a write to a mapped file on a full disk ends the process. It grows
# them by 32 MB at a time, so as much as a few of those is kept free.
_KEEP_FREE = 128 * 2**20


class Skipped(NamedTuple):
    path: Path
    reason: str


@dataclass(frozen=True)
class IngestReport:
    """How many photos are new, are as they were, had changed and were read anew, and are gone; and what was skipped."""

    added: int
    unchanged: int
    updated: int
    removed: int
    skipped: tuple[Skipped, ...]


class _Read(NamedTuple):
    photo: StoredPhoto
    pixels: NDArray[np.uint8]


def ingest(
    gallery: Gallery, sources: Sequence[Path], progress: Callable[[int, int], None] = lambda done, total: None
) -> IngestReport:
    """Add the photos among ``sources`` (files, and folders with all below) that are new or changed, and forget those
    that were below one of the folders and are gone.

    ``progress(done, total)`` hears of the photos that have to be read. Raises InputError where there is no photo at
    all, or the disk is full; the gallery then holds what was done so far, and another run goes on from there.
    """
    files, unreadable = find_photos(sources, besides=gallery.folder)
    known = {photo.path: photo for photo in gallery.photos()}
    wanted = [f for f in files if f.path not in known or (known[f.path].size, known[f.path].mtime) != f[1:]]
    present = {file.path for file in files}
    searched = [source.resolve() for source in sources if source.is_dir()]
    gone = [
        photo.id
        for path, photo in known.items()
        if path not in present and _is_below(path, searched) and not _is_below(path, unreadable)
    ]
    skipped = [Skipped(folder, "cannot be listed; make the folder readable") for folder in unreadable]
    added = updated = done = 0
    try:
        _check_space(gallery)
        if gone:
            gallery.delete(gone)
        if wanted:
            progress(0, len(wanted))
        with closing(_batches(gallery, wanted)) as batches:
            for batch in batches:
                photos = [read for read in batch if isinstance(read, _Read)]
                broken = [read for read in batch if isinstance(read, Skipped)]
                if photos:
                    _check_space(gallery)
                    features = gallery.model.encode_photos(np.stack([read.pixels for read in photos]), _BATCH)
                    gallery.put([read.photo for read in photos], features)
                replaced = sum(read.photo.path in known for read in photos)
                updated += replaced
                added += len(photos) - replaced
                if lost := [known[skip.path].id for skip in broken if skip.path in known]:
                    gallery.delete(lost)
                    gone += lost
                skipped += broken
                done += len(batch)
                progress(done, len(wanted))
        gallery.flush()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{gallery.folder}: the disk is full, {len(gallery)} photos are indexed; free some space and index again"
        ) from None
    return IngestReport(added, len(files) - len(wanted), updated, len(gone), tuple(skipped))


def _is_below(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _batches(gallery: Gallery, files: Sequence[PhotoFile]) -> Generator[list[_Read | Skipped]]:
    """Files read by a pool of threads, in order, at most two batches ahead of whoever takes them."""
    pool = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="decode")
    try:
        ahead: deque[Future[_Read | Skipped]] = deque()
        remaining = iter(files)
        batch: list[_Read | Skipped] = []
        while True:
            while len(ahead) < 2 * _BATCH and (file := next(remaining, None)) is not None:
                ahead.append(pool.submit(_read, gallery, file))
            if not ahead:
                break
            batch.append(ahead.popleft().result())
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)


def _read(gallery: Gallery, file: PhotoFile) -> _Read | Skipped:
    path = file.path
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return Skipped(path, "its name is not valid text; rename the file")
    try:
        image, width, height = decode_photo(path, gallery.model.size)
    except InputError as error:
        return Skipped(path, str(error).removeprefix(f"{path}: "))
    photo = StoredPhoto(photo_id(path), path.name, path, file.size, file.mtime, width, height)
    _write_thumbnail(image, gallery.thumbnail(photo.id))
    return _Read(photo, prepare_photo(image, gallery.model.size))


def _write_thumbnail(image: Image.Image, path: Path) -> None:
    share = min(1.0, THUMBNAIL / max(image.size))
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    try:
        image.resize(size, Image.Resampling.BILINEAR).save(unfinished, "JPEG", quality=_QUALITY)
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _check_space(gallery: Gallery) -> None:
    if shutil.disk_usage(gallery.folder).free < _KEEP_FREE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
