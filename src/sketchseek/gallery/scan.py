"""Find the photo files in some folders."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_NAMES, IMAGE_SUFFIXES

# Folders that network drives and operating systems make among photos, in lower case.
_OF_SYSTEMS = frozenset([
    "#recycle", "#snapshot", "$recycle.bin", "@eadir", "@recently-snapshot", "@recycle", "__macosx", "lost+found",
    "recycler", "system volume information",
])  # fmt: skip


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
    """The photo files found, by path; the places that could not be read, each with the reason; and how many files and
    folders were left out, by kind: a file's suffix, the name of a folder that systems make, or that it is hidden.
    """

    files: dict[Path, PhotoFile]
    unreadable: dict[Path, str]
    left_out: Counter[str]


def is_left_out(name: str) -> bool:
    """Whether a folder or file of this name is left out, with what is in it: hidden, a thumbnail or deleted."""
    return name.startswith(".") or name.casefold() in _OF_SYSTEMS


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

    Photos are told by their suffix; each is listed once. Hidden files and folders are left out, and those that systems
    make for thumbnails and deleted files, unless a place names one; and so is what lies at or below the paths
    ``besides``. Links are followed, but no folder is entered twice. A place that is not there has no
    photos; one that cannot be read for any other reason is listed as unreadable.
    """
    scan = Scan({}, {}, Counter())
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
            for path in _walk(place, left_out, scan):
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


def _walk(root: Path, besides: frozenset[Path], scan: Scan) -> Iterator[Path]:
    entered: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        scan.unreadable[Path(error.filename)] = _reason(error)

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
        scan.left_out.update(_folder_kind(name) for name in subfolders if is_left_out(name))
        subfolders[:] = sorted(n for n in subfolders if not is_left_out(n) and Path(folder, n) not in besides)
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith("."):
                scan.left_out["hidden files"] += 1
            elif path.suffix.lower() not in IMAGE_SUFFIXES:
                scan.left_out[path.suffix.lower() or "files without a suffix"] += 1
            elif path not in besides:
                yield path


def _folder_kind(name: str) -> str:
    return "hidden folders" if name.startswith(".") else f"folders {name}"


def _reason(error: OSError) -> str:
    return f"cannot be read now ({error.strerror or error}); what is known of it is kept"
