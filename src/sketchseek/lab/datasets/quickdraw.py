"""Read QuickDraw: drawings of categories, with the time of every point, but without photos."""

from __future__ import annotations

from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Dataset, SketchItem, Split, files
from sketchseek.strokes import read_quickdraw as read_drawings

NO_PHOTO = -1


def read_quickdraw(slug: str, root: Path) -> Dataset:
    """Read ``<category>.ndjson`` files, raw or simplified; everything is in the training part.

    ``sketch.photo`` is -1 for all sketches. Raises InputError for a folder without such files.
    """
    paths = files(root, frozenset({".ndjson"}))
    if not paths:
        raise InputError(f"{root}: holds no .ndjson files; `sketchseek doctor quickdraw` says where to get them")
    sketches = []
    problems = []
    for path in paths:
        try:
            for key, _, sketch in read_drawings(path):
                sketches.append(SketchItem(f"{path.stem}/{key}", NO_PHOTO, strokes=sketch.fitted(), category=path.stem))
        except InputError as error:
            problems.append(str(error))
    return Dataset(slug, root, Split((), tuple(sketches)), Split(), problems=tuple(problems))
