"""Check a copy of a data set: unreadable images, unpaired files, duplicates between training and test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Dataset, Split
from sketchseek.model.preprocess import read_photo
from sketchseek.strokes import read_ink


@dataclass(frozen=True)
class Finding:
    """The result of a check."""

    files: int  # in the folder
    problems: tuple[str, ...]  # broken or unpaired files, a line each
    # Images with equal content in training and test, a line each. They are reported but are no fault of the copy,
    # because some published releases contain them.
    duplicates: tuple[str, ...]


def images_of(split: Split) -> list[Path]:
    """The paths of all photos, then of all sketches and frames that are images."""
    drawn = [path for s in split.sketches if s.strokes is None for path in (s.frames or (s.path,)) if path is not None]
    return [photo.path for photo in split.photos] + drawn


def examine(dataset: Dataset, advance: Callable[[], None] = lambda: None) -> Finding:
    """Open every image of a data set and look for duplicates; ``advance`` is called after each image."""
    broken: list[str] = []
    contents: list[dict[str, Path]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for split in (dataset.train, dataset.test):
            seen: dict[str, Path] = {}
            paths = images_of(split)
            is_photo = (index < len(split.photos) for index in range(len(paths)))
            try:
                for path, result in zip(paths, pool.map(_open, paths, is_photo), strict=True):
                    if isinstance(result, InputError):
                        broken.append(str(result))
                    else:
                        seen[result] = path
                    advance()
            except BaseException:
                pool.shutdown(cancel_futures=True)  # so that an interrupt does not wait for the remaining images
                raise
            contents.append(seen)
    train, test = contents
    counts = [len(p) for s in (dataset.train, dataset.test) for p in (s.photos, s.sketches)]
    nothing = () if any(counts) or dataset.problems else (f"{dataset.root}: holds neither photos nor sketches",)
    # In a folder of one's own, photos without a sketch are no problem: they just belong to the gallery.
    undrawn = () if dataset.slug in ("folder", "categories") else _undrawn(dataset)
    return Finding(
        files=sum(len(names) for _, _, names in os.walk(dataset.root)),
        problems=(*broken, *nothing, *dataset.problems, *undrawn),
        duplicates=tuple(f"{test[h]}: the same image as {train[h]} in training" for h in test if h in train),
    )


def _open(path: Path, is_photo: bool) -> str | InputError:
    """The SHA-256 of the file's content, or the error if it is not a readable image."""
    try:
        (read_photo if is_photo else read_ink)(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except InputError as error:
        return error


def _undrawn(dataset: Dataset) -> Iterable[str]:
    for split in (dataset.train, dataset.test):
        drawn = {sketch.photo for sketch in split.sketches}
        yield from (f"{p.path}: photo without a sketch" for i, p in enumerate(split.photos) if i not in drawn)
