"""Read FS-COCO: photos of scenes from MS COCO, each drawn by one of 100 people with the time of every point, and
described by the same person.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sketchseek.errors import InputError
from sketchseek.files import decode_json
from sketchseek.lab.datasets.base import Dataset, Photo, SketchItem, Split, files, first_existing, folders
from sketchseek.strokes.sketch import Sketch

# The lists of the test photos by data set: photos of all drawers, or all photos of drawers that training never sees.
LISTS = {"fscoco": "val_normal.txt", "fscoco-unseen": "val_unseen_user.txt"}


def read_fscoco(slug: str, root: Path) -> Dataset:
    """Read ``images/<drawer>/<photo>.jpg``, ``raw_data/<drawer>/<photo>.json`` (strokes) and
    ``text/<drawer>/<photo>.txt`` (captions), in ``root`` or below ``fscoco``.

    The test part is listed in ``val_normal.txt``, or, as ``fscoco-unseen``, in ``val_unseen_user.txt``. Names of photos
    are numbers of MS COCO. Raises InputError where a folder or the list is missing, or the list names no photo.
    """
    base = root / "fscoco" if (root / "fscoco").is_dir() else root
    images, drawings = first_existing(base, "images"), first_existing(base, "raw_data")
    list_file = first_existing(base, LISTS[slug])
    held = {name.lstrip("0") for name in list_file.read_text(encoding="utf-8").split()}
    parts: dict[bool, tuple[list[Photo], list[SketchItem]]] = {False: ([], []), True: ([], [])}
    problems = []
    for folder in folders(images):
        for path in files(folder):
            drawing = drawings / folder.name / f"{path.stem}.json"
            try:
                strokes = _read_strokes(drawing)
            except InputError as error:
                problems.append(str(error))
                continue
            photos, sketches = parts[path.stem.lstrip("0") in held]
            sketches.append(SketchItem(path.stem, len(photos), strokes=strokes, drawer=folder.name))
            photos.append(Photo(path.stem, path, caption=_caption(base / "text" / folder.name / f"{path.stem}.txt")))
    if not parts[True][0]:
        raise InputError(f"{list_file}: names no photo below {images}; get the data set anew")
    train, test = (Split(tuple(photos), tuple(sketches)) for photos, sketches in parts.values())
    return Dataset(slug, root, train, test, problems=tuple(problems))


def _caption(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8", errors="replace").split()) if path.is_file() else ""


def _read_strokes(path: Path) -> Sketch:
    """A list of points, ``{"coordinates": [x, y], "pen_state": [lifts, draws, ends], "timestamp": t}``; x and y are in
    0..1. A point at which the pen lifts ends its stroke. Raises InputError for a file of anything else.
    """
    try:
        content = decode_json(path.read_text(encoding="utf-8"))
        begin = float(content[0]["timestamp"])
        strokes: list[list[tuple[float, float, float]]] = [[]]
        for point in content:
            x, y = map(float, point["coordinates"])
            strokes[-1].append((x, y, float(point["timestamp"]) - begin))
            if _lifts(point) and len(strokes[-1]) > 1:
                strokes.append([])
        return Sketch.from_arrays(strokes)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; its photo is left out") from None
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(f"{path}: is no drawing of FS-COCO ({error}); its photo is left out") from None


def _lifts(point: Any) -> bool:
    return int(point["pen_state"][0]) == 1
