"""Read photo files: tell by a hash of their content which photos they are, and encode those that are new."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import numpy as np

from sketchseek.errors import InputError
from sketchseek.gallery.gallery import Gallery, StoredPhoto
from sketchseek.gallery.scan import PhotoFile
from sketchseek.matching import Features
from sketchseek.model.preprocess import decode_photo, prepare_photo

_BATCH = 8  # photos that are encoded and stored together
_ENCODED_TOGETHER = 2  # of those; the activations between layers then fit a core's cache
_KNOWN_TOGETHER = 256  # files that need no encoding, told of together
_NICENESS = 10  # of threads that work in the background, where the system has it


class Skipped(NamedTuple):
    """A file that was not indexed, and why."""

    path: Path
    reason: str


@dataclass
class Batch:
    """What was read of some files.

    ``photos`` are new, with their ``features``; ``cut`` are those of their files that end too early. ``known`` are of
    photos that are in the gallery or in an earlier batch. ``broken`` are no photos; ``kept`` could not be read now.
    """

    photos: list[StoredPhoto] = field(default_factory=list)
    features: Features = field(default_factory=dict)
    known: list[tuple[PhotoFile, str]] = field(default_factory=list)
    broken: list[Skipped] = field(default_factory=list)
    kept: list[Skipped] = field(default_factory=list)
    cut: list[Path] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.photos) + len(self.known) + len(self.broken) + len(self.kept)


def read_files(gallery: Gallery, files: Iterable[PhotoFile]) -> Generator[Batch]:
    """Read files in order, in several threads, a few batches ahead of the consumer.

    Where the gallery gives way to searches, one core is left to them and they go before on the others.
    """
    cores = os.cpu_count() or 1
    workers = max(1, cores - gallery.gives_way)
    pool = ThreadPoolExecutor(workers, "ingest", initializer=_give_way if gallery.gives_way else None)
    known: set[str] = set()  # photos in the gallery, or submitted to be encoded
    batch, new = Batch(), list[tuple[PhotoFile, str]]()
    ahead: deque[Future[Batch]] = deque()
    try:
        for file, found in identified(pool, files, 2 * workers * _BATCH):
            if isinstance(found, Skipped):
                batch.kept.append(found)
            else:
                is_known = found in known or gallery.photo(found) is not None
                (batch.known if is_known else new).append((file, found))
                known.add(found)
            if len(new) == _BATCH or len(batch) == _KNOWN_TOGETHER:
                ahead.append(pool.submit(_encode, gallery, new, batch))
                batch, new = Batch(), []
            while len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        ahead.append(pool.submit(_encode, gallery, new, batch))
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def identified(
    pool: ThreadPoolExecutor, files: Iterable[PhotoFile], ahead: int
) -> Generator[tuple[PhotoFile, str | Skipped]]:
    """Each file with the id of the photo that it holds, or why it cannot be read now."""
    waiting: deque[tuple[PhotoFile, Future[str | Skipped]]] = deque()
    for file in files:
        waiting.append((file, pool.submit(_identify, file)))
        if len(waiting) > ahead:
            first, future = waiting.popleft()
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()


def _identify(file: PhotoFile) -> str | Skipped:
    try:
        str(file.path).encode()
    except UnicodeEncodeError:
        return Skipped(file.path, "its name is not valid text; rename the file")
    try:
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=16)).digest()
    except OSError as error:
        return Skipped(file.path, f"cannot be read now ({error.strerror}); index again when it can")
    return str(UUID(bytes=digest)) if file.is_unchanged() else _changing(file)


def _changing(file: PhotoFile) -> Skipped:
    return Skipped(file.path, "was being written; index again when that is done")


def _encode(gallery: Gallery, files: list[tuple[PhotoFile, str]], batch: Batch) -> Batch:
    # One thread a batch: with all threads on one batch, each layer of the network would wait for the slowest of them.
    encoder, pixels = gallery.encoder, []
    for file, photo_id in files:
        try:
            picture = decode_photo(file.path, encoder.size)
        except InputError as error:
            broken = Skipped(file.path, str(error).removeprefix(f"{file.path}: "))
            (batch.broken if file.is_unchanged() else batch.kept).append(broken)
            continue
        if not file.is_unchanged():
            batch.kept.append(_changing(file))
            continue
        photo = StoredPhoto(photo_id, (file,), picture.width, picture.height)
        gallery.prepare_thumbnail(photo, picture.image)
        batch.photos.append(photo)
        pixels.append(prepare_photo(picture.image, encoder.size))
        if picture.cut:
            batch.cut.append(file.path)
    if pixels:
        batch.features = encoder.encode_photos(np.stack(pixels), _ENCODED_TOGETHER)
    return batch


def _give_way() -> None:
    """Let threads that answer searches go before this one."""
    set_priority: Callable[[int, int, int], None] | None = getattr(os, "setpriority", None)
    if set_priority is not None:
        with contextlib.suppress(OSError):
            set_priority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)  # Linux has one for each thread
