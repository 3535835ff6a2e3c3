"""Read drawings saved in the page's practice mode, each with the photo that it was meant to find."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sketchseek.errors import InputError
from sketchseek.formats import PRACTICE_FORMAT, PRACTICE_VERSION
from sketchseek.lab.datasets.base import Dataset, Photo, SketchItem, Split, files, match_sketches
from sketchseek.strokes.sketch_json import decode_json, sketch_from_json


def read_drawings(slug: str, root: Path) -> Dataset:
    """Read a folder written by ``sketchseek serve --drawings``; everything is in the test part.

    ``gallery-<hash>.json`` lists the gallery's photos. Every other ``*.json`` is a drawing: a sketch file with two
    additional keys, ``photo`` (``{"name", "path"}`` of the photo drawn) and ``gallery`` (the hash). Photos are
    identified by their paths. Photos that share a name are named by their paths.

    Raises InputError for a folder without drawings, and for one with drawings of several galleries.
    """
    found: list[tuple[str, SketchItem]] = []
    galleries: Counter[str] = Counter()
    problems = []
    for path in files(root, frozenset({".json"})):
        if path.name.startswith("gallery-"):
            continue
        try:
            photo, gallery, sketch = _read_drawing(path)
        except InputError as error:
            problems.append(str(error))
            continue
        found.append((photo, sketch))
        galleries[gallery] += 1
    if not found:
        raise InputError(
            f"{root}: holds no saved drawings; serve a gallery with --drawings {root}, practise and save some"
        )
    if len(galleries) > 1:
        counts = ", ".join(f"{count} of {gallery[:12]}" for gallery, count in sorted(galleries.items()))
        raise InputError(f"{root}: holds drawings of several galleries ({counts}); keep a folder for each")
    photos = _read_gallery(root / f"gallery-{next(iter(galleries))}.json")
    # Match by path, because names need not be unique; then give photos the names shown in reports.
    split, unpaired = match_sketches([Photo(path, Path(path)) for path in photos], found)
    times = Counter(photos.values())
    shown = tuple(Photo(name if times[name] == 1 else path, Path(path)) for path, name in photos.items())
    return Dataset(slug, root, Split(), Split(shown, split.sketches), problems=(*problems, *unpaired))


def _read_drawing(path: Path) -> tuple[str, str, SketchItem]:
    """Read one drawing: the path of its photo, the gallery's hash, and the sketch."""
    content = _read(path)
    if not isinstance(content, dict) or not isinstance(content.get("gallery"), str):
        raise InputError(f"{path}: a sketch that names no gallery; move it to another folder")
    photo, gallery = content.pop("photo", None), content.pop("gallery")
    if not isinstance(photo, dict) or not isinstance(photo.get("path"), str):
        raise InputError(f"{path}: does not say which photo was drawn; delete it")
    sketch = sketch_from_json(content, path)
    if not sketch.strokes:
        raise InputError(f"{path}: nothing is drawn in it; delete it")
    return photo["path"], gallery, SketchItem(path.stem, 0, path, sketch)


def _read_gallery(path: Path) -> dict[str, str]:
    """Read the gallery's list: a dict of the photos' paths to their names, in order."""
    content = _read(path)
    try:
        if content["format"] != PRACTICE_FORMAT or content["version"] != PRACTICE_VERSION:
            raise ValueError
        photos = {str(photo["path"]): str(photo["name"]) for photo in content["photos"]}
        if not photos:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: not a list of a gallery's photos; save a drawing anew, which writes it") from None
    return photos


def _read(path: Path) -> Any:
    try:
        return decode_json(path.read_bytes(), path)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(f"{path}: {reason}; save a drawing of this gallery anew") from None
