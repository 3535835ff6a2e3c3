"""Decode the images of a data set, with an on-disk cache, so that decoding does not slow down training.

A cache entry contains all images of a split at one size. Its key includes the path, size and modification time of every
file (for strokes, their points) and the code that computes the pixels, so a stale entry is never used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.lab.cache import Allocate, cached_arrays
from sketchseek.lab.datasets.base import Photo, SketchItem, Split
from sketchseek.model.preprocess import prepare_sketch, read_photo
from sketchseek.strokes import CANVAS, Ink, Sketch, edge_sketch, episode, last_points, placed, read_ink
from sketchseek.strokes.labels import drawn_labels, extracted_labels, grid_labels

LabelKind = Literal["extracted", "drawn", "grid"]

SMALL = 64  # fewer images are not cached, because decoding them is fast
# The modules that compute pixels from files, as a part of the cache key.
IMAGE_CODE = ("sketchseek.strokes", "sketchseek.model.preprocess", "sketchseek.lab.datasets.pixels")


def photo_pixels(photos: Sequence[Photo], size: int) -> NDArray[np.uint8]:
    """Photos as input for networks, uint8 ``[n, size, size, 3]``; read-only if from the cache.

    Raises InputError for a photo that is missing or damaged.
    """
    return _cached(photos, lambda p: read_photo(p.path, size), (size, size, 3), (_of_file(p.path) for p in photos))


def sketch_pixels(sketches: Sequence[SketchItem], size: int, as_framed: bool = True) -> NDArray[np.uint8]:
    """Complete sketches as ink, uint8 ``[n, size, size]``, 255 = ink; read-only if from the cache.

    They lie where they were drawn (``as_framed``), or as the app places them (``strokes.placed``).

    Raises InputError for a sketch that is missing or damaged.
    """

    def make(sketch: SketchItem) -> NDArray[np.uint8]:
        drawing = _drawing(sketch)
        return prepare_sketch(drawing if as_framed else placed(drawing), size)

    mark = b"" if as_framed else b"placed"
    return _cached(sketches, make, (size, size), (sketch_identity(sketch) + mark for sketch in sketches))


def sketch_labels(sketches: Sequence[SketchItem], size: int, kind: LabelKind, parts: int) -> NDArray[np.uint8]:
    """The label maps (``strokes.labels``) of ``sketch_pixels``, uint8 ``[n, size, size]``; read-only if from the cache.

    They tell which stroke each pixel belongs to; 0 is no ink, 255 ink of no stroke. ``kind`` "extracted" cuts each
    drawing into ``parts`` strokes. "drawn" uses the strokes as drawn, and extracts them if the data has none. "grid"
    uses the ``parts x parts`` cells of a grid instead of strokes.
    """

    def make(sketch: SketchItem) -> NDArray[np.uint8]:
        ink = prepare_sketch(_drawing(sketch), size)
        if kind == "grid":
            return grid_labels(ink, parts)
        if kind == "drawn" and sketch.strokes is not None:
            return drawn_labels(sketch.strokes, ink)
        return extracted_labels(ink, parts)

    identities = (sketch_identity(s) + f"{kind} {parts}".encode() for s in sketches)
    return _cached(sketches, make, (size, size), identities)


def sketch_frames(sketch: SketchItem, steps: int, size: int, as_framed: bool = True) -> NDArray[np.uint8]:
    """Partial sketches at ``steps`` moments, as ink, uint8 ``[steps, size, size]``; the last one is complete.

    They come from the strokes, or from the sketch's own frames, evenly chosen; ``as_framed`` as in ``sketch_pixels``.
    Raises InputError for a sketch that has neither, unless ``steps`` is 1.
    """
    if sketch.strokes is not None and as_framed:
        drawings: Iterable[Sketch | Ink] = episode(sketch.strokes, steps).astype(np.uint8) * 255
    elif sketch.strokes is not None:
        last = last_points(len(sketch.strokes), steps)
        drawings = (sketch.strokes.first_points(count) for count in (last + 1).tolist())
    elif sketch.frames:
        count = len(sketch.frames)
        last = np.maximum(np.rint(np.arange(1, steps + 1) * count / steps).astype(int) - 1, 0)
        drawings = (read_ink(sketch.frames[i]) for i in last)
    elif steps == 1:
        drawings = [_drawing(sketch)]
    else:
        raise InputError(f"{sketch.path}: partial sketches need strokes or frames, this is one image")
    return np.stack([prepare_sketch(drawing if as_framed else placed(drawing), size) for drawing in drawings])


def data_hash(split: Split) -> str:
    """A hash of a split's files: path, size and modification time of every image, and the points of strokes.

    Raises InputError for a missing file.
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
        return edge_sketch(
            read_photo(_path(sketch), CANVAS)
        ).fitted()  # scaled to the size of drawings in the data sets
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


def sketch_identity(sketch: SketchItem) -> bytes:
    """A complete sketch's part of a cache key: its points, or path, size and modification time of its image."""
    if sketch.strokes is None:
        return _of_file(_path(sketch)) + (b"edges" if sketch.traced else b"")
    return _of_strokes(sketch.strokes)


def _of_strokes(sketch: Sketch) -> bytes:
    lengths = np.array([len(stroke) for stroke in sketch.strokes], dtype="<i8")
    return lengths.tobytes() + sketch.points.astype("<f8").tobytes()


def _cached(
    items: Sequence, make: Callable[..., NDArray[np.uint8]], shape: tuple[int, ...], identities: Iterable[bytes]
) -> NDArray[np.uint8]:
    """``make(item)`` for every item, ``[n, *shape]``, cached; ``identities`` are the items' parts of the cache key."""
    full = (len(items), *shape)
    digest = hashlib.sha256()
    for identity in identities:
        digest.update(identity)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if len(items) < SMALL:
            return np.array(list(pool.map(make, items)), dtype=np.uint8).reshape(full)

        def fill(allocate: Allocate) -> None:
            pixels = allocate({"pixels": (full, "uint8")})["pixels"]
            try:
                for index, image in enumerate(pool.map(make, items)):
                    pixels[index] = image
            finally:
                pool.shutdown(cancel_futures=True)  # do not decode the rest after a damaged image

        return cached_arrays("pixels", {"images": digest.hexdigest(), "shape": str(full)}, IMAGE_CODE, fill)["pixels"]
