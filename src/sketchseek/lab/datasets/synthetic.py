"""The synthetic things, made once where nobody says where they lie."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from sketchseek.lab.datasets.base import Dataset
from sketchseek.lab.datasets.folder import read_folder

THINGS, SEED = 1200, 0
TEST_SHARE = 2 / 12


def read_synthetic(slug: str, root: Path) -> Dataset:
    """A folder of ``sketchseek.synthetic.write_dataset``: ``photo/<name>.jpg``, ``sketch/<name>_<drawer>.json``.

    About one thing in six is test, by a hash of its name.
    """
    return read_folder(slug, root, TEST_SHARE)


def made_once() -> Path:
    """The folder of 1,200 things of seed 0 in the user's cache, made now if it is not there yet."""
    from sketchseek.synthetic import write_dataset

    folder = user_cache_path("sketchseek") / f"synthetic-{THINGS}-{SEED}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            write_dataset(unfinished, THINGS, SEED)
            if not folder.is_dir():  # another process may have been quicker
                unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder
