"""A gallery folder: the index and the thumbnails of photos.

    gallery.json    format, name of the index, hash of its model
    sources.json    the folders and files that the gallery follows
    index-ID/       what photos are found by (``gallery.index``)
    thumbs/         JPEG thumbnails made so far, by photo id

``gallery.json`` is the commit: an index that it does not name is a leftover of a killed process. One process at a time
may have a gallery open.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.files import (
    StrPath,
    as_path,
    create_folder,
    decode_json,
    delete_leftovers,
    explain_write_errors,
    sync_folder,
    write_file,
)
from sketchseek.formats import GALLERY_FORMAT
from sketchseek.gallery.index import Index
from sketchseek.gallery.scan import PhotoFile
from sketchseek.gallery.sources import Sources
from sketchseek.gallery.thumbnails import SIDE, thumbnail_jpeg
from sketchseek.matching import Features
from sketchseek.model import Model
from sketchseek.model.preprocess import decode_photo
from sketchseek.strokes.placing import placed

# The vector engine maps its files into memory, and a write to a mapped file on a full disk kills the process. It grows
# them by 32 MB at a time, so room for a few of those steps is kept free.
KEEP_FREE = 128 * 2**20
# Most photos of a large gallery are never shown, so thumbnails are made on first use. Photos with more pixels than this
# are slow to decode (a PNG takes 10 ms and more), so they get theirs while indexing, which decodes them anyway.
SLOW_TO_DECODE = 500_000
_CONFIG = "gallery.json"
_ROW = "row"  # the payload's key for the row in features.f16
_CHANGED_TOGETHER = 500  # photos; searches wait for no more than these
_DRAWN = 100  # drawings that searches are measured with


@dataclass(frozen=True)
class StoredPhoto:
    """An indexed photo. Files with the same content are one photo, whose ``id`` is a hash of that content.

    ``width`` and ``height`` are in pixels, after the EXIF orientation is applied. A photo is ``offline`` where none of
    its files was there when they were looked for, but nothing says that it was deleted.
    """

    id: str
    files: tuple[PhotoFile, ...]  # at least one; those that are there come first
    width: int
    height: int
    offline: bool = False

    @property
    def path(self) -> Path:
        """The file to open."""
        return self.files[0].path

    @property
    def name(self) -> str:
        """The file's name, without the folder."""
        return self.path.name

    @property
    def copies(self) -> tuple[Path, ...]:
        """The other files with the same content."""
        return tuple(file.path for file in self.files[1:])

    @classmethod
    def from_payload(cls, point: UUID, payload: Mapping[str, Any]) -> StoredPhoto:
        """The photo of a point in the vector engine."""
        files = tuple(PhotoFile(Path(path), size, mtime) for path, size, mtime in payload["files"])
        return cls(str(point), files, payload["width"], payload["height"], payload["offline"])

    def payload(self) -> dict[str, Any]:
        """What the vector engine stores with the photo's vector, JSON."""
        files = [[str(file.path), file.size, file.mtime] for file in self.files]
        return {"files": files, "width": self.width, "height": self.height, "offline": self.offline}


class Candidate(NamedTuple):
    """A photo found by the vector engine. Higher scores are closer. ``row`` is that of its record in ``features.f16``,
    None where the gallery has no such file.
    """

    point: UUID
    score: float
    row: Any


class Gallery:
    """Indexed photos in a folder. Open or create one in a ``with`` statement, or close it after use."""

    def __init__(self, folder: Path, index: Index, unwritable: OSError | None = None) -> None:
        self.folder = folder
        self._unwritable = unwritable  # why photos can neither be added nor removed
        self.changes = 0  # how often photos were added, removed or changed; results found before may be outdated
        self.steady = Lock()  # while it is held, photos are neither added nor removed; for searches beside changes
        self.gives_way = False  # whether reading photos leaves processor time to searches
        # Who reads takes it once: when another takes its place, this one stays open until the last has read.
        self._index = index

    @classmethod
    def create(cls, folder: StrPath, model: Model | StrPath | None = None, cluster: str | None = None) -> Gallery:
        """Make an empty gallery in a new or empty folder, and open it.

        ``model`` is a model or its folder; without one, the model that is shipped with Sketchseek. The gallery keeps a
        copy. With a ``cluster`` (``qdrant+http://HOST:6333/COLLECTION``) its photos are those of a collection there,
        which is made where there is none. Raises InputError where the folder holds something already or cannot be
        written, has no model in it, or the collection is of another model.
        """
        folder, model = as_path(folder), Model.default() if model is None else _loaded(model)
        with explain_write_errors(folder, "name another place for the gallery"), create_folder(folder) as unfinished:
            _check_space(unfinished)
            name = _new_name()
            Index.create(unfinished / name, model, cluster)
            (unfinished / "thumbs").mkdir()
            (unfinished / _CONFIG).write_text(_config(name, model))
        return cls.open(folder)

    @classmethod
    def open(cls, folder: StrPath, model: Model | StrPath | None = None) -> Gallery:
        """Open a gallery; where a ``model`` (or its folder) is given, only if the gallery is of that one.

        A gallery that cannot be written (folder or file system are read-only, or the disk is full) can be searched; its
        vectors are then copied to the system's folder for temporary files. Raises InputError where there is no gallery,
        it is of another model, or another process has it open.
        """
        folder = as_path(folder)
        while True:
            config = _read_config(folder)
            if model is not None:
                _check_model(folder, config["model"], _loaded(model).hash)
            unwritable = _why_unwritable(folder, folder / config["index"])
            try:
                index = Index.open(folder / config["index"], config["model"], unwritable)
            except InputError:
                if _read_config(folder) == config:
                    raise
                continue
            if _read_config(folder) == config:
                break
            index.close()  # another process has just put a new index in its place
        if unwritable is None:
            _delete_leftovers(folder)
        return cls(folder, index, unwritable)

    @classmethod
    def open_or_create(cls, folder: StrPath, model: Model | StrPath | None = None) -> Gallery:
        """Open the gallery in a folder, or create it where there is none yet. Raises InputError as both do."""
        exists = (as_path(folder) / "gallery.json").exists()
        return cls.open(folder, model) if exists else cls.create(folder, model)

    @property
    def model(self) -> Model:
        """The model that photos are found by."""
        return self._index.model

    @property
    def encoder(self) -> Model:
        """The model, for many photos at a time, in a thread each."""
        return self._index.encoder

    @contextlib.contextmanager
    def new_index(self, model: Model) -> Iterator[Gallery]:
        """Yield a gallery in the same folder, of another model and empty. When the block ends it takes this one's
        place, in one atomic step; if the block raises, it is deleted. Searches go on meanwhile.

        Raises OSError as ``put`` does, and passes on what the block raises; this gallery is then as it was.
        """
        self._check_writable()
        if self._index.cluster is not None:
            raise InputError(f"{self._index.cluster}: keeps its model; name another collection to use another one")
        name = _new_name()
        try:
            Index.create(self.folder / name, model)
            fresh = Gallery(self.folder, Index.open(self.folder / name, model.hash))
            fresh.gives_way = self.gives_way
            try:
                yield fresh
                fresh.flush()
                fresh.optimize()
                sync_folder(self.folder / name)
                with self._changing():
                    write_file(self.folder / _CONFIG, _config(name, model), durable=True)
                    old, self._index = self._index, fresh._index
            except BaseException:
                fresh.close()
                raise
            if old.features is not None:
                old.features.close()
            del old  # its vectors are closed with the last reader
        finally:
            _delete_leftovers(self.folder)

    @property
    def sources(self) -> Sources:
        """The folders and files that the gallery follows. Raises InputError where their file is damaged."""
        return Sources.read(self.folder)

    def __len__(self) -> int:
        """The number of photos. Files with the same content are one."""
        return len(self._index.vectors)

    def photos(self) -> Iterator[StoredPhoto]:
        """All photos, in no particular order."""
        return (StoredPhoto.from_payload(*record) for record in self._index.vectors.all_payloads())

    def photo(self, photo: str) -> StoredPhoto | None:
        """The photo with this id, None where there is none. The id may be any text."""
        try:
            point = UUID(photo)
        except ValueError:
            return None
        try:
            return self.stored([point])[0]
        except KeyError:
            return None

    def stored(self, points: Sequence[UUID]) -> list[StoredPhoto]:
        """The photos of some points of the vector engine. Raises KeyError for a point that is not there."""
        return [
            StoredPhoto.from_payload(*found) for found in zip(points, self._index.vectors.payloads(points), strict=True)
        ]

    def thumbnail(self, photo: StoredPhoto) -> bytes:
        """The thumbnail of a photo: a JPEG of at most 320 pixels on its longer side. Made on first use, then kept.

        Several threads may call this at once. Raises InputError where the thumbnail has to be made but the photo's
        files are gone, changed or damaged.
        """
        path = self._thumbnail(photo.id)
        try:
            return path.read_bytes()
        except OSError:
            file = next((file for file in photo.files if file.is_unchanged()), photo.files[0])
            jpeg = thumbnail_jpeg(decode_photo(file.path, SIDE).image)
            if not file.is_unchanged():
                raise InputError(f"{file.path}: has changed since it was indexed; index again") from None
            with contextlib.suppress(OSError):  # the disk is full; the thumbnail can be shown without being kept
                _write_thumbnail(jpeg, path)
            return jpeg

    def prepare_thumbnail(self, photo: StoredPhoto, image: Image.Image) -> None:
        """Keep the thumbnail of a photo that is about to be added, where it is large and so would be slow to make.

        ``image`` is decoded from its file. Raises OSError where the disk is full.
        """
        if photo.width * photo.height > SLOW_TO_DECODE:
            _write_thumbnail(thumbnail_jpeg(image), self._thumbnail(photo.id))

    def _thumbnail(self, photo: str) -> Path:
        return self.folder / "thumbs" / photo[:2] / f"{photo}.jpg"

    def put(self, photos: Sequence[StoredPhoto], features: Features) -> None:
        """Add photos with their features, replacing those with the same ids. Survives a crash of the process.

        Raises OSError where the gallery cannot be written, or less than 128 MB of the disk would stay free; nothing is
        done then.
        """
        self._check_writable(self._index.features.record_bytes * len(photos) if self._index.features is not None else 0)
        vectors = np.asarray(self.model.matcher.photo_vector(features), np.float32)
        payloads = [photo.payload() for photo in photos]
        if self._index.features is not None:
            payloads = [p | {_ROW: row} for p, row in zip(payloads, self._index.features.append(features), strict=True)]
        with self._changing():
            self._index.vectors.put([UUID(photo.id) for photo in photos], vectors, payloads)
        self._index.vectors.optimize()

    def update(self, photos: Sequence[StoredPhoto]) -> None:
        """Store where the files of photos are now, and whether they are offline. Survives a crash of the process.

        Raises OSError as ``put`` does.
        """
        self._check_writable()
        for photo in photos:
            with self._changing():
                self._index.vectors.set_payload([UUID(photo.id)], photo.payload())

    def set_offline(self, photos: Sequence[str], offline: bool) -> None:
        """Store of photos, by id, whether they are offline. Raises OSError as ``put`` does."""
        self._check_writable()
        for some in _parts(photos):
            with self._changing():
                self._index.vectors.set_payload(some, {"offline": offline})

    def delete(self, photos: Sequence[str]) -> None:
        """Remove photos by id from the gallery. Their files are not touched. Raises OSError as ``put`` does."""
        self._check_writable()
        for some in _parts(photos):
            with self._changing():
                self._index.vectors.delete(some)
        for photo in photos:
            self._thumbnail(photo).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        with self.steady:
            yield
            self.changes += 1

    def optimize(self) -> None:
        """Make searches of a large gallery quick, and check with drawings that they miss nearly nothing.

        For the end of adding many photos, as it takes its time; does nothing for fewer than 250,000 or
        where few were added since. Searches go on meanwhile. Raises OSError where the disk is full.
        """
        if self._unwritable is None:
            self._index.vectors.tune(self._drawn_queries)

    def _drawn_queries(self) -> NDArray[np.float32]:
        """Vectors of drawings of made-up things ``[n, d]``, to measure searches with."""
        from sketchseek.synthetic.dataset import generate

        inks = [placed(generate(index, drawers=1).sketches[0]) for index in range(_DRAWN)]
        return np.concatenate([self.model.matcher.sketch_vector(self.encoder.encode_sketches([ink])) for ink in inks])

    def nearest(self, vector: NDArray[np.float32], limit: int, exact: bool = False) -> list[Candidate]:
        """The ``limit`` photos closest to a vector ``[d]``, closest first, in any order among equal scores.

        A few may be missed in a large gallery, unless the search is to be ``exact``.
        """
        key = None if self._index.features is None else _ROW
        return [Candidate(*found) for found in self._index.vectors.nearest(vector, limit, key, exact)]

    def scores(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """The score of every photo against a vector ``[d]``, by id."""
        found = self._index.vectors.nearest(vector, len(self), exact=True) if len(self) else []
        return {str(point.id): point.score for point in found}

    def features(self, photos: Sequence[str]) -> Features:
        """The features for exact matching of some photos, by id: float32, first axis = photos, in the order given.

        All features except the single vector; empty where the model matches by that vector alone. Raises KeyError for
        an id that is not in the gallery.
        """
        index = self._index
        if index.features is None:
            return {}
        return index.features.read(index.vectors.values([UUID(photo) for photo in photos], _ROW))

    def features_of(self, candidates: Sequence[Candidate]) -> Features:
        """As ``features``, for candidates."""
        features = self._index.features
        return {} if features is None else features.read([candidate.row for candidate in candidates])

    def all_features(self) -> Iterator[tuple[list[str], Features]]:
        """Ids and ``features`` of all photos, at most 64 MB at a time, in the order of the file."""
        index = self._index
        if index.features is None:
            return
        for part in index.features.parts(index.vectors.all_values(_ROW)):
            yield [str(point) for point, _ in part], index.features.read([row for _, row in part])

    def flush(self) -> None:
        """Flush everything to disk (fsync), and compact ``features.f16`` once more than half of it is garbage."""
        if self._unwritable is not None:
            return
        self._index.vectors.flush()
        if self._index.features is not None and self._index.features.records > 2 * len(self):
            with contextlib.suppress(OSError):  # the disk is too full for a second file; the first stays valid
                self._index.features.compact(row for _, row in self._index.vectors.all_values(_ROW))

    def _check_writable(self, wanted: int = 0) -> None:
        if self._unwritable is not None:
            raise OSError(self._unwritable.errno, self._unwritable.strerror, str(self.folder))
        _check_space(self.folder, wanted)

    def close(self) -> None:
        """Close the files; the gallery cannot be used any more."""
        self._index.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_of_model(folder: Path, model: Model | StrPath) -> bool:
    """Whether the gallery in a folder is of ``model``. Raises InputError where there is none, or no model."""
    return bool(_read_config(folder)["model"] == _loaded(model).hash)


def default_gallery_dir() -> Path:
    """The folder of the gallery that commands use when none is named: in the user's data directory."""
    import platformdirs

    return platformdirs.user_data_path("sketchseek") / "galleries" / "default"


def _loaded(model: Model | StrPath) -> Model:
    return model if isinstance(model, Model) else Model.load(model)


def _parts(photos: Sequence[str]) -> Iterator[list[UUID]]:
    for start in range(0, len(photos), _CHANGED_TOGETHER):
        yield [UUID(photo) for photo in photos[start : start + _CHANGED_TOGETHER]]


def _write_thumbnail(jpeg: bytes, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    write_file(path, jpeg)


def _check_model(folder: Path, found: str, wanted: str) -> None:
    if found != wanted:
        raise InputError(
            f"{folder}: is of another model ({found[:12]}, not {wanted[:12]}); "
            "encode its photos anew with `sketchseek index --model`, or make a gallery elsewhere"
        )


def _new_name() -> str:
    return f"index-{uuid4().hex[:8]}"


def _config(index: str, model: Model) -> str:
    return json.dumps({"format": GALLERY_FORMAT, "index": index, "model": model.hash}) + "\n"


def _delete_leftovers(folder: Path) -> None:
    """Delete what killed processes left of the gallery in a folder, and indexes that others took the place of."""
    named = _read_config(folder)["index"]
    for index in folder.glob("index-*"):
        if index.name != named:
            shutil.rmtree(index, ignore_errors=True)
    for name in (_CONFIG, "sources.json", "server.json"):
        delete_leftovers(folder / name)


def _why_unwritable(folder: Path, index: Path) -> OSError | None:
    """The error that writing to a gallery would meet, None where it can be written."""
    try:
        _check_space(folder)
        with tempfile.TemporaryFile(dir=folder), tempfile.TemporaryFile(dir=index / "vectors"):
            pass
        for path in (index / "vectors").rglob("*"):
            if path.is_file():
                path.open("r+b").close()
    except FileNotFoundError:  # damaged; who opens it says so
        return None
    except OSError as error:
        return error
    return None


def _check_space(folder: Path, wanted: int = 0) -> None:
    if shutil.disk_usage(folder).free < KEEP_FREE + wanted:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / _CONFIG
    try:
        config = decode_json(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        place = "" if folder == default_gallery_dir() else f" --gallery {folder}"
        raise InputError(f"{folder}: no gallery there; make one with `sketchseek index PHOTOS{place}`") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); make it readable") from None
    except ValueError as error:
        raise InputError(f"{path}: damaged ({error}); delete the gallery and index again") from None
    if (
        not isinstance(config, dict)
        or config.get("format") != GALLERY_FORMAT
        or not isinstance(config.get("model"), str)
        or not re.fullmatch(r"index-[0-9a-f]{8}", str(config.get("index")))
    ):
        raise InputError(f"{path}: not a gallery of this version; update Sketchseek, or delete it and index again")
    return config
