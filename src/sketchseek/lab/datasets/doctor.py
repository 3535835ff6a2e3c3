"""Whether a copy of a data set is whole."""

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
    """``problems`` (broken or unpaired) and ``duplicates`` are lines that name the files.

    ``duplicates`` are images of equal content in training and in test. A published release may be so, hence they are
    told but are no fault of the copy.
    """

    files: int
    problems: tuple[str, ...]
    duplicates: tuple[str, ...]


def images_of(split: Split) -> list[Path]:
    """Every photo, then every sketch or frame that is an image."""
    drawn = [path for s in split.sketches if s.strokes is None for path in (s.frames or (s.path,)) if path is not None]
    return [photo.path for photo in split.photos] + drawn


def examine(dataset: Dataset, advance: Callable[[], None] = lambda: None) -> Finding:
    """Open every image of a data set that was read and compare training with test; ``advance`` is called after each."""
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
                pool.shutdown(cancel_futures=True)  # whoever interrupts does not wait for the rest
                raise
            contents.append(seen)
    train, test = contents
    counts = [len(p) for s in (dataset.train, dataset.test) for p in (s.photos, s.sketches)]
    nothing = () if any(counts) or dataset.problems else (f"{dataset.root}: holds neither photos nor sketches",)
    return Finding(
        files=sum(len(names) for _, _, names in os.walk(dataset.root)),
        # Among one's own photos those that nobody drew are no fault but simply part of the gallery.
        problems=(*broken, *nothing, *dataset.problems, *(_undrawn(dataset) if dataset.slug != "folder" else ())),
        duplicates=tuple(f"{test[h]}: the same image as {train[h]} in training" for h in test if h in train),
    )


def _open(path: Path, is_photo: bool) -> str | InputError:
    """The hash of the file's content, or what is wrong with it."""
    try:
        (read_photo if is_photo else read_ink)(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except InputError as error:
        return error


def _undrawn(dataset: Dataset) -> Iterable[str]:
    for split in (dataset.train, dataset.test):
        drawn = {sketch.photo for sketch in split.sketches}
        yield from (f"{p.path}: photo without a sketch" for i, p in enumerate(split.photos) if i not in drawn)
