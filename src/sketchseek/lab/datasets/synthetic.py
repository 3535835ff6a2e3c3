"""Read the synthetic data set, which is generated on first use."""

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
    """Read a folder of ``sketchseek.synthetic.write_dataset``: ``photo/<name>.jpg``, ``sketch/<name>_<drawer>.json``.

    About one thing in six is in the test part, chosen by a hash of its name. Its category is its name without the
    number.
    """
    dataset = read_folder(slug, root, TEST_SHARE)
    return replace(dataset, train=_with_categories(dataset.train), test=_with_categories(dataset.test))


def _with_categories(split: Split) -> Split:
    photos = tuple(replace(photo, category=photo.name.rpartition("_")[0]) for photo in split.photos)
    sketches = tuple(replace(sketch, category=photos[sketch.photo].category) for sketch in split.sketches)
    return Split(photos, sketches)


def generate_once() -> Path:
    """The folder of the data set (1,200 things of seed 0) in the user's cache; generates it if it does not exist.

    That takes about two minutes. Each version of the generator has its own folder.
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
                if not folder.is_dir():  # if it exists, another process generated it meanwhile
                    raise
    return folder
