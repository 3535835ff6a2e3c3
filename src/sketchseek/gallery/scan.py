"""Find the photo files in some folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_NAMES, IMAGE_SUFFIXES


class PhotoFile(NamedTuple):
    """A photo file. Where ``size`` (bytes) or ``mtime`` (nanoseconds) differs, it has changed since it was indexed."""

    path: Path
    size: int
    mtime: int


def find_photos(
    sources: Sequence[Path], besides: Path, known: Collection[Path] = ()
) -> tuple[list[PhotoFile], list[Path]]:
    """Find photos in ``sources``: files, and folders that are searched recursively.

    Photos are told by their suffix; each is listed once. Hidden files and folders are left out, and so is the folder
    ``besides``. Links are followed, but no folder is entered twice. The second list holds the folders that could not be
    read.

    Raises InputError for a source that does not exist, for a folder inside ``besides``, for a file whose suffix is no
    photo's, and where no photo is found at all. A source that does not exist, or is empty, is no error where it held a
    ``known`` photo: that photo has been deleted.
    """
    found: dict[Path, PhotoFile] = {}
    unreadable: list[Path] = []
    paths: Iterable[Path]
    for source in sources:
        if source.is_dir():
            if source.resolve().is_relative_to(besides.resolve()):
                raise InputError(f"{source}: the gallery is kept there; keep it in a folder without photos of yours")
            paths = _walk(source.resolve(), besides.resolve(), unreadable)
        elif source.exists():
            if source.suffix.lower() not in IMAGE_SUFFIXES:
                raise InputError(f"{source}: not a photo; give {IMAGE_NAMES} files, or folders")
            paths = [source.resolve()]
        elif _holds_any(known, source):
            continue
        else:
            raise InputError(f"{source}: no such file or folder")
        for path in paths:
            try:
                status = path.stat()
            except OSError:  # a link to nowhere, or just deleted
                continue
            if stat.S_ISREG(status.st_mode):
                found[path] = PhotoFile(path, status.st_size, status.st_mtime_ns)
    if not found and not any(_holds_any(known, source) for source in sources):
        raise InputError(f"{', '.join(map(str, sources))}: no photos there ({IMAGE_NAMES})")
    return list(found.values()), unreadable


def _holds_any(paths: Collection[Path], source: Path) -> bool:
    """Whether any of the absolute ``paths`` is ``source`` or lies below it."""
    return any(path.is_relative_to(source.resolve()) for path in paths)


def _walk(root: Path, besides: Path, unreadable: list[Path]) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()

    def skip(error: OSError) -> None:
        unreadable.append(Path(error.filename))

    for folder, subfolders, files in os.walk(root, onerror=skip, followlinks=True):
        status = os.stat(folder)
        identity = (status.st_dev, status.st_ino)
        if identity in entered or Path(folder) == besides:
            subfolders.clear()
            continue
        entered.add(identity)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES:
                yield Path(folder, name)
