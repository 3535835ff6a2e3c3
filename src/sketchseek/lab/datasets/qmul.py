"""QMUL ChairV2 and ShoeV2, and the first-version QMUL chairs and shoes."""

from __future__ import annotations

from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Dataset, Photo, SketchItem, Split, files, one_of, pair
from sketchseek.strokes import read_qmul


def read_v2(slug: str, root: Path) -> Dataset:
    """ChairV2 or ShoeV2, as coordinates or rendered.

    Coordinates: ``<Name>_Coordinate``, a pickle of ``/train/<photo>_<id>`` or ``/test/<photo>_<id>`` to points, beside
    ``photo/<photo>.png``. Rendered: ``trainA trainB testA testB``, A sketches ``<photo>_<id>.png`` and B photos.
    """
    if any((root / part).is_dir() for part in ("trainA", "testA")):
        return _read_rendered(slug, root, drawn=False)
    name = {"chairv2": "ChairV2_Coordinate", "shoev2": "ShoeV2_Coordinate"}[slug]
    drawings = read_qmul(one_of(root, name))
    paths = {path.stem: path for path in files(one_of(root, "photo", "photos"))}

    problems: list[str] = []
    splits = {}
    for part in ("train", "test"):
        keys = [key for key in drawings if part in key.split("/")[:-1]]
        sketches = [(_photo_name(key), SketchItem(key.rpartition("/")[2], 0, strokes=drawings[key])) for key in keys]
        names = sorted({photo for photo, _ in sketches} & paths.keys())
        splits[part], unpaired = pair([Photo(n, paths.pop(n)) for n in names], sketches)
        problems += unpaired
    lost = [key for key in drawings if not {"train", "test"} & set(key.split("/")[:-1])]
    problems += [f"{root / name}: the key '{key}' names neither train nor test" for key in lost]
    problems += [f"{path}: photo without a sketch" for path in paths.values()]
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


def read_clothes(slug: str, root: Path) -> Dataset:
    """Clothes-V1, rendered: A sketches ``<photo>_0<designer>.png``."""
    return _read_rendered(slug, root, drawn=True)


def _read_rendered(slug: str, root: Path, drawn: bool) -> Dataset:
    """``trainA trainB testA testB``: A sketches ``<photo>_<id>``, split at the last underscore, B photos ``<photo>``.

    With ``drawn`` the id says who drew.
    """
    problems: list[str] = []
    splits = {}
    for part in ("train", "test"):
        photos = [Photo(path.stem, path) for path in files(one_of(root, f"{part}B"))]
        sketches = []
        for path in files(one_of(root, f"{part}A")):
            photo, _, number = path.stem.rpartition("_")
            sketches.append((photo, SketchItem(path.stem, 0, path, drawer=number.lstrip("0") if drawn else "")))
        splits[part], unpaired = pair(photos, sketches)
        problems += unpaired
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


def read_v1(slug: str, root: Path) -> Dataset:
    """QMUL chair or shoe, first version: ``{train,test}/{sketches,images}`` (also ``sketch``, and ``photo``, ``photos``
    or ``image``), at once or below ``chairs`` or ``shoes``.

    One sketch a photo; the n-th sketch belongs to the n-th photo when both are sorted by name.

    Raises InputError where a part holds another number of sketches than of photos, for then the pairing is unknown.
    """
    root = root / f"{slug}s" if (root / f"{slug}s").is_dir() else root
    splits = {}
    for part in ("train", "test"):
        sketches = files(one_of(root / part, "sketches", "sketch"))
        photos = files(one_of(root / part, "images", "image", "photos", "photo"))
        if len(sketches) != len(photos):
            raise InputError(
                f"{root / part}: {len(sketches)} sketches and {len(photos)} photos; they are paired by sorted file "
                "order, so nothing may be missing: get the folder anew"
            )
        splits[part] = Split(
            tuple(Photo(path.stem, path) for path in photos),
            tuple(SketchItem(path.stem, i, path) for i, path in enumerate(sketches)),
        )
    return Dataset(slug, root, splits["train"], splits["test"])


def _photo_name(sketch: str) -> str:
    """What stands before the last underscore; photo names themselves contain underscores."""
    return sketch.rpartition("/")[2].rpartition("_")[0]
