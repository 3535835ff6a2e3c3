"""Find the photo files in some folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_NAMES, IMAGE_SUFFIXES


class PhotoFile(NamedTuple):
    """A photo file. Where ``size`` (bytes) or ``mtime`` (nanoseconds) differs, it has changed since it was indexed."""

    path: Path
    size: int
    mtime: int

    def is_unchanged(self) -> bool:
        """Whether the file is there and as it was."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size, self.mtime)


class Scan(NamedTuple):
    """The photo files found, by path, and the places that could not be read, each with the reason."""

    files: dict[Path, PhotoFile]
    unreadable: dict[Path, str]


def check_sources(sources: Iterable[Path], gallery: Path) -> list[Path]:
    """Paths to index, which may be links or relative, as absolute paths.

    Raises InputError for one inside the folder of the gallery, and for a file whose suffix is no photo's.
    """
    checked = []
    for source in sources:
        path = source.resolve()
        if path.is_relative_to(gallery.resolve()):
            raise InputError(f"{source}: the gallery is kept there; keep it in a folder without photos of yours")
        if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(f"{source}: not a photo; give {IMAGE_NAMES} files, or folders")
        checked.append(path)
    return checked


def find_photos(places: Sequence[Path], besides: Iterable[Path] = ()) -> Scan:
    """Find the photos at absolute ``places``: files, and folders that are searched recursively.

    Photos are told by their suffix; each is listed once. Hidden files and folders are left out, and so is what lies at
    or below the paths ``besides``. Links are followed, but no folder is entered twice. A place that is not there has no
    photos; one that cannot be read for any other reason is listed as unreadable.
    """
    scan = Scan({}, {})
    left_out = frozenset(besides)
    for place in places:
        try:
            status = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            scan.unreadable[place] = _reason(error)
            continue
        if stat.S_ISDIR(status.st_mode):
            for path in _walk(place, left_out, scan.unreadable):
                _add(path, scan)
        elif place.suffix.lower() in IMAGE_SUFFIXES:
            _add(place, scan)
    return scan


def _add(path: Path, scan: Scan) -> None:
    try:
        status = path.stat()
    except OSError as error:  # just deleted, a link to a place that is not there, or a folder that may only be listed
        if not isinstance(error, FileNotFoundError) or path.is_symlink():
            scan.unreadable[path] = _reason(error)
        return
    if stat.S_ISREG(status.st_mode):
        scan.files[path] = PhotoFile(path, status.st_size, status.st_mtime_ns)


def _walk(root: Path, left_out: frozenset[Path], unreadable: dict[Path, str]) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        unreadable[Path(error.filename)] = _reason(error)

    for folder, subfolders, files in os.walk(root, onerror=note, followlinks=True):
        try:
            status = os.stat(folder)
        except OSError as error:
            note(error)
            subfolders.clear()
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in entered:
            subfolders.clear()
            continue
        entered.add(identity)
        subfolders[:] = sorted(n for n in subfolders if not n.startswith(".") and Path(folder, n) not in left_out)
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix.lower() in IMAGE_SUFFIXES and path not in left_out:
                yield path


def _reason(error: OSError) -> str:
    return f"cannot be read now ({error.strerror or error}); what is known of it is kept"
