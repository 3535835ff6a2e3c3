"""Read QuickDraw: drawings of categories, with the time of every point, but without photos."""

from __future__ import annotations

from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import NO_PHOTO, Dataset, SketchItem, Split, files, hash_position
from sketchseek.strokes import read_quickdraw as read_drawings

TEST_DRAWINGS = 6


def read_quickdraw(slug: str, root: Path) -> Dataset:
    """Read ``<category>.ndjson`` files, raw or simplified, or both from the folders ``simplified`` and ``raw`` of
    ``root``; a drawing that is in both is read once, simplified.

    Six drawings of each category are in the test part, those that come first by a hash of their key (with both folders,
    of the simplified ones). ``sketch.photo`` is ``NO_PHOTO`` for all sketches. Raises InputError for a folder without
    such files.
    """
    folders = [f for f in (root, root / "simplified", root / "raw") if f.is_dir()]
    paths = [path for folder in folders for path in files(folder, frozenset({".ndjson"}))]
    if not paths:
        raise InputError(f"{root}: holds no .ndjson files; `sketchseek doctor quickdraw` says where to get them")
    train: list[SketchItem] = []
    test: list[SketchItem] = []
    problems = []
    read: dict[str, set[str]] = {}  # keys by category
    for path in paths:
        try:
            before = read.setdefault(path.stem, set())
            drawings = {key: sketch for key, _, sketch in read_drawings(path) if key not in before}
            held = [] if before else sorted(drawings, key=lambda k: hash_position(k, "everyday"))[:TEST_DRAWINGS]
            before.update(drawings)
            for key, sketch in drawings.items():
                item = SketchItem(f"{path.stem}/{key}", NO_PHOTO, strokes=sketch.fitted(), category=path.stem)
                (test if key in held else train).append(item)
        except InputError as error:
            problems.append(str(error))
    return Dataset(slug, root, Split((), tuple(train)), Split((), tuple(test)), problems=tuple(problems))
