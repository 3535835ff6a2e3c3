"""The synthetic things, made once where nobody says where they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Dataset, Split
from sketchseek.lab.datasets.folder import read_folder
from sketchseek.synthetic.dataset import generator_hash, write_dataset

THINGS, SEED = 1200, 0
TEST_SHARE = 2 / 12


def read_synthetic(slug: str, root: Path) -> Dataset:
    """A folder of ``sketchseek.synthetic.write_dataset``: ``photo/<name>.jpg``, ``sketch/<name>_<drawer>.json``.

    About one thing in six is test, by a hash of its name. A thing's category is its name without the number.
    """
    dataset = read_folder(slug, root, TEST_SHARE)
    return replace(dataset, train=_with_categories(dataset.train), test=_with_categories(dataset.test))


def _with_categories(split: Split) -> Split:
    photos = tuple(replace(photo, category=photo.name.rpartition("_")[0]) for photo in split.photos)
    sketches = tuple(replace(sketch, category=photos[sketch.photo].category) for sketch in split.sketches)
    return Split(photos, sketches)


def made_once() -> Path:
    """The folder of 1,200 things of seed 0 in the user's cache, made now, in about two minutes, if it is not there yet.

    Another version of the generator makes a folder of its own.
    """
    from rich.console import Console
    from rich.progress import Progress

    folder = user_cache_path("sketchseek") / f"synthetic-{THINGS}-{SEED}-{generator_hash()}"
    if not folder.is_dir():
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(f"making {THINGS:,} synthetic things", total=THINGS)
            try:
                write_dataset(folder, THINGS, SEED, progress=lambda done, _: bar.update(task, completed=done))
            except InputError:
                if not folder.is_dir():  # else another process was quicker
                    raise
    return folder
