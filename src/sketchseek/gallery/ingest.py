"""Index photos: bring a gallery up to date with the photos in some folders.

A photo is known by its content. So a file that was moved, renamed or copied is not encoded again, and copies are one
photo with several files. A photo is forgotten only where its folder could be read and it is not there; and where more
than half of a source would vanish at once, as when a drive is unplugged, its photos are kept as offline.

Photos are stored in small batches, so a run that is killed loses the last batch at most, and the next run goes on. The
gallery keeps each file's size and modification time; a file is read again only where one of them has changed.
"""

from __future__ import annotations

import errno
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.formats import IMAGE_NAMES
from sketchseek.gallery.gallery import Gallery, StoredPhoto
from sketchseek.gallery.reading import Batch, Skipped, identified, read_files
from sketchseek.gallery.scan import PhotoFile, Scan, check_sources, find_photos, is_left_out
from sketchseek.gallery.sources import Sources, is_below

Progress = Callable[[int, int], None]

_TOO_MANY = 0.5  # of a source's photos to vanish at once; then they are rather out of reach than deleted
_WRITTEN_TOGETHER = 1000  # photos


@dataclass(frozen=True)
class IngestReport:
    """What indexing did, or in a dry run would do.

    Counts of files: ``added`` are new photos, ``updated`` had other content before, ``moved`` hold a photo that was
    known already (it was moved, renamed or copied) and were not encoded. Counts of photos: ``removed`` were forgotten,
    ``offline`` are not there but kept.
    """

    added: int = 0
    unchanged: int = 0
    updated: int = 0
    moved: int = 0
    removed: int = 0
    offline: int = 0
    skipped: tuple[Skipped, ...] = ()
    cut: tuple[Path, ...] = ()  # files that end too early, indexed as far as they go
    left_out: Mapping[str, int] = field(default_factory=dict)  # files and folders that were not looked at, by kind


def ingest(
    gallery: Gallery,
    photos: StrPath | Iterable[StrPath] | None = None,
    progress: Progress | None = None,
    *,
    prune: bool = False,
    dry_run: bool = False,
) -> IngestReport:
    """Bring a gallery up to date with ``photos``: folders, searched recursively, and single files.

    They are followed from now on: without ``photos``, everything that is followed is brought up to date. With
    ``prune``, photos that are not there are forgotten in any case; a ``dry_run`` changes nothing. ``progress(done,
    total)`` counts the files that have to be read. Raises InputError where there is no photo at all, or the disk is
    full; the gallery then holds what was done so far, and the next call goes on from there.
    """
    sources = gallery.sources
    if photos is None:
        places = sorted(sources.followed)
        if not places:
            raise InputError(f"{gallery.folder}: follows no folder yet; name one, e.g. sketchseek index ~/photos")
    else:
        named = [as_path(photos)] if isinstance(photos, (str, os.PathLike)) else [as_path(path) for path in photos]
        places = check_sources(named, gallery.folder)
        sources = sources.with_these(places)
    update = _Update.of(gallery, places, sources)
    with explain_write_errors(gallery):
        if photos is not None:
            update.check_that_there_is_something(places)
            if not dry_run and sources != gallery.sources:
                sources.write(gallery.folder)
        return update.run(progress, prune=prune, dry_run=dry_run)


def update_places(
    gallery: Gallery, places: Iterable[Path] | None, progress: Progress | None = None, *, forgets: bool
) -> set[Path]:
    """Bring a gallery up to date with what lies at or below absolute ``places``, as far as it follows them (None: all).

    While files are being moved, a photo may be gone from where it was before it is found where it is now. So there are
    two calls: one that forgets nothing and returns the files of the photos that it would have forgotten; and once
    nothing moves any more, one for these that ``forgets``. Raises InputError as ``ingest`` does.
    """
    sources = gallery.sources
    own = gallery.folder.resolve()
    given = sources.followed if places is None else places
    followed = [place for place in given if _is_followed(place, sources) and not place.is_relative_to(own)]
    if not followed:
        return set()
    with explain_write_errors(gallery):
        update = _Update.of(gallery, followed, sources)
        update.run(progress, forgets=forgets)
        return update.vanished


def forget(gallery: Gallery, paths: Iterable[StrPath]) -> int:
    """Remove the photos at or below some paths from a gallery, and follow them no longer; the number of photos removed.

    Files are not touched. A path inside a folder that is still followed is left out of it, until it is indexed by name.
    Raises InputError for a path that the gallery knows nothing of, with nothing removed, and where the disk is full.
    """
    places = [as_path(path).resolve() for path in paths]
    sources, removed, changed = gallery.sources, list[str](), list[StoredPhoto]()
    known: set[Path] = set()
    for photo in gallery.photos():
        hit = {place: [f for f in photo.files if f.path.is_relative_to(place)] for place in places}
        known.update(place for place, files in hit.items() if files)
        left = tuple(file for file in photo.files if not is_below(file.path, places))
        if not left:
            removed.append(photo.id)
        elif left != photo.files:
            changed.append(replace(photo, files=left))
    for place in places:
        if place not in known and not any(is_below(source, [place]) for source in sources.followed):
            raise InputError(f"{place}: the gallery has no photo there; sketchseek sources lists what it follows")
    with explain_write_errors(gallery):
        sources.without_these(places).write(gallery.folder)
        gallery.update(changed)
        if removed:
            gallery.delete(removed)
        gallery.flush()
    return len(removed)


@dataclass
class _Update:
    """One run: what was found in some places, and what the gallery knows of them."""

    gallery: Gallery
    sources: Sources
    places: Sources  # as the sources that cover what is looked at
    scan: Scan
    known: dict[str, StoredPhoto] = field(default_factory=dict)  # photos with a file in the places
    claims: dict[Path, list[PhotoFile]] = field(default_factory=lambda: defaultdict(list))  # those files, by path
    online: Counter[Path | None] = field(default_factory=Counter)  # photos that were there, by source
    gained: dict[str, list[PhotoFile]] = field(default_factory=lambda: defaultdict(list))
    read: set[Path] = field(default_factory=set)  # files that were read and hold another photo than before
    broken: set[Path] = field(default_factory=set)  # files that were read and hold none
    vanished: set[Path] = field(default_factory=set)  # files of photos that were to be forgotten, but were not yet

    @classmethod
    def of(cls, gallery: Gallery, places: Sequence[Path], sources: Sources) -> _Update:
        besides = {gallery.folder.resolve(), *sources.left_out.difference(places)}
        looked_at = Sources(frozenset(places), sources.left_out.difference(places))
        update = cls(gallery, sources, looked_at, find_photos(places, besides))
        source_of, is_looked_at = _by_folder(sources), _by_folder(looked_at)
        for photo in gallery.photos():
            if not photo.offline:
                update.online[source_of(photo.path)] += 1
            for file in photo.files:
                if is_looked_at(file.path) is not None:
                    update.known[photo.id] = photo
                    update.claims[file.path].append(file)
        return update

    def check_that_there_is_something(self, places: Sequence[Path]) -> None:
        """Raises InputError where a place is not there and no photo is known of it, and where there is no photo."""
        if self.scan.unreadable:
            return
        covered = {place for path in self.claims for place in (path, *path.parents)}
        for place in places:
            if place not in covered and not place.exists():
                raise InputError(f"{place}: no such file or folder")
        if not self.scan.files and not self.claims:
            raise InputError(f"{', '.join(map(str, places))}: no photos there ({IMAGE_NAMES})")

    def run(
        self, progress: Progress | None, *, prune: bool = False, dry_run: bool = False, forgets: bool = True
    ) -> IngestReport:
        """Bring the gallery up to date with what was found."""
        wanted = [file for file in self.scan.files.values() if not self._is_known(file)]
        skipped = [Skipped(path, reason) for path, reason in self.scan.unreadable.items()]
        counts = Counter(unchanged=len(self.scan.files) - len(wanted))
        cut: list[Path] = []
        done = 0
        if wanted and progress:
            progress(0, len(wanted))
        batches = self._foreseen(wanted) if dry_run else read_files(self.gallery, wanted)
        with closing(batches):
            for batch in batches:
                self._take(batch, counts, dry_run)
                skipped += batch.broken + batch.kept
                cut += batch.cut
                done += len(batch)
                if progress and len(batch):
                    progress(done, len(wanted))
        counts += self._settle(prune, dry_run, forgets)
        if not dry_run:
            self.gallery.flush()
            self.gallery.optimize()
            if forgets:
                self._drop_sources_that_moved()
        return IngestReport(
            counts["added"],
            counts["unchanged"],
            counts["updated"],
            counts["moved"],
            counts["removed"],
            counts["offline"],
            tuple(skipped),
            tuple(cut),
            dict(self.scan.left_out.most_common()),
        )

    @cached_property
    def _unreadable(self) -> Sources:
        return Sources(frozenset(self.scan.unreadable))

    def _is_known(self, file: PhotoFile) -> bool:
        return file in self.claims.get(file.path, ())

    def _is_as_it_was(self, photo: StoredPhoto) -> bool:
        found = self.scan.files
        same = photo.id not in self.gained and not photo.offline
        return same and all(found.get(file.path) == file for file in photo.files)

    def _foreseen(self, wanted: Iterable[PhotoFile]) -> Generator[Batch]:
        """What reading would give. A file is read only where a photo of the same size is known."""
        sizes = {file.size for photo in self.gallery.photos() for file in photo.files}
        with ThreadPoolExecutor() as pool:
            for file in wanted:
                found: str | Skipped = ""
                if file.size in sizes:
                    ((_, found),) = identified(pool, [file], 0)
                if isinstance(found, Skipped):
                    yield Batch(kept=[found])
                elif found and self._photo(found) is not None:
                    yield Batch(known=[(file, found)])
                else:
                    yield Batch(photos=[StoredPhoto("", (file,), 0, 0)])

    def _take(self, batch: Batch, counts: Counter[str], dry_run: bool) -> None:
        """Store what was read."""
        if batch.photos and not dry_run:
            self.gallery.put(batch.photos, batch.features)
        for photo in batch.photos:
            counts["updated" if photo.path in self.claims else "added"] += 1
            self.read.add(photo.path)
        copies: dict[str, list[PhotoFile]] = defaultdict(list)
        for file, photo_id in batch.known:
            copies[photo_id].append(file)
        for photo_id, files in copies.items():
            known = self._photo(photo_id)
            if known is None:
                batch.broken += [Skipped(file.path, "a copy of a file that is no photo") for file in files]
                continue
            self.gained[photo_id] += files
            self.read.update(file.path for file in files)
            counts["moved"] += len(files)
            if not dry_run:
                gained = {file.path: file for file in self.gained[photo_id]}
                others = [o for o in known.files if o.path not in gained and not _is_gone(o.path, looked_at=False)]
                self.gallery.update([replace(known, files=(*others, *gained.values()), offline=False)])
        self.broken.update(skip.path for skip in batch.broken)

    def _settle(self, prune: bool, dry_run: bool, forgets: bool) -> Counter[str]:
        """Compare what is known of the photos with what was found, forget those that are gone, and store what changed.

        Returns how many photos were removed and how many are offline.
        """
        changed: list[StoredPhoto] = []
        replaced: list[str] = []  # nothing is left of them, as their files hold other photos now
        vanished: dict[Path | None, list[StoredPhoto]] = defaultdict(list)
        back: list[str] = []
        for photo_id in self.known.keys() | self.gained.keys():
            photo = self._photo(photo_id)
            if photo is None or self._is_as_it_was(photo):
                continue
            there, kept, gone = self._compare(photo)
            if there or kept:
                now = replace(photo, files=(*there, *kept), offline=photo.offline and not there)
                if replace(now, offline=photo.offline) != photo:
                    changed.append(now)
                elif now != photo:
                    back.append(photo.id)
            elif gone or any(file.path in self.broken for file in photo.files):
                vanished[self.sources.of(photo.path)].append(photo)
            else:
                replaced.append(photo.id)
        removed, offline = self._judge(vanished, prune)
        if not dry_run:
            for start in range(0, len(changed), _WRITTEN_TOGETHER):
                self.gallery.update(changed[start : start + _WRITTEN_TOGETHER])
            self.gallery.set_offline(back, False)
            self.gallery.set_offline([photo.id for photo in offline if not photo.offline], True)
            if not forgets:
                paths = (file.path for photo in (*removed, *replaced) for file in self.known[photo].files)
                self.vanished = set(paths)
            elif removed or replaced:
                self.gallery.delete([*removed, *replaced])
        return Counter(removed=len(removed), offline=len(offline))

    def _compare(self, photo: StoredPhoto) -> tuple[list[PhotoFile], list[PhotoFile], list[PhotoFile]]:
        """Those files of a photo that are there, those that may be, and those that are gone for sure.

        Files that hold another photo now, or none, are in none of the lists.
        """
        there, kept, gone = list[PhotoFile](), list[PhotoFile](), list[PhotoFile]()
        for file in dict.fromkeys((*photo.files, *self.gained.get(photo.id, ()))):
            found = self.scan.files.get(file.path)
            if found == file:
                there.append(file)
            elif found is not None:
                if not (file.path in self.read or file.path in self.broken or self._is_known(found)):
                    kept.append(file)
            elif self._unreadable.of(file.path) is None and _is_gone(file.path, self.places.of(file.path) is not None):
                gone.append(file)
            else:
                kept.append(file)
        return there, kept, gone

    def _judge(
        self, vanished: dict[Path | None, list[StoredPhoto]], prune: bool
    ) -> tuple[list[str], list[StoredPhoto]]:
        """Which of the vanished photos, by source, are to be forgotten, and which are offline."""
        removed: list[str] = []
        offline: list[StoredPhoto] = []
        for source, photos in vanished.items():
            broken = {photo.id for photo in photos if any(file.path in self.broken for file in photo.files)}
            fresh = [photo for photo in photos if not photo.offline and photo.id not in broken]
            too_many = len(fresh) > _TOO_MANY * self.online[source]
            for photo in photos:
                if not prune and photo.id not in broken and (photo.offline or too_many):
                    offline.append(photo)
                else:
                    removed.append(photo.id)
        return removed, offline

    def _photo(self, photo_id: str) -> StoredPhoto | None:
        return self.known.get(photo_id) or self.gallery.photo(photo_id)

    def _drop_sources_that_moved(self) -> None:
        """Follow no longer what is gone and has no photos left, as a folder that was renamed."""
        missing = [source for source in self.sources.followed if _is_gone(source, looked_at=False)]
        if missing:
            files = {file.path for photo in self.gallery.photos() for file in photo.files}
            covered = {place for path in files for place in (path, *path.parents)}
            empty = [source for source in missing if source not in covered]
            if empty:
                self.gallery.sources.without_these(empty).write(self.gallery.folder)


@contextmanager
def explain_write_errors(gallery: Gallery) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise InputError(
                f"{gallery.folder}: cannot be changed ({error.strerror}); make it writable, or name another gallery"
            ) from None
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"{gallery.folder}: the disk is full, {len(gallery)} photos are indexed; free some space and index again"
        ) from None


def _is_followed(path: Path, sources: Sources) -> bool:
    source = sources.of(path)
    return source is not None and not any(map(is_left_out, path.relative_to(source).parts))


def _is_gone(path: Path, looked_at: bool) -> bool:
    """Whether there is certainly no such file; where it was ``looked_at`` and not found, one that is there is left out
    on purpose.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return looked_at


def _by_folder(sources: Sources) -> Callable[[Path], Path | None]:
    """``sources.of``, quick for many files of the same folders."""

    @cache
    def of_folder(folder: str) -> Path | None:
        return sources.of(Path(folder))

    return lambda path: path if path in sources.followed else of_folder(os.path.dirname(path))
