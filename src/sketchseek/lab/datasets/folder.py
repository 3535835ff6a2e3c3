"""Read folders of one's own photos and sketches. The synthetic data set has the same layout."""

from __future__ import annotations

import re
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.files import decode_json
from sketchseek.formats import IMAGE_SUFFIXES, STROKE_SUFFIXES
from sketchseek.lab.datasets.base import (
    Dataset,
    Photo,
    SketchItem,
    Split,
    first_existing,
    match_sketches,
    read_strokes,
    split_by_name,
)

TEST_SHARE = 0.2


def read_folder(slug: str, root: Path, test_share: float = TEST_SHARE) -> Dataset:
    """Read ``photos/`` and ``sketches/`` (or ``photo``, ``sketch``), with any subfolders.

    Both may lie below ``train/`` and ``test/``. Otherwise ``test_share`` of the photos (0..1) are the test part, chosen
    by a hash of their names. A sketch is named ``<photo>_<drawer>``, split at the last underscore, or like its photo,
    or ``<photo>-sz<number>`` (the last two occur in CUFS). Sketches are our JSON, SVG or images. Captions come from
    ``words.json`` beside the two folders, a JSON object of photo names and texts. A folder that has neither ``photos``
    nor ``sketches`` is taken for photos without sketches.

    Raises InputError if there are no photos, or if ``words.json`` is invalid.
    """
    if (root / "train").is_dir() and (root / "test").is_dir():
        train, problems = _read_part(root / "train")
        test, more = _read_part(root / "test")
        return Dataset(slug, root, train, test, problems=(*problems, *more))
    everything, problems = _read_part(root)
    train, test = split_by_name(everything, test_share, "test")
    return Dataset(slug, root, train, test, problems=tuple(problems))


def _read_part(base: Path) -> tuple[Split, list[str]]:
    photo_folder, sketch_folder = base, base / "sketches"
    if any((base / name).is_dir() for name in ("photos", "photo", "sketches", "sketch")):
        photo_folder, sketch_folder = (
            first_existing(base, "photos", "photo"),
            first_existing(base, "sketches", "sketch"),
        )
    words = _words(base / "words.json")
    named = [(_name(path, photo_folder), path) for path in _files_below(photo_folder, IMAGE_SUFFIXES)]
    photos = [Photo(name, path, caption=words.get(name, "")) for name, path in named]
    if not photos:
        raise InputError(f"{photo_folder}: holds no photos; `sketchseek datasets` says what belongs where")
    names = {photo.name for photo in photos}
    sketches = []
    problems = []
    for path in _files_below(sketch_folder, IMAGE_SUFFIXES | STROKE_SUFFIXES):
        name = _name(path, sketch_folder)
        photo, drawer = _photo_and_drawer(name, names)
        try:
            sketches.append((photo, SketchItem(name, 0, path, read_strokes(path), drawer)))
        except InputError as error:
            problems.append(str(error))
    split, unpaired = match_sketches(photos, sketches)
    return split, problems + unpaired


def _photo_and_drawer(sketch: str, photos: set[str]) -> tuple[str, str]:
    """The photo's name and the drawer's, from the name of a sketch."""
    cufs = re.fullmatch(r"(.+)-(sz\d+)", sketch)
    if cufs and cufs[1] in photos:
        return cufs[1], cufs[2]
    photo, _, drawer = sketch.rpartition("_")
    return (sketch, "") if sketch in photos else (photo, drawer)


def _words(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        words = decode_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); repair or remove it") from None
    if not isinstance(words, dict) or not all(isinstance(text, str) for text in words.values()):
        raise InputError(f"{path}: is no object of photo names and texts; repair or remove it")
    return words


def _files_below(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
