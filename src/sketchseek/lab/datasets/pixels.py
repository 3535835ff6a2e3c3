"""Decoded images of a data set, kept in a cache so that the network, not the disk, is the limit of training.

A cache file is a plain .npy of all images of one split at one size, mapped into memory. Its name is a hash of every
file's path, size and time of change (of strokes: their points) and of the code that makes the pixels, so what changed
is never read from the cache.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import PIL
from numpy.typing import NDArray
from platformdirs import user_cache_path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.model.preprocess import prepare_sketch, read_photo
from sketchseek.strokes import CANVAS, Ink, Sketch, edge_sketch, episode, read_ink, trace
from sketchseek.strokes.extraction import extract_strokes
from sketchseek.strokes.labels import drawn_labels, extracted_labels, grid_labels

LabelKind = Literal["extracted", "drawn", "grid"]

SMALL = 64  # so few images are decoded sooner than they are worth a file
KEEP_DAYS = 30  # cache files not used for so long are deleted when a new one is written


def photo_pixels(photos: Sequence[Photo], size: int) -> NDArray[np.uint8]:
    """What networks see of these photos, uint8 ``[n, size, size, 3]``, read-only where it comes from the cache.

    Raises InputError naming a photo that is missing or damaged.
    """
    return _cached(photos, lambda p: read_photo(p.path, size), (size, size, 3), (_of_file(p.path) for p in photos))


def sketch_pixels(sketches: Sequence[SketchItem], size: int) -> NDArray[np.uint8]:
    """The complete sketches as ink, uint8 ``[n, size, size]``, 255 = ink, read-only where they come from the cache.

    Raises InputError naming a sketch that is missing or damaged.
    """
    return _cached(sketches, lambda s: prepare_sketch(_drawing(s), size), (size, size), map(_of_sketch, sketches))


def sketch_labels(sketches: Sequence[SketchItem], size: int, kind: LabelKind, parts: int) -> NDArray[np.uint8]:
    """Which stroke each pixel of ``sketch_pixels`` belongs to: label maps, uint8 ``[n, size, size]``, 0 no ink, 255
    ink of no stroke, read-only where they come from the cache.

    ``extracted`` cuts each drawing into ``parts`` strokes; ``drawn`` takes the strokes as a person drew them and
    extracts only where the data has none; ``grid`` takes ``parts x parts`` cells of the image for strokes.
    """

    def make(sketch: SketchItem) -> NDArray[np.uint8]:
        ink = prepare_sketch(_drawing(sketch), size)
        if kind == "grid":
            return grid_labels(ink, parts)
        if kind == "drawn" and sketch.strokes is not None:
            return drawn_labels(sketch.strokes, ink)
        return extracted_labels(ink, parts)

    identities = (_of_sketch(s) + f"{kind} {parts} {_labelling()}".encode() for s in sketches)
    return _cached(sketches, make, (size, size), identities)


def sketch_frames(sketch: SketchItem, steps: int, size: int) -> NDArray[np.uint8]:
    """A sketch as it grew, uint8 ``[steps, size, size]``, the last step complete: cut from its strokes, or its own
    frames, evenly chosen.

    Raises InputError for a sketch that has neither when more than the complete sketch is asked for.
    """
    if sketch.strokes is not None:
        drawings: Iterable[Sketch | Ink] = episode(sketch.strokes, steps).astype(np.uint8) * 255
    elif sketch.frames:
        count = len(sketch.frames)
        last = np.maximum(np.rint(np.arange(1, steps + 1) * count / steps).astype(int) - 1, 0)
        drawings = (read_ink(sketch.frames[i]) for i in last)
    elif steps == 1:
        drawings = [_drawing(sketch)]
    else:
        raise InputError(f"{sketch.path}: partial sketches need strokes or frames, this is one image")
    return np.stack([prepare_sketch(drawing, size) for drawing in drawings])


def data_hash(split: Split) -> str:
    """A hash of what is in the files of a split: path, size and time of change of every image, the points of strokes
    themselves. Raises InputError naming a file that is missing.
    """
    digest = hashlib.sha256()
    for photo in split.photos:
        digest.update(_of_file(photo.path))
    for sketch in split.sketches:
        digest.update(f"sketch of {sketch.photo}\n".encode())
        if sketch.strokes is not None:
            digest.update(_of_strokes(sketch.strokes))
        else:
            for path in (*sketch.frames, *([sketch.path] if sketch.path else [])):
                digest.update(_of_file(path))
    return digest.hexdigest()


def _drawing(sketch: SketchItem) -> Sketch | Ink:
    if sketch.strokes is not None:
        return sketch.strokes
    if sketch.traced:
        return edge_sketch(read_photo(_path(sketch), CANVAS)).fitted()  # as large as people's drawings in the data sets
    return read_ink(_path(sketch))


def _path(sketch: SketchItem) -> Path:
    if sketch.path is None:
        raise ValueError(f"the sketch '{sketch.name}' has neither strokes nor a path")
    return sketch.path


def _of_file(path: Path) -> bytes:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or 'cannot be read').lower()}; get the file anew") from None
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()


def _of_sketch(sketch: SketchItem) -> bytes:
    if sketch.strokes is None:
        return _of_file(_path(sketch)) + (f"edges {_tracing()}".encode() if sketch.traced else b"")
    return _of_strokes(sketch.strokes)


def _of_strokes(sketch: Sketch) -> bytes:
    lengths = np.array([len(stroke) for stroke in sketch.strokes], dtype="<i8")
    return lengths.tobytes() + sketch.points.astype("<f8").tobytes()


def _cached(
    items: Sequence, make: Callable[..., NDArray[np.uint8]], shape: tuple[int, ...], identities: Iterable[bytes]
) -> NDArray[np.uint8]:
    """``make`` of every item, ``[n, *shape]``, from the cache or into it; ``identities`` says what each depends on."""
    full = (len(items), *shape)
    digest = hashlib.sha256(f"{_preprocessing()}\0{full}\n".encode())
    for identity in identities:
        digest.update(identity)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if len(items) < SMALL:
            return np.array(list(pool.map(make, items)), dtype=np.uint8).reshape(full)
        folder = user_cache_path("sketchseek") / "pixels"
        path = folder / f"{digest.hexdigest()[:32]}.npy"
        pixels = _open(path, full)
        if pixels is not None:
            os.utime(path)
            return pixels
        folder.mkdir(parents=True, exist_ok=True)
        _forget_old(folder)
        unfinished = folder / f"{path.stem}.{os.getpid()}.tmp"
        try:
            with unfinished.open("wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": full}
                np.lib.format.write_array_header_1_0(file, header)
                for image in pool.map(make, items):
                    file.write(np.ascontiguousarray(image).data)
            unfinished.replace(path)
        finally:
            pool.shutdown(cancel_futures=True)  # after a damaged image the rest need not be decoded
            unfinished.unlink(missing_ok=True)
    pixels = _open(path, full)
    assert pixels is not None
    return pixels


@cache
def _labelling() -> str:
    """A hash of the code between pixels and strokes."""
    sources = "".join(inspect.getsource(sys.modules[f.__module__]) for f in (extracted_labels, extract_strokes))
    return hashlib.sha256(sources.encode()).hexdigest()


@cache
def _tracing() -> str:
    """A hash of the code between a photo and the sketch traced from it."""
    sources = "".join(inspect.getsource(sys.modules[f.__module__]) for f in (edge_sketch, trace, Sketch))
    return hashlib.sha256(sources.encode()).hexdigest()


@cache
def _preprocessing() -> str:
    """A hash of the code between a file and its pixels."""
    sources = "".join(inspect.getsource(sys.modules[f.__module__]) for f in (read_photo, read_ink, episode))
    return hashlib.sha256(f"{PIL.__version__}\n{sources}".encode()).hexdigest()


def _open(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The cache file mapped into memory; None if there is none, or it is cut short or no such array."""
    try:
        pixels = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _forget_old(folder: Path) -> None:
    for path in folder.iterdir():
        try:
            if path.stat().st_mtime < time.time() - KEEP_DAYS * 86400:
                path.unlink()
        except FileNotFoundError:  # another process was quicker
            pass
