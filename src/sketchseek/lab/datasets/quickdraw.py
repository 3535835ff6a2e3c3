"""Read QuickDraw: drawings of categories, with the time of every point, but without photos."""

from __future__ import annotations

from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import NO_PHOTO, Dataset, SketchItem, Split, files, hash_position
from sketchseek.strokes import read_quickdraw as read_drawings

TEST_DRAWINGS = 6


def read_quickdraw(slug: str, root: Path) -> Dataset:
    """Read ``<category>.ndjson`` files, raw or simplified.

    Six drawings of each category are in the test part, those that come first by a hash of their key.
    ``sketch.photo`` is ``NO_PHOTO`` for all sketches. Raises InputError for a folder without such files.
    """
    paths = files(root, frozenset({".ndjson"}))
    if not paths:
        raise InputError(f"{root}: holds no .ndjson files; `sketchseek doctor quickdraw` says where to get them")
    train: list[SketchItem] = []
    test: list[SketchItem] = []
    problems = []
    for path in paths:
        try:
            drawings = {key: sketch for key, _, sketch in read_drawings(path)}
            held = sorted(drawings, key=lambda key: hash_position(key, "everyday"))[:TEST_DRAWINGS]
            for key, sketch in drawings.items():
                item = SketchItem(f"{path.stem}/{key}", NO_PHOTO, strokes=sketch.fitted(), category=path.stem)
                (test if key in held else train).append(item)
        except InputError as error:
            problems.append(str(error))
    return Dataset(slug, root, Split((), tuple(train)), Split((), tuple(test)), problems=tuple(problems))
