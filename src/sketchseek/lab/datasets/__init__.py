"""Data sets: ``open_dataset("chairv2:DIR")`` reads any of them into a ``Dataset``."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.files import as_path
from sketchseek.lab.datasets.base import Dataset, Photo, SketchItem, Split, hold_out, merge, split_hash
from sketchseek.lab.datasets.catalogue import CATALOGUE, Entry, Variant, entry_of, published_variant, slugs
from sketchseek.lab.datasets.synthetic import generate_once

__all__ = [
    "CATALOGUE",
    "Dataset",
    "Entry",
    "Photo",
    "SketchItem",
    "Split",
    "Variant",
    "entry_of",
    "hold_out",
    "merge",
    "open_dataset",
    "open_datasets",
    "read_dataset",
    "slug_of",
    "slugs",
    "split_hash",
]


def open_dataset(specification: str, drawings_alone: bool = False) -> Dataset:
    """Open ``NAME:DIR`` for training or evaluation, or ``NAME`` alone for the folder of that name in ./datasets.

    Case and hyphens in names are ignored. ``synthetic`` alone is generated on first use, by several processes: a script
    must have ``if __name__ == "__main__":`` around that, as they import it. Broken and unpaired files are left out; the
    log tells how many. Raises InputError for an unknown name, a missing folder, an unexpected layout, and a data set
    without photos, unless ``drawings_alone`` and it has drawings (they serve to train and measure by category, beside
    photos of another data set).
    """
    name, _, folder = specification.partition(":")
    slug = slug_of(name)
    if folder:
        root = as_path(folder)
    elif slug == "synthetic":
        root = generate_once()
    else:
        root = _default_folder(slug)
    dataset = read_dataset(slug, root)
    has_photos = bool(dataset.train.photos or dataset.test.photos)
    has_drawings = bool(dataset.train.sketches or dataset.test.sketches)
    if not has_photos and not (drawings_alone and has_drawings):
        raise InputError(f"{root}: {slug} has no photos here, so there is nothing to retrieve; choose another data set")
    if dataset.problems:
        logging.getLogger(__name__).warning(
            "%s: %d files left out; `sketchseek doctor %s %s` lists them", root, len(dataset.problems), slug, root
        )
    return dataset


def open_datasets(data: str | Dataset | Iterable[str | Dataset], drawings_alone: bool = False) -> list[Dataset]:
    """Open one or several data sets, given as for ``open_dataset`` or already open. Raises InputError for none."""
    several = [data] if isinstance(data, str | Dataset) else list(data)
    if not several:
        raise InputError("there is no data; name a data set, e.g. ChairV2:path/to/chairv2")
    return [open_dataset(each, drawings_alone) if isinstance(each, str) else each for each in several]


def read_dataset(slug: str, root: Path) -> Dataset:
    """Read a folder as the data set ``slug``. The result may have no photos.

    Raises InputError for a missing folder or an unexpected layout.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; to get {slug}: {entry_of(slug).get}")
    dataset = entry_of(slug).read(slug, root)
    return replace(dataset, variant=published_variant(dataset))


def slug_of(name: str) -> str:
    """The slug for a name such as "ChairV2" or "Clothes-V1". Raises InputError, which lists the known ones."""
    for slug in slugs():
        if _plain(slug) == _plain(name):
            return slug
    raise InputError(f"there is no data set '{name}'; known are {', '.join(slugs())}")


def _default_folder(slug: str) -> Path:
    parent = Path("datasets")
    for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
        if folder.is_dir() and _plain(folder.name) == _plain(slug):
            return folder
    wanted = parent.resolve() / slug
    raise InputError(f"{wanted}: no such folder; write {slug}:DIR, or get the data: {entry_of(slug).get}")


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
